"""Writing and reading the observer's record."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from lab.client.events import EventLog
from lab.records import Recorder

if TYPE_CHECKING:
    from pathlib import Path


def test_records_come_back_in_the_order_of_their_times(tmp_path: Path) -> None:
    """Journal lines reach the file later than what happened after them."""
    recorder = Recorder(tmp_path / "events")
    recorder.write("b", t=2.0)
    recorder.write("a", t=1.0)
    assert [event["kind"] for event in EventLog(tmp_path / "events").events()] == ["a", "b"]


def test_records_are_chosen_by_time_kind_and_fields(tmp_path: Path) -> None:
    """All three narrow the choice."""
    recorder = Recorder(tmp_path / "events")
    recorder.write("heartbeat", t=1.0, host="x")
    recorder.write("heartbeat", t=2.0, host="x")
    recorder.write("heartbeat", t=3.0, host="y")
    recorder.write("service", t=4.0, host="x")
    log = EventLog(tmp_path / "events")
    assert [event["t"] for event in log.events(1.5, "heartbeat", host="x")] == [2.0]


def test_a_line_that_is_still_being_written_is_left_for_later(tmp_path: Path) -> None:
    """Half a line is no record; the whole one is read once."""
    path = tmp_path / "events"
    path.write_text('{"t": 1.0, "wall": 0, "ki')
    log = EventLog(path)
    assert log.events() == []
    path.write_text('{"t": 1.0, "wall": 0, "kind": "a"}\n')
    assert len(log.events()) == 1
    assert len(log.events()) == 1


def test_wall_time_belongs_to_the_moment_of_the_record(tmp_path: Path) -> None:
    """A record of something five seconds ago has the wall time of five seconds ago."""
    recorder = Recorder(tmp_path / "events")
    recorder.write("a", t=time.monotonic() - 5.0)
    (event,) = EventLog(tmp_path / "events").events()
    assert time.time() - event["wall"] == pytest.approx(5.0, abs=0.5)


def test_waiting_in_vain_shows_what_happened_instead(tmp_path: Path) -> None:
    """The failure of a test explains itself."""
    recorder = Recorder(tmp_path / "events")
    recorder.write("process.exit", t=10.5, unit="x.service")
    with pytest.raises(
        TimeoutError, match=r"(?s)no record heartbeat.*\+ *0\.500 s process\.exit.*x\.service"
    ):
        EventLog(tmp_path / "events").wait_for("heartbeat", since=10.0, timeout_s=0.01)


def test_waiting_takes_the_first_record_that_the_predicate_accepts(tmp_path: Path) -> None:
    """Not the first of its kind."""
    recorder = Recorder(tmp_path / "events")
    for count in (1, 2, 3):
        recorder.write("heartbeat", t=float(count), report_count=count)
    found = EventLog(tmp_path / "events").wait_for(
        "heartbeat", since=0.0, timeout_s=1.0, predicate=lambda event: event["report_count"] > 1
    )
    assert found["report_count"] == 2
