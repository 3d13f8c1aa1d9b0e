"""Who ran when, and whether two controllers did at once, from a made-up record."""

from __future__ import annotations

from typing import Any

from lab.client.running import Overlap, overlaps, runs

_UNIT = "nova-compute@cluster-a.service"


def _start(t: float, controller: str, lab_pid: int, unit: str = _UNIT) -> dict[str, Any]:
    return {"kind": "process.start", "t": t, "controller": controller, "unit": unit, "lab_pid": lab_pid}


def _exit(t: float, controller: str, lab_pid: int, unit: str = _UNIT) -> dict[str, Any]:
    return _start(t, controller, lab_pid, unit) | {"kind": "process.exit"}


def test_runs_are_told_by_their_start_with_the_controller_they_were_on() -> None:
    """One that still lives has no end; other units and kinds are left out."""
    events = [
        _start(1.0, "ctl1", 7),
        {"kind": "heartbeat", "t": 1.5, "host": "vcenter-cluster-a"},
        _exit(2.0, "ctl1", 7),
        _start(3.0, "ctl2", 8),
        _start(3.5, "ctl2", 9, "nova-compute@cluster-b.service"),
    ]
    found = runs(events, _UNIT)
    assert [(run.controller, run.start_s, run.end_s) for run in found] == [
        ("ctl1", 1.0, 2.0),
        ("ctl2", 3.0, None),
    ]


def test_one_after_the_other_is_no_overlap() -> None:
    """Nor is a restart on the same controller, nor another pairing's process."""
    events = [
        _start(1.0, "ctl1", 7),
        _exit(2.0, "ctl1", 7),
        _start(2.0, "ctl2", 8),
        _start(2.5, "ctl1", 9, "nova-compute@cluster-b.service"),
    ]
    assert overlaps(events, [_UNIT, "nova-compute@cluster-b.service"]) == []


def test_an_overlap_is_told_with_both_controllers_and_its_times() -> None:
    """A process without an end, as a frozen controller's, counts as running."""
    events = [
        _start(1.0, "ctl1", 7),
        _start(4.0, "ctl2", 8),
        _exit(5.0, "ctl2", 8),
        _start(6.0, "ctl3", 9),
    ]
    assert overlaps(events, [_UNIT]) == [
        Overlap(_UNIT, ("ctl1", "ctl2"), 4.0, 5.0),
        Overlap(_UNIT, ("ctl1", "ctl3"), 6.0, None),
    ]
    assert overlaps(events, [_UNIT], since=5.5) == [Overlap(_UNIT, ("ctl1", "ctl3"), 6.0, None)]
