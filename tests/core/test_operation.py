"""The lines of an operation's answer."""

from __future__ import annotations

from nova_watchdog.core.operation import End, Ending, Step


def test_a_step_and_an_end_as_lines() -> None:
    """Times to the millisecond; the last line has a result."""
    assert Step("asked", "by alice", 0.12345).document() == {"phase": "asked", "text": "by alice", "t": 0.123}
    assert End(Ending.UNKNOWN, "not over", 600.0).document() == {
        "result": "unknown",
        "reason": "not over",
        "t": 600.0,
    }
