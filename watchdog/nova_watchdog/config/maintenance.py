"""`[maintenance.NAME]`: windows in which nothing is done, as cron expressions.

The five fields are those of crontab(5). Days of the week are turned into names, because APScheduler
counts them from Monday (0) where cron counts from Sunday.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from nova_watchdog.config.errors import Findings
from nova_watchdog.config.schema import (
    PAIRING_NAME_ALLOWED,
    MaintenanceTable,
    pairing_name_is_good,
)
from nova_watchdog.config.settings import MaintenanceWindow

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = 5
_WEEKDAY = re.compile(r"(?P<first>[0-7]|[a-z]{3})(?:-(?P<last>[0-7]|[a-z]{3}))?|\*")
_ALLOWED = 'five fields of crontab(5): minute hour day-of-month month day-of-week, such as "0 2 * * sat"'


class CronError(ValueError):
    """The expression is none. The text says what is wrong."""


def windows_of(
    file: Path, tables: Mapping[str, MaintenanceTable | None], pairings: frozenset[str], findings: Findings
) -> tuple[MaintenanceWindow, ...]:
    """The windows; every mistake is recorded. `pairings`: the configured names."""
    found = []
    for name, table in tables.items():
        key = f"maintenance.{name}"
        if not pairing_name_is_good(name):
            allowed = PAIRING_NAME_ALLOWED.replace("pairing.cluster-a", "maintenance.weekly")
            findings.wrong(str(file), key, "is no name for a window", allowed)
        if table is None:
            continue
        for wanted in table.pairings:
            if wanted not in pairings:
                findings.wrong(
                    str(file), f"{key}.pairings", f'"{wanted}" is no pairing', ", ".join(sorted(pairings))
                )
        try:
            timezone = ZoneInfo(table.timezone)
        except (KeyError, ValueError, OSError):
            findings.wrong(
                str(file),
                f"{key}.timezone",
                f'is "{table.timezone}"',
                'a name of the time zone database, such as "Europe/Berlin" or "UTC"',
            )
            continue
        try:
            trigger = trigger_of(table.cron, timezone)
        except CronError as error:
            findings.wrong(str(file), f"{key}.cron", str(error), _ALLOWED)
            continue
        found.append(
            MaintenanceWindow(
                name,
                table.cron,
                table.timezone,
                table.duration_min * 60.0,
                tuple(table.pairings),
                trigger,
            )
        )
    return tuple(found)


def trigger_of(cron: str, timezone: ZoneInfo) -> CronTrigger:
    """APScheduler's trigger of a crontab(5) expression. Raises CronError."""
    fields = cron.split()
    if len(fields) != _FIELDS:
        raise CronError(f"has {len(fields)} field{'s' if len(fields) != 1 else ''}")
    minute, hour, day, month, weekday = (field.lower() for field in fields)
    if day != "*" and weekday != "*":
        # crontab(5) takes either, APScheduler both: whoever wrote it must say what was meant.
        raise CronError("restricts both day of month and day of week")
    try:
        return CronTrigger(
            minute=minute,
            hour=hour,
            day=day,
            month=month,
            day_of_week="*" if weekday == "*" else ",".join(weekdays(weekday)),
            timezone=timezone,
        )
    except ValueError as error:
        raise CronError(f"is not understood: {error}") from error


def weekdays(field: str) -> list[str]:
    """The names of the days that a crontab(5) field means. Raises CronError."""
    chosen: set[int] = set()
    for part in field.split(","):
        chosen.update(_days_of(part))
    return [_DAYS[day] for day in sorted(chosen)]


def _days_of(part: str) -> Iterator[int]:
    body, _, step_text = part.partition("/")
    match = _WEEKDAY.fullmatch(body)
    if match is None or (step_text and not step_text.isdecimal()) or step_text == "0":
        raise CronError(f'has the day of week "{part}"')
    first = 0 if body == "*" else _day(match["first"])
    last = 6 if body == "*" else first
    if match["last"]:
        last = _day(match["last"])
        last = 7 if last == 0 else last  # "fri-sun"
    if last < first:
        raise CronError(f'has the day of week "{part}", which goes backwards')
    for day in range(first, last + 1, int(step_text or 1)):
        yield day % 7


def _day(text: str) -> int:
    if text.isdecimal():
        return int(text) % 7
    if text not in _DAYS:
        raise CronError(f'has the day of week "{text}"')
    return _DAYS.index(text)
