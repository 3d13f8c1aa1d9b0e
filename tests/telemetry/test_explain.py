"""Why a pairing is judged as it is: every row of both tables, and what is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from nova_watchdog.core import diagnose, rules
from nova_watchdog.core.model import Answer, ComputeOnBus
from nova_watchdog.telemetry import screen_explain
from nova_watchdog.telemetry.explain import explanation
from nova_watchdog.telemetry.view_readings import Document
from telemetry import pictures
from telemetry.pictures import Story

TABLES = (("diagnosis_rows", "facts"), ("rule_rows", "situation"))


def explained(story: Story, *, later_s: float = 0.0) -> Document:
    snapshot = pictures.fleet(story)
    return explanation(
        snapshot,
        story.pairing.name,
        now_s=snapshot.now_s + later_s,
        wall_s=snapshot.wall_s + later_s,
        stale_after_s=20.0,
    )


def screen(story: Story, *, columns: int = 100, later_s: float = 0.0) -> str:
    return screen_explain.render(explained(story, later_s=later_s), columns=columns)


@pytest.mark.parametrize("story", pictures.EVERY, ids=lambda s: s.__name__)
def test_every_row_says_whether_it_matches(story: Callable[[], Story]) -> None:
    """The first that matches decides, as it did; every row above names a column that keeps it out."""
    told = story()
    found = explained(told)
    assert told.decision is not None
    decided = {"diagnosis_rows": told.decision.diagnosis.number, "rule_rows": told.decision.rule.number}
    for rows, columns in TABLES:
        matching = [row["row"] for row in found[rows] if row["matches"]]
        assert matching[0] == decided[rows]
        assert [row["row"] for row in found[rows] if row["decides"]] == [decided[rows]]
        for row in found[rows]:
            if row["matches"]:
                assert row["mismatch"] is None
            else:
                mismatch = row["mismatch"]
                assert found[columns][mismatch["column"]] == mismatch["is"]
                assert mismatch["is"] not in mismatch["wants"]


def test_every_row_of_both_tables_is_there_in_order() -> None:
    """Also those below the one that decides."""
    found = explained(pictures.killed())
    assert [row["row"] for row in found["diagnosis_rows"]] == [row.number for row in diagnose.TABLE]
    assert [row["row"] for row in found["rule_rows"]] == [row.number for row in rules.TABLE]


def test_a_mismatch_names_the_first_column_and_what_the_row_wants() -> None:
    """In the order of the closed list, whatever the order of the set."""
    found = {row["row"]: row for row in explained(pictures.healthy())["diagnosis_rows"]}
    assert found["D10"]["mismatch"] == {"column": "unit", "is": "up", "wants": ["down"]}
    assert found["D04"]["mismatch"]["wants"] == ["stopped", "down"]


def test_the_facts_are_those_of_the_table() -> None:
    """Not the word for people: without a record the table's service is enabled."""
    found = explained(pictures.blind())
    assert found["facts"]["service"] == "enabled"
    assert found["pairing"]["facts"]["service"] == "unknown"


@pytest.mark.parametrize(
    ("story", "actions"),
    [
        (pictures.healthy, []),
        (pictures.killed, [("start", "nova-compute@cluster-a.service", None)]),
        (pictures.hung, [("kill", "nova-compute@cluster-a.service", None)]),
        (pictures.killed_just_now, [("probe", "", None)]),
        (pictures.stuck_disabled, [("look-again", "", 10.0)]),
        (pictures.paused, []),
    ],
)
def test_what_is_done_is_told(
    story: Callable[[], Story], actions: list[tuple[str, str, float | None]]
) -> None:
    """As the last decision asked for it, in order."""
    found = [(one["action"], one["target"], one["in_s"]) for one in explained(story())["would_do"]]
    assert found == actions


def test_an_enable_names_novas_host() -> None:
    """The tick that finds the disable stuck."""
    story = pictures.auto_disabled()
    enabled: list[Document] = []
    for step in range(1, 40):
        enabled += [one for one in explained(story.tick(40.0 + 5.0 * step))["would_do"] if one["target"]]
    assert enabled[0] == {"action": "enable", "target": "compute-cluster-a", "in_s": None}


def test_what_stands_against_an_action_is_told() -> None:
    """Without a record nothing is done, whatever was decided."""
    story = pictures.killed()
    assert explained(story)["blocked"] == ""
    story.store_problem = "store.json: No space left on device"
    why = "its record cannot be written: store.json: No space left on device"
    assert explained(story)["blocked"] == why
    assert f"nothing is done: {why}" in " ".join(screen(story).split())
    assert explained(pictures.record_unwritable())["blocked"] == ""


def test_a_pairing_that_nobody_looked_at_has_no_explanation() -> None:
    """The caller knows what that means."""
    snapshot = pictures.fleet(pictures.healthy())
    with pytest.raises(KeyError):
        explanation(snapshot, "cluster-z", now_s=30.0, wall_s=30.0, stale_after_s=20.0)


@pytest.mark.parametrize("story", pictures.EVERY, ids=lambda s: s.__name__)
def test_the_text_fits_and_marks_the_rows_that_decide(story: Callable[[], Story]) -> None:
    """100 columns; one mark in each table; every reading is there or says why not."""
    told = story()
    lines = screen(told).splitlines()
    assert max(len(line) for line in lines) <= 100
    assert told.decision is not None
    marked = [line.split()[1] for line in lines if line.startswith("  > ")]
    assert marked == [told.decision.diagnosis.number, told.decision.rule.number]
    labels = {line[2:12].strip() for line in lines[2 : lines.index("facts: what the readings say")]}
    assert labels >= {"unit", "vcenter", "nova", "bus", "load", "cluster"}


def test_the_text_says_why_a_row_does_not_match() -> None:
    """As a sentence."""
    text = screen(pictures.healthy())
    assert "D10 process-down            unit is up, row wants down\n" in text
    assert "R31 nothing     permission is protect, row wants paused\n" in text
    assert (
        "D90 healthy                 process, vCenter, message bus, heartbeat and service are fine\n" in text
    )
    degraded = screen(pictures.degraded())
    assert "D90 healthy                 matches too, a row above decides\n" in degraded
    assert "concern   2 in BUILD without a change" not in degraded
    assert "concern   1 in BUILD without a change, the oldest for 31 min (builds-stuck)\n" in degraded


def test_unknown_readings_say_why() -> None:
    """And a cluster or load that is not there is not a zero."""
    text = screen(pictures.unread())
    for label in ("unit", "vcenter", "nova", "bus", "load", "cluster"):
        assert f"  {label:<10}unknown for 0s: not read yet\n" in text
    gone = screen(pictures.cluster_gone())
    assert "cluster   no cluster cluster-a, read 0s ago\n" in gone


def test_the_text_tells_what_lies_behind() -> None:
    """Load, cluster, sessions and certificate in one look."""
    flat = " ".join(screen(pictures.healthy()).split())
    assert "load 12 instances, 0 in BUILD, read 0s ago" in flat
    assert (
        "cluster cluster-a (domain-c8), hosts connected 3 of 3, 0 in maintenance, DRS fullyAutomated, "
        "2 of 2 datastores usable with 65 GiB free, read 0s ago "
        "1 session of nova's account, idle for 12s, certificate until 2026-10-29" in flat
    )
    blind = pictures.healthy()
    blind.sessions, blind.certificate_expires_in_s = None, None
    assert "no privilege to see nova's sessions, no certificate" in " ".join(screen(blind.tick(35.0)).split())


def test_what_is_not_there_is_no_zero() -> None:
    """A host without a hypervisor, a queue that does not exist, a cluster without a datastore."""
    story = pictures.healthy()
    story.pairing = replace(story.pairing, datastore_regex="nothing-like-this")
    story.on_bus = ComputeOnBus(Answer.UNASKED, None, None, None)
    story.nova_host = "somebody-else"
    text = " ".join(screen(story.tick(35.0)).split())
    assert "load Nova has no hypervisor of compute-cluster-a, read 0s ago" in text
    assert "ping unasked, no queue, read 0s ago" in text
    assert "no datastore for nova, read 0s ago" in text


def test_an_old_look_is_told() -> None:
    """An explanation of a hanging loop is not one of now."""
    assert "OLD: last looked at 1m00s ago, its loop hangs\n" in screen(pictures.healthy(), later_s=60.0)


def test_texts_from_outside_cannot_move_the_cursor() -> None:
    """A disable reason is shown, not obeyed."""
    story = pictures.disabled("\x1b[2Jgone")
    assert "\x1b" not in screen(story)
    assert "\\x1b[2Jgone" in screen(story)
