"""The lines that `lab watch` prints."""

from __future__ import annotations

from typing import Any

from lab import watch

_PAIRING: dict[str, Any] = {
    "name": "cluster-a",
    "diagnosis": {"word": "vcenter-down"},
    "rule": {
        "number": "R12",
        "verb": "nothing",
        "why": "vCenter is down for all",
        "remedy": "repair vCenter",
    },
    "facts": {"unit": "up", "vcenter": "refused", "service": "enabled"},
    "heartbeat_age_s": 4.2,
}


def _record(kind: str, **fields: Any) -> dict[str, Any]:
    return {"t": 1.0, "wall": 0.0, "kind": kind, **fields}


def test_a_pairing_takes_a_line_for_its_state_and_one_for_the_rule() -> None:
    """The rule's why and remedy are what a person needs."""
    heading, state, rule = watch.table({"pairings": [_PAIRING]})
    assert heading.split() == ["PAIRING", "DIAGNOSIS", "UNIT", "VCENTER", "HEARTBEAT", "SERVICE"]
    assert state.split() == ["cluster-a", "vcenter-down", "up", "refused", "4", "s", "enabled"]
    assert rule.strip() == "R12 nothing: vCenter is down for all -> repair vCenter"


def test_a_pairing_without_a_heartbeat_shows_a_dash() -> None:
    """None seen is not zero seconds."""
    _, state, _ = watch.table({"pairings": [_PAIRING | {"heartbeat_age_s": None}]})
    assert " - " in state


def test_a_record_is_one_line_without_the_fields_for_machines() -> None:
    """Times in monotonic seconds and process ids inside the lab mean nothing to a reader."""
    line = watch.line_of(_record("process.exit", controller="ctl1", unit="x.service", pid=7, lab_pid=99))
    assert line.endswith("process.exit controller=ctl1 unit=x.service pid=7")


def test_a_line_of_the_daemon_keeps_what_it_says_and_loses_its_decoration() -> None:
    """Level, logger and event are for programs; a warning keeps its level."""
    message = "level=info logger=nova_watchdog.pairing event=edge pairing=cluster-a diagnosis=healthy"
    line = watch.line_of(_record("journal", unit="nova-watchdog.service", message=message))
    assert line.endswith("nova-watchdog: pairing=cluster-a diagnosis=healthy")
    warning = watch.line_of(
        _record("journal", unit="nova-watchdog.service", message="level=warning event=x pairing=a")
    )
    assert warning.endswith("nova-watchdog: level=warning pairing=a")
