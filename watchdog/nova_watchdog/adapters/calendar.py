"""Maintenance windows by APScheduler: calendar work, on the wall clock, and nothing else of the daemon.

Whether a window is open is computed from its trigger at each question, so a job that the scheduler
skips (a suspended machine, a clock that jumped) loses no window. The jobs only tell the edges.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.events import (
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    JobExecutionEvent,
    JobSubmissionEvent,
)
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from nova_watchdog.core.kv import kv

_log = logging.getLogger("nova_watchdog.maintenance")

# A job that could not run within this time is skipped, and counted.
_GRACE_S = 30


@dataclass(frozen=True, slots=True)
class Window:
    """Open from when the trigger fires, for `duration_s`. No `pairings`: for all of them."""

    name: str
    trigger: CronTrigger
    duration_s: float
    pairings: frozenset[str]

    def is_open(self, wall_s: float) -> bool:
        """Whether it began within the last `duration_s`. The end is not part of it."""
        now = datetime.fromtimestamp(wall_s, UTC)
        # The trigger fires at whole seconds: one microsecond later leaves out what ends right now.
        earliest = now - timedelta(seconds=self.duration_s) + timedelta(microseconds=1)
        began = self.trigger.get_next_fire_time(None, earliest)
        return began is not None and began <= now


class Calendar:
    """All windows. `window` is cheap: it is asked in each tick of each pairing."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._windows = tuple(windows)
        self._scheduler: AsyncIOScheduler | None = None
        self._open: tuple[Window, ...] = ()
        self._known_for_s: int | None = None
        self._skips: Counter[str] = Counter({_job(window): 0 for window in windows})

    @property
    def skips(self) -> Mapping[str, int]:
        """By job: how often it was missed, or still ran when it was due."""
        return dict(self._skips)

    def window(self, pairing: str, wall_s: float) -> str:
        """The name of a window that is open for the pairing, the first one of the configuration; or empty."""
        second = int(wall_s)
        if second != self._known_for_s:
            self._open = tuple(window for window in self._windows if window.is_open(second))
            self._known_for_s = second
        for window in self._open:
            if not window.pairings or pairing in window.pairings:
                return window.name
        return ""

    def start(self) -> None:
        """Run the jobs on the running event loop."""
        # Its own messages tell of each job; what matters of them is counted below.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        scheduler = AsyncIOScheduler(timezone=UTC)
        for window in self._windows:
            scheduler.add_job(
                self._tell_open,
                window.trigger,
                args=[window],
                id=_job(window),
                misfire_grace_time=_GRACE_S,
                coalesce=True,
                max_instances=1,
            )
        scheduler.add_listener(self._skipped, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        scheduler.start()
        self._scheduler = scheduler

    async def close(self) -> None:
        """Stop the jobs."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    async def _tell_open(self, window: Window) -> None:
        until = datetime.now(UTC) + timedelta(seconds=window.duration_s)
        _log.info(
            kv(
                "maintenance-began",
                window=window.name,
                until=f"{until:%Y-%m-%dT%H:%M:%SZ}",
                pairings=",".join(sorted(window.pairings)) or "all",
            )
        )

    def _skipped(self, event: JobExecutionEvent | JobSubmissionEvent) -> None:
        if event.job_id in self._skips:
            self._skips[event.job_id] += 1
        _log.warning(kv("scheduler-skip", job=event.job_id))


def _job(window: Window) -> str:
    return f"maintenance:{window.name}"
