"""What changed, when, why and by which readings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.telemetry import screen_history
from nova_watchdog.telemetry.history import history
from nova_watchdog.telemetry.view_readings import Document
from telemetry import pictures


def fleet() -> FleetSnapshot:
    return pictures.fleet(pictures.killed(), pictures.build_stuck("cluster-b"))


def edges(found: Document) -> list[tuple[str, str]]:
    return [(edge["pairing"], edge["diagnosis"]) for edge in found["transitions"]]


def test_the_changes_of_all_pairings_are_in_the_order_of_time() -> None:
    """Newest last, whatever the order of the pairings."""
    found = history(fleet(), None, limit=100, wall_s=pictures.EPOCH_WALL_S)
    times = [edge["at"] for edge in found["transitions"]]
    assert times == sorted(times)
    assert edges(found)[-2:] == [("cluster-a", "process-down"), ("cluster-b", "degraded")]
    assert found["format"] == 1


def test_a_limit_keeps_the_newest() -> None:
    """The last N, of all pairings together or of the one that was asked for."""
    assert edges(history(fleet(), None, limit=1, wall_s=0.0)) == [("cluster-b", "degraded")]
    assert edges(history(fleet(), "cluster-a", limit=1, wall_s=0.0)) == [("cluster-a", "process-down")]


def test_one_pairing_alone() -> None:
    """And one that does not exist is an error, not an empty history."""
    found = history(fleet(), "cluster-a", limit=100, wall_s=0.0)
    assert {edge["pairing"] for edge in found["transitions"]} == {"cluster-a"}
    with pytest.raises(KeyError):
        history(fleet(), "cluster-z", limit=100, wall_s=0.0)


def test_the_text_says_when_what_why_and_by_which_readings() -> None:
    """One block an edge."""
    found = history(fleet(), "cluster-a", limit=1, wall_s=0.0)
    assert screen_history.render(found, columns=100) == (
        "2026-01-02T03:04:36Z  cluster-a  process-down, recovering (R39): start\n"
        "  why       the process is down and vCenter answers: start it\n"
        "  readings  unit=down vcenter=ok nova=known heartbeat=fresh service=enabled bus=ok rpc=unknown\n"
        "            quality=fine hold=alone\n"
    )


def test_an_old_record_has_no_readings() -> None:
    """Then their line is left out."""
    snapshot = fleet()
    shown = snapshot.pairings["cluster-a"]
    old = tuple(replace(edge, readings="") for edge in shown.transitions)
    snapshot = replace(snapshot, pairings={"cluster-a": replace(shown, transitions=old)})
    found = history(snapshot, None, limit=9, wall_s=0.0)
    assert found["transitions"][0]["readings"] == ""
    assert "readings" not in screen_history.render(found, columns=100)


def test_an_empty_history_says_so() -> None:
    """Right after the start."""
    found = history(pictures.fleet(), None, limit=9, wall_s=0.0)
    assert screen_history.render(found, columns=100) == "nothing has changed yet\n"


def test_texts_from_outside_cannot_move_the_cursor() -> None:
    """A pause's reason is written by a human, and the record by whoever may write the store."""
    snapshot = fleet()
    shown = snapshot.pairings["cluster-a"]
    edge = replace(shown.transitions[-1], why="paused: \x1b[2J", diagnosis="\x1b[0m")
    snapshot = replace(snapshot, pairings={"cluster-a": replace(shown, transitions=(edge,))})
    text = screen_history.render(history(snapshot, None, limit=9, wall_s=0.0), columns=100)
    assert "\x1b" not in text
