"""Maintenance windows: what crontab(5) means, and every mistake told."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from nova_watchdog.adapters.calendar import Calendar, Window
from nova_watchdog.config.maintenance import CronError, trigger_of, weekdays


def wall(text: str, zone: str = "UTC") -> float:
    """Unix time of `2026-11-22 02:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def window(
    cron: str, minutes: float, zone: str = "UTC", pairings: frozenset[str] = frozenset(), name: str = "w"
) -> Window:
    """A window as the configuration would make it."""
    return Window(name, trigger_of(cron, ZoneInfo(zone)), minutes * 60, pairings)


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("0", ["sun"]),
        ("7", ["sun"]),
        ("1-5", ["mon", "tue", "wed", "thu", "fri"]),
        ("sat,sun", ["sun", "sat"]),
        ("5-7", ["sun", "fri", "sat"]),
        ("fri-sun", ["sun", "fri", "sat"]),
        ("*/2", ["sun", "tue", "thu", "sat"]),
        ("mon-fri/2", ["mon", "wed", "fri"]),
    ],
)
def test_days_of_the_week_are_crons(field, days):
    """Sunday is 0 and 7, as in crontab(5); APScheduler would take 0 for Monday."""
    assert weekdays(field) == days


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 2 * *", "has 4 fields"),
        ("", "has 0 fields"),
        ("61 2 * * *", "is not understood"),
        ("0 2 * * xyz", 'day of week "xyz"'),
        ("0 2 * * 8", 'day of week "8"'),
        ("0 2 * * 5-2", "goes backwards"),
        ("0 2 * * */0", 'day of week "*/0"'),
        ("0 2 1 * sat", "both day of month and day of week"),
    ],
)
def test_what_is_no_expression_is_told(cron, words):
    """The operator reads what is wrong, not a traceback."""
    with pytest.raises(CronError, match=words.replace("*", r"\*")):
        trigger_of(cron, ZoneInfo("UTC"))


def test_a_window_is_open_from_its_minute_until_its_end():
    """22 November 2026 is a Sunday; the end is not part of it."""
    weekly = window("0 2 * * sun", 90)
    assert [
        weekly.is_open(wall(f"2026-11-22 {at}")) for at in ("01:59:59", "02:00:00", "03:29:59", "03:30:00")
    ] == [False, True, True, False]
    assert not weekly.is_open(wall("2026-11-23 02:30"))


def test_a_daemon_that_starts_in_the_middle_of_a_window_finds_it_open():
    """Nothing depends on having seen its beginning."""
    calendar = Calendar([window("0 22 * * *", 8 * 60, name="night")])
    assert calendar.window("cluster-a", wall("2026-11-23 04:00")) == "night"
    assert calendar.window("cluster-a", wall("2026-11-23 07:00")) == ""


def test_a_window_keeps_to_its_time_zone_over_a_change_of_the_clock():
    """25 October 2026: Berlin goes from 02:59 CEST back to 02:00 CET."""
    nightly = window("30 3 * * *", 30, zone="Europe/Berlin")
    assert nightly.is_open(wall("2026-10-24 03:40", "Europe/Berlin"))
    assert nightly.is_open(wall("2026-10-26 03:40", "Europe/Berlin"))
    assert not nightly.is_open(wall("2026-10-26 02:40", "Europe/Berlin"))


def test_a_window_holds_for_the_pairings_that_it_names():
    """Empty means all."""
    calendar = Calendar(
        [
            window("0 2 * * *", 60, pairings=frozenset({"cluster-a"}), name="a"),
            window("0 2 * * *", 30, name="all"),
        ]
    )
    at_s = wall("2026-11-22 02:10")
    assert [calendar.window(p, at_s) for p in ("cluster-a", "cluster-b")] == ["a", "all"]
    assert calendar.window("cluster-b", wall("2026-11-22 02:40")) == ""


async def test_every_job_has_a_count_of_skips_from_the_start():
    """A series that appears with the first skip is one that no alert can compare."""
    calendar = Calendar([window("0 2 * * *", 60, name="nightly")])
    calendar.start()
    assert calendar.skips == {"maintenance:nightly": 0}
    await calendar.close()


def test_now_is_a_moment_that_the_trigger_understands():
    """The daemon asks with Unix time, whatever the zone of the window is."""
    always = window("* * * * *", 2, zone="Asia/Tokyo")
    assert always.is_open(datetime.now(UTC).timestamp())
