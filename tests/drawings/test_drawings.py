"""The page of rules is what the code says, and a number leads to its row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.builders import Bench, killed, observation
from drawings import phases
from drawings.tables import Table, conditions, entry, escaped, link, section, target
from drawings.walk import deciding
from drawings.write import PAGE, TABLES, page
from nova_watchdog.core.budget import Pace
from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.permission import Permission
from nova_watchdog.core.rules import TABLE, Next, Rule, Situation, Verb
from nova_watchdog.core.state import Phase
from nova_watchdog.core.table import When, first_match, kinds, when

ROOT = Path(__file__).parents[2]
BY_TITLE = [pytest.param(table, id=table.title) for table in TABLES]


def test_the_page_is_current() -> None:
    """Draw it anew with `PYTHONPATH=watchdog:tests python -m drawings.write`."""
    assert PAGE.read_text() == page()


@pytest.mark.parametrize("table", BY_TITLE)
def test_every_row_has_one_line_that_links_lead_to(table: Table) -> None:
    """With all that the row says; a link's target is the number in small letters."""
    lines = page().splitlines()
    for row in table.rows:
        (line,) = [line for line in lines if line.startswith(f"| {target(row.number)} |")]
        shown = [getattr(row, field) for field in table.columns]
        assert all(escaped(str(getattr(one, "value", one))) in line for one in shown), row.number


def test_numbers_differ_over_all_tables() -> None:
    """They share one page, so two rows of one number would have one target."""
    numbers = [row.number for table in TABLES for row in table.rows]
    assert len(set(numbers)) == len(numbers)


def test_every_link_within_the_page_has_its_target() -> None:
    """Rows by their targets, sections by their headings."""
    text = page()
    targets = set(re.findall(r'<a id="([^"]+)">', text))
    targets |= {line.lstrip("# ").lower().replace(" ", "-") for line in text.splitlines() if line[:1] == "#"}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= targets


@pytest.mark.parametrize(
    ("document", "link_there"), [("README.md", "docs/rules.md"), ("docs/architecture.md", "rules.md")]
)
def test_who_looks_for_the_page_finds_it(document: str, link_there: str) -> None:
    """From the front page and from the architecture."""
    assert f"({link_there})" in (ROOT / document).read_text()


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_is_drawn_and_can_be_entered(phase: Phase) -> None:
    """Once as a state, at least once at the end of an arrow, and once in the table beside it."""
    lines = list(phases.diagram())
    assert lines.count(f'    state "{phase.value}" as {phase.name}') == 1
    assert any(re.match(rf"    \S+ --> {phase.name}(:|$)", line) for line in lines)
    assert [line for line in phases.table() if line.startswith(f"| `{phase.value}` |")]


def test_the_diagram_keeps_to_what_mermaid_reads() -> None:
    """States without dashes, one arrow a line, and no sign in a label that would end it."""
    head, *lines = phases.diagram()
    assert head == "stateDiagram-v2"
    state, arrow = r'state "[a-z-]+" as [A-Z_]+', r"(\[\*\]|[A-Z_]+) --> [A-Z_]+(: [\w ,()-]+)?"
    assert [line for line in lines if not re.fullmatch(rf"    ({state}|{arrow})", line)] == []


def test_every_rule_that_acts_or_sets_a_phase_is_in_the_diagram() -> None:
    """Of those that neither act nor change anything it shows none."""
    drawn = {
        cause.number for causes in phases.edges().values() for cause in causes if isinstance(cause, Rule)
    }
    acting = {rule.number for rule in TABLE if rule.verb is not Verb.NOTHING or rule.next is not Next.KEEP}
    assert drawn == acting


def test_only_what_can_happen_is_drawn() -> None:
    """A unit that runs is watched before a rule is asked: no rule leads a stopped pairing to watching."""
    edges = phases.edges()
    for before in (Phase.NEW, Phase.WAITING, Phase.STOPPED, Phase.GIVEN_UP):
        causes = edges[before, Phase.WATCHING]
        assert "its unit runs" in causes
        assert [cause for cause in causes if isinstance(cause, Rule)] == [], before
    assert "its unit runs" not in edges[Phase.RECOVERING, Phase.WATCHING]
    assert [before for (before, after), causes in edges.items() if "reboot" in causes] == [Phase.GIVEN_UP]


def test_a_short_walk_finds_what_the_long_one_does() -> None:
    """With columns given, and with none: then every row decides something."""
    found = {
        first_match(TABLE, situation).number
        for situation in kinds(Situation, TABLE)
        if situation.phase is Phase.WAITING and situation.diagnosis is Diagnosis.PROCESS_DOWN
    }
    assert deciding(TABLE, Situation, phase=Phase.WAITING, diagnosis=Diagnosis.PROCESS_DOWN) == found
    assert deciding(TABLE, Situation) == {rule.number for rule in TABLE}


def test_a_start_is_an_arrow_of_the_diagram() -> None:
    """What is decided about a killed process is what is drawn."""
    bench = Bench()
    bench.healthy_at(190.0)
    rule = bench.see(observation(201.0, unit=killed(200.0)), 201.0).rule
    assert rule.verb is Verb.START
    assert rule in phases.edges()[Phase.WATCHING, bench.state.phase]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (when(), "in every other case"),
        (when(pace=Pace.SPENT), "pace is `spent`"),
        (when(pace=Pace.SPENT, permission=Permission.PAUSED), "permission is `paused`; pace is `spent`"),
        (when(pace=(Pace.SPENT, Pace.READY)), "pace is `ready` or `spent`"),
        (when(pace=tuple(Pace)), "pace is `ready`, `backing-off` or `spent`"),
    ],
)
def test_cells_are_told_in_words(cells: When, words: str) -> None:
    """In the order of the columns and of the closed lists, which a set does not keep."""
    assert conditions(cells, Situation) == words


def test_any_rows_with_a_number_and_cells_can_be_drawn() -> None:
    """Signs that would end a cell or begin a tag are escaped; fields that are not named are left out."""
    row = Rule("R07", when(phase=Phase.NEW), Next.KEEP, Verb.PROBE, "a|b <c>", "secret")
    text = "\n".join(section(Table("A table", "what for", [row], Situation, {"why": "why", "verb": "does"})))
    assert r'| <a id="r07"></a>R07 | phase is `new` | a\|b \<c\> | `probe` |' in text
    assert "secret" not in text
    assert "### Columns of a table" in text
    assert "`probe` (ask for fresh readings)" in text
    assert link("R07") == "[R07](#r07)"


def test_the_head_of_the_page_names_every_table() -> None:
    """By the first letter of its numbers."""
    table = Table("A table", "what for", TABLE, Situation, {})
    assert entry(table) == "- `Rnn`: [a table](#a-table): what for"
    text = page()
    assert [table.title for table in TABLES if entry(table) not in text] == []
