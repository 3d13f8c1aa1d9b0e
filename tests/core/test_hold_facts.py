"""What a pairing that several controllers share looks like from one of them, and what it may do there."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from core.builders import (
    AUTO_DISABLED,
    OK,
    RECORD,
    REFUSED,
    RUNNING,
    killed,
    observation,
    reading,
    services,
    stopped,
)
from core.here_bench import STANDBY, Here
from nova_watchdog.core.breaker import Breaker
from nova_watchdog.core.budget import Pace
from nova_watchdog.core.diagnose import Condition, Diagnosis, condition_of, diagnose
from nova_watchdog.core.facts import HeartbeatFact, HoldFact, NovaFact, UnitFact, VCenterFact
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import ARM_EARLY_S, DEADLINE_EARLY_S, START_RESERVE_S, Holding
from nova_watchdog.core.model import Observation, StopCause, Unknown
from nova_watchdog.core.permission import Permission, with_hold
from nova_watchdog.core.rules import Next, Proof, Situation, Verb, rule_for
from nova_watchdog.core.state import Phase

MINE = Holding(Claim.MINE, until_s=215.0, since_s=120.0, epoch=7)
HOLD_FACTS = {
    Claim.UNREAD: HoldFact.NOT_HELD,
    Claim.NOBODY: HoldFact.ALONE,
    Claim.MINE: HoldFact.HELD,
    Claim.HELD: HoldFact.STANDBY,
    Claim.RESERVED: HoldFact.STANDBY,
    Claim.STOPPED: HoldFact.NOT_HELD,
    Claim.FREE: HoldFact.NOT_HELD,
    Claim.OFFERED: HoldFact.NOT_HELD,
    Claim.SILENT: HoldFact.NOT_HELD,
}


# --- the permission


@pytest.mark.parametrize("claim", list(Claim))
def test_only_a_hold_that_is_mine_with_an_armed_deadline_allows_anything(claim):
    """And only until shortly before it."""
    holding = Holding(claim, until_s=215.0)
    assert holding.allows(200.0) is (claim is Claim.MINE)
    assert not replace(holding, until_s=None).allows(200.0)
    assert not holding.allows(215.0 - START_RESERVE_S)
    assert not holding.allows(300.0)
    if claim is Claim.MINE:
        assert holding.allows(215.0 - START_RESERVE_S - 0.001)


def test_a_hold_covers_what_happened_between_its_beginning_and_its_deadline():
    """The timer is set a little early, so what it stops is not taken for a human's stop."""
    assert not MINE.covers(119.999)
    assert MINE.covers(120.0)
    assert MINE.covers(215.0 - DEADLINE_EARLY_S - 0.001)
    for at_s in (215.0 - DEADLINE_EARLY_S, 215.0 - ARM_EARLY_S, 215.0, 300.0):
        assert not MINE.covers(at_s)
    assert not replace(MINE, until_s=None).covers(150.0)
    assert not MINE.covers(0.0)


@pytest.mark.parametrize("permission", list(Permission))
def test_a_hold_takes_the_permission_and_never_gives_one(permission):
    """A pause stays a pause, and its reason is the one that is told."""
    assert with_hold(permission, None, 200.0) is permission
    assert with_hold(permission, MINE, 200.0) is permission
    without = with_hold(permission, replace(MINE, until_s=None), 200.0)
    assert without is (Permission.NOT_HELD if permission is Permission.PROTECT else permission)


# --- the facts and the diagnosis


@pytest.mark.parametrize("claim", list(Claim))
def test_every_claim_is_a_fact(claim):
    """Whatever it is, it has a column."""
    decision = Here(Holding(claim)).see(observation(200.0, killed(150)), 200.0)
    assert decision.facts.hold is HOLD_FACTS[claim]


@pytest.mark.parametrize("hold", list(HoldFact))
def test_a_pairing_without_a_process_is_judged_by_its_hold_first(hold):
    """Nothing but the holder's own trouble is called a process that is down."""
    standby = {HoldFact.STANDBY: Diagnosis.STANDBY, HoldFact.NOT_HELD: Diagnosis.NOT_HELD}
    for unit, vcenter, nova, heartbeat in itertools.product(UnitFact, VCenterFact, NovaFact, HeartbeatFact):
        facts = replace(STANDBY, unit=unit, vcenter=vcenter, nova=nova, heartbeat=heartbeat, hold=hold)
        diagnosis = diagnose(facts).diagnosis
        if unit in (UnitFact.STOPPED, UnitFact.DOWN) and hold in standby:
            assert diagnosis is standby[hold]
        else:
            assert diagnosis not in standby.values()


def test_a_standby_is_healthy_and_a_pairing_that_nobody_holds_is_not():
    """The condition is the cluster's, and it is served elsewhere."""
    assert condition_of(Diagnosis.STANDBY) is Condition.HEALTHY
    assert condition_of(Diagnosis.NOT_HELD) is Condition.FAILED


@pytest.mark.parametrize(
    ("claim", "rule"),
    [
        (Claim.HELD, "R04"),
        (Claim.RESERVED, "R04"),
        (Claim.UNREAD, "R05"),
        (Claim.STOPPED, "R05"),
        (Claim.FREE, "R05"),
        (Claim.OFFERED, "R05"),
        (Claim.SILENT, "R05"),
    ],
)
@pytest.mark.parametrize("unit", [killed(150), stopped(150)])
@pytest.mark.parametrize("vcenter", [OK, REFUSED])
def test_without_the_hold_nothing_is_done_and_the_phase_stands(claim, rule, unit, vcenter):
    """Whatever vCenter says, and however the unit ended."""
    for phase in Phase:
        bench = Here(Holding(claim, holder="ctl-a", epoch=7), phase)
        decision = bench.see(observation(200.0, unit, vcenter), 200.0)
        assert (decision.rule.number, decision.actions, bench.state.phase) == (rule, (), phase)
        assert bench.state.held_epoch == 0


def test_the_holders_reports_are_no_alarm_to_its_standby():
    """They come from elsewhere, as they should."""
    bench = Here(Holding(Claim.HELD, holder="ctl-a", epoch=7))
    for at_s in range(200, 260, 5):
        decision = bench.see(
            observation(at_s, killed(150), record=replace(RECORD, updated_at=f"{at_s // 10}")), at_s
        )
        assert decision.diagnosis.diagnosis is Diagnosis.STANDBY
    assert decision.facts.heartbeat is HeartbeatFact.ELSEWHERE


def test_before_the_first_hold_a_dead_process_is_not_started():
    """Another controller may be the one where it runs: the table of holding has the word."""
    decision = Here(Holding(Claim.NOBODY)).see(observation(200.0, killed(150)), 200.0)
    assert (decision.rule.number, decision.actions) == ("R28", ())


@pytest.mark.parametrize("claim", [one for one in Claim if one is not Claim.MINE])
def test_what_runs_here_without_a_hold_is_neither_killed_nor_enabled_by_these_rules(claim):
    """Its kill is the keeper's; Nova's record is the holder's to mend."""
    bench = Here(Holding(claim))
    for at_s in range(200, 500, 5):
        decision = bench.see(observation(at_s, RUNNING, record=AUTO_DISABLED), at_s)
        assert decision.actions == ()
    assert decision.diagnosis.diagnosis not in (Diagnosis.STANDBY, Diagnosis.NOT_HELD)


def test_without_systemd_there_is_no_verdict_held_or_not():
    """Not even that it stands by."""
    for claim in Claim:
        seen = Observation(Unknown("lost", 200), reading(OK, 200), reading(services(), 200))
        assert Here(Holding(claim)).see(seen, 200.0).diagnosis.diagnosis is Diagnosis.UNKNOWN


# --- the rules


@pytest.mark.parametrize(("diagnosis", "number"), [(Diagnosis.STANDBY, "R04"), (Diagnosis.NOT_HELD, "R05")])
def test_a_standby_keeps_still_in_every_situation(diagnosis, number):
    """Whatever else is true of it."""
    for cells in itertools.product(Permission, Phase, Proof, Pace, Breaker):
        permission, phase, proof, pace, breaker = cells
        rule = rule_for(Situation(permission, phase, diagnosis, proof, pace, breaker))
        assert (rule.number, rule.next, rule.verb) == (number, Next.KEEP, Verb.NOTHING)


def test_without_an_armed_deadline_a_dead_process_is_not_started_and_says_so():
    """In every phase from which it would be; the others have their own reasons first."""
    for phase, proof, pace, breaker in itertools.product(Phase, Proof, Pace, Breaker):
        situation = Situation(Permission.NOT_HELD, phase, Diagnosis.PROCESS_DOWN, proof, pace, breaker)
        rule = rule_for(situation)
        own = {Phase.NEW: "R10", Phase.STOPPED: "R12", Phase.GIVEN_UP: "R13"}
        assert (rule.number, rule.verb) == (own.get(phase, "R28"), Verb.NOTHING)


def test_what_is_held_is_started_as_ever_and_not_a_moment_after_its_deadline():
    """The main job, under a hold."""
    bench = Here(MINE)
    bench.healthy_at(150)
    assert len(bench.see(observation(200.1, killed(200)), 200.1).actions) == 1
    late = Here(replace(MINE, until_s=None))
    late.healthy_at(150)
    assert late.see(observation(200.1, killed(200)), 200.1).rule.number == "R28"


def test_a_hung_process_without_an_armed_deadline_is_left_to_it():
    """A kill without a start to follow helps nobody."""
    for phase, proof, pace, breaker in itertools.product(Phase, Proof, Pace, Breaker):
        situation = Situation(Permission.NOT_HELD, phase, Diagnosis.PROCESS_HUNG, proof, pace, breaker)
        assert rule_for(situation).verb is Verb.NOTHING


# --- who stopped it


def test_what_the_deadline_or_a_release_stopped_is_no_humans_wish():
    """A job that is not ours stopped it before this hold began: with the hold it is started."""
    bench = Here(replace(MINE, since_s=210.0, dead_since_s=205.0))
    decision = bench.see(observation(211.0, stopped(204.0)), 211.0)
    assert decision.facts.unit is UnitFact.DOWN
    assert decision.rule.number == "R39"


def test_what_a_human_stops_under_the_hold_is_respected():
    """From the moment on at which it began."""
    for at_s in (120.0, 199.0):
        bench = Here(MINE)
        decision = bench.see(observation(200.0, stopped(at_s)), 200.0)
        assert (decision.facts.unit, decision.rule.number) == (UnitFact.STOPPED, "R11")


def test_what_was_stopped_under_another_ones_hold_is_nobodys_wish():
    """The deadline stops it, and so does the keeper: nothing is done about it either way."""
    decision = Here(Holding(Claim.HELD)).see(observation(200.0, stopped(100.0)), 200.0)
    assert decision.facts.unit is UnitFact.DOWN


def forgotten():
    """systemd has no memory of a unit that ended cleanly."""
    return replace(stopped(0), stop_cause=StopCause.NEVER_RAN, started_at_s=0, invocation_id="")


def test_a_clean_end_under_the_hold_that_systemd_forgot_is_respected():
    """A human's stop, as without a hold; the unit looks as if it had never run."""
    bench = Here(MINE)
    bench.see(observation(150.0), 150.0)
    decision = bench.see(observation(200.0, forgotten()), 200.0)
    assert (decision.facts.unit, decision.rule.number) == (UnitFact.STOPPED, "R11")


def test_a_clean_end_before_the_hold_that_systemd_forgot_is_down():
    """It was released, came back, and systemd has forgotten that it ever ran."""
    bench = Here(Holding(Claim.HELD, holder="ctl-a", epoch=6))
    bench.see(observation(110.0), 110.0)
    bench.see(observation(115.0, stopped(114.0)), 115.0)
    bench.see(observation(118.0, forgotten()), 118.0)
    bench.holding = replace(MINE, dead_since_s=119.0)
    decision = bench.see(observation(121.0, forgotten()), 121.0)
    assert decision.facts.unit is UnitFact.DOWN
