"""What the signals told about how a unit ended: by a job, and whose, or by itself.

systemd does not record who stopped a unit, so the order of its signals must tell. Before it
announces a job (`JobNew`) or its end (`JobRemoved`), systemd first sends the unit's own pending
changes (seen with systemd 252). So a unit that was alive at `JobNew` and is down before that job's
`JobRemoved` was ended by that job; a unit that goes down while no job runs ended by itself. The
job's type is only needed to exclude a start or a reload, and is asked for where there is time: a job of a few
milliseconds is gone before anybody can ask.

Pure: signals in, a cause out.
"""

from __future__ import annotations

from dataclasses import dataclass

from nova_watchdog.core.model import ActiveState, StopCause

_DOWN = frozenset({ActiveState.INACTIVE, ActiveState.FAILED})
# Jobs that never end a process: an end during one of them is the process's own. (A `restart` becomes
# a `start` when its stop is over, and what it ended was judged by then.)
_HARMLESS_JOBS = frozenset({"start", "reload", "verify-active", "nop"})
_STARTING_JOBS = frozenset({"start", "restart", "try-restart", "reload-or-start"})
NO_JOB = 0


@dataclass(frozen=True, slots=True)
class UnitChange:
    """The part of a unit's properties that tells how it ends, as one signal or one read shows it.

    `condition_checked_us` is `ConditionTimestampMonotonic`: it moves with each attempt to start.
    """

    active: ActiveState
    invocation_id: str
    job_id: int
    condition_checked_us: int

    @property
    def is_down(self) -> bool:
        """Whether the unit is at rest without a process."""
        return self.active in _DOWN


@dataclass(slots=True)
class _Job:
    """A job under way, and the unit as it was when the job was announced."""

    at_start: UnitChange
    is_own: bool = False
    job_type: str | None = None

    def ends(self, invocation_id: str) -> bool:
        """Whether this job can be what ended that run of the unit."""
        return (
            not self.at_start.is_down
            and self.at_start.invocation_id == invocation_id
            and self.job_type not in _HARMLESS_JOBS
        )


class StopMemory:
    """Remembers why one unit has no process. A later start clears it."""

    def __init__(self) -> None:
        self._last: UnitChange | None = None
        self._jobs: dict[int, _Job] = {}
        self._cause: StopCause | None = None
        self._ran_as = ""  # invocation id of the latest run that this memory knows

    def watch_began(self, now: UnitChange) -> None:
        """Take the state from which on every signal is seen; what happened before was not."""
        self._jobs.clear()
        self._note_invocation(now)
        if not now.is_down:
            self._cause = None
        self._last = now
        if now.job_id != NO_JOB:
            self._jobs[now.job_id] = _Job(now)

    def changed(self, now: UnitChange) -> None:
        """Take the unit's new state from a signal."""
        before = self._last
        is_new_run = self._note_invocation(now)
        self._last = now
        if not now.is_down:
            self._cause = None
        elif before is not None and now.invocation_id and (is_new_run or not before.is_down):
            self._cause = self._cause_of_end()

    @property
    def pending_jobs(self) -> frozenset[int]:
        """The jobs of anybody that are known and not over."""
        return frozenset(self._jobs)

    def job_new(self, job_id: int) -> None:
        """Take note of a job of anybody."""
        if self._last is not None:
            self._jobs[job_id] = _Job(self._last)

    def job_is_own(self, job_id: int) -> None:
        """Take note that this daemon queued that job."""
        if (job := self._jobs.get(job_id)) is not None:
            job.is_own = True

    def job_has_type(self, job_id: int, job_type: str) -> None:
        """Take note of a job's `JobType`."""
        if (job := self._jobs.get(job_id)) is not None:
            job.job_type = job_type

    def job_removed(self, job_id: int, result: str) -> None:
        """Take note that a job is over."""
        job = self._jobs.pop(job_id, None)
        last = self._last
        if job is None or last is None or job.is_own or result != "done":
            return
        # A job that succeeded on a unit that was down before, and neither ran nor even tried to run
        # it, was a stop: `systemctl stop` on a crashed unit, and a wish like any other. (A
        # `try-restart` of a unit that is down never becomes the unit's `Job`.)
        was_stop_of_dead_unit = (
            job.at_start.is_down
            and job.at_start.job_id == job_id
            and last.is_down
            and last.invocation_id == job.at_start.invocation_id
            and last.condition_checked_us == job.at_start.condition_checked_us
        )
        if was_stop_of_dead_unit:
            self._cause = StopCause.FOREIGN_JOB

    def cause(
        self,
        now: UnitChange,
        *,
        has_process: bool,
        ever_started: bool,
        job_type: str | None,
        told_to_end: bool = False,
    ) -> StopCause:
        """Why the unit, read as `now`, has no process.

        `ever_started` is whether systemd remembers a start; it forgets all about a unit that ended
        cleanly and that nothing refers to, so this memory comes first. `told_to_end` is whether its
        timestamps show a stop, for an end that nobody saw.
        """
        if has_process or job_type in _STARTING_JOBS:
            return StopCause.RUNNING
        if not now.is_down:
            is_ending = now.active is ActiveState.DEACTIVATING
            return self._cause_of_end() if is_ending else StopCause.RUNNING
        if self._cause is not None and now.invocation_id in ("", self._ran_as):
            return self._cause
        if now.active is ActiveState.FAILED and not told_to_end:
            return StopCause.BY_ITSELF if ever_started else StopCause.NEVER_RAN
        # Nobody saw this end. A clean one counts as somebody's wish, and so does one that was asked for.
        return StopCause.FOREIGN_JOB if ever_started or self._ran_as else StopCause.NEVER_RAN

    def _note_invocation(self, now: UnitChange) -> bool:
        """Whether this is another run than the one known. An empty id is a unit systemd forgot, not a run."""
        if not now.invocation_id or now.invocation_id == self._ran_as:
            return False
        self._ran_as = now.invocation_id
        self._cause = None
        return True

    def _cause_of_end(self) -> StopCause:
        ending = [job for job in self._jobs.values() if job.ends(self._ran_as)]
        if not ending:
            return StopCause.BY_ITSELF
        return StopCause.OWN_JOB if all(job.is_own for job in ending) else StopCause.FOREIGN_JOB
