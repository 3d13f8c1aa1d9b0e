"""Both decision tables are total and have no row that never decides."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import get_type_hints

import pytest

from core.table_walk import decided, ways
from nova_watchdog.core import diagnose, rules
from nova_watchdog.core.budget import Pace
from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.facts import Facts
from nova_watchdog.core.hold import rules as hold_rules
from nova_watchdog.core.hold.rules import HoldSituation
from nova_watchdog.core.permission import Permission
from nova_watchdog.core.rules import Next, Rule, Situation, Verb
from nova_watchdog.core.state import Phase
from nova_watchdog.core.table import domain, first_match, kinds, matches, when

TABLES = [
    pytest.param(diagnose.TABLE, Facts, id="diagnosis"),
    pytest.param(rules.TABLE, Situation, id="rules"),
    pytest.param(hold_rules.TABLE, HoldSituation, id="holding"),
]


@pytest.mark.parametrize(("table", "situation_type"), TABLES)
def test_every_combination_has_a_row_and_no_row_is_shadowed(table, situation_type):
    """One without a row would raise in the middle of the night; a row that never decides is a lie."""
    numbers = [number for _, number in ways(table, situation_type)]
    assert "" not in numbers
    assert set(numbers) == {row.number for row in table}


@pytest.mark.parametrize(("table", "situation_type"), TABLES)
def test_the_first_match_is_the_row_at_the_end_of_the_way(table, situation_type):
    """What is proven of the ways is so for the daemon."""
    for situation, number in ways(table, situation_type):
        assert first_match(table, situation).number == number


@pytest.mark.parametrize(("table", "situation_type"), TABLES[1:])
def test_every_situation_goes_one_of_the_ways(table, situation_type):
    """Seen on the tables that are small enough for a look at all there is."""
    numbers = {number for _, number in ways(table, situation_type)}
    assert numbers == {row.number for _, row in decided(situation_type)}


def test_a_way_without_a_row_and_a_row_behind_another_are_seen():
    """The two tests above can fail."""
    rows = [
        Rule("R01", when(permission=Permission.OBSERVE, pace=Pace.READY), Next.KEEP, Verb.NOTHING, "x"),
        Rule("R02", when(permission=Permission.OBSERVE), Next.KEEP, Verb.NOTHING, "x"),
        Rule("R03", when(permission=Permission.OBSERVE, pace=Pace.SPENT), Next.KEEP, Verb.NOTHING, "x"),
    ]
    assert {number for _, number in ways(rows, Situation)} == {"R01", "R02", ""}


@pytest.mark.parametrize(("table", "situation_type"), TABLES)
def test_cells_name_columns_and_members_of_their_type(table, situation_type):
    """A misspelt column would never match; a member of another enum neither."""
    members = {name: set(members) for name, members in get_type_hints(situation_type).items()}
    for row in table:
        for column, cell in row.when.items():
            assert cell <= members[column], row.number


@pytest.mark.parametrize("table", [diagnose.TABLE, rules.TABLE, hold_rules.TABLE])
def test_numbers_are_unique_and_in_order(table):
    """Numbers are what operators quote, so they are stable and sorted."""
    numbers = [row.number for row in table]
    assert all(re.fullmatch(r"[DRH]\d\d", n) for n in numbers)
    assert all(a < b for a, b in pairwise(numbers))


def test_kinds_leave_out_only_what_no_row_tells_apart():
    """Each situation of the whole domain is decided by the row that decides one of its kind."""
    table = hold_rules.TABLE
    found = list(kinds(HoldSituation, table))
    everything = decided(HoldSituation)
    assert {first_match(table, s).number for s in found} == {row.number for _, row in everything}
    assert len(found) < len(everything)


def test_every_diagnosis_is_reachable():
    """The closed list has no word that the table never says."""
    assert {row.diagnosis for row in diagnose.TABLE} == set(Diagnosis)


def test_a_start_needs_a_dead_process_a_passed_canary_and_the_mode_protect():
    """The safety of the table itself, over the whole domain."""
    starts = [s for s, rule in decided(Situation) if rule.verb in (Verb.START, Verb.START_FREE)]
    assert starts
    for s in starts:
        assert s.diagnosis is Diagnosis.PROCESS_DOWN
        assert s.proof is not rules.Proof.NONE
        assert s.permission is Permission.PROTECT
        assert s.phase in (Phase.WATCHING, Phase.RECOVERING, Phase.WAITING)
        assert s.pace is not Pace.BACKING_OFF


def test_without_permission_nothing_is_changed():
    """In observe, paused or in maintenance no row acts, whatever the situation."""
    verbs = {rule.verb for s, rule in decided(Situation) if s.permission is not Permission.PROTECT}
    assert verbs == {Verb.NOTHING}


def test_a_service_is_enabled_only_when_stuck():
    """An operator's disable is never touched."""
    for s, rule in decided(Situation):
        if rule.verb is Verb.ENABLE:
            assert s.diagnosis is Diagnosis.STUCK_DISABLED


def test_a_spent_budget_never_charges_again():
    """A start that counts needs budget left."""
    for s, rule in decided(Situation):
        if rule.verb is Verb.START:
            assert s.pace is Pace.READY


def test_every_rule_says_why():
    """The why is the log line and the page."""
    assert all(len(rule.why) > 10 for rule in rules.TABLE)


def test_a_table_with_a_hole_raises():
    """The totality test can fail."""
    with pytest.raises(LookupError, match="no row"):
        first_match(
            [Rule("R01", when(permission=Permission.OBSERVE), Next.KEEP, Verb.NOTHING, "x")],
            next(s for s in domain(Situation) if s.permission is Permission.PROTECT),
        )


def test_a_cell_may_hold_one_member_or_several():
    """`when` takes both."""
    situation = next(iter(domain(Situation)))
    assert matches(when(permission=situation.permission), situation)
    assert matches(when(permission=tuple(Permission)), situation)
    assert matches(when(), situation)
