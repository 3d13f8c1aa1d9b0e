"""A start job that was already under way when this daemon began to watch."""

from __future__ import annotations

from nova_watchdog.adapters._stop_memory import StopMemory, UnitChange
from nova_watchdog.core.model import ActiveState, StopCause


def test_a_start_seen_halfway_that_fails_ended_by_itself():
    """A `start` never ends a process. Taken as a stop, the daemon would respect a crash for ever."""
    memory = StopMemory()
    memory.watch_began(UnitChange(ActiveState.ACTIVATING, "one", 5, 10))
    memory.job_has_type(5, "start")
    failed = UnitChange(ActiveState.FAILED, "one", 5, 10)
    memory.changed(failed)
    memory.job_removed(5, "failed")
    found = memory.cause(failed, has_process=False, ever_started=True, job_type=None)
    assert found is StopCause.BY_ITSELF


def test_a_restart_seen_halfway_that_ends_the_process_is_a_job():
    """Its first half is a stop."""
    memory = StopMemory()
    memory.watch_began(UnitChange(ActiveState.DEACTIVATING, "one", 5, 10))
    memory.job_has_type(5, "restart")
    inactive = UnitChange(ActiveState.INACTIVE, "one", 5, 10)
    memory.changed(inactive)
    found = memory.cause(inactive, has_process=False, ever_started=True, job_type=None)
    assert found is StopCause.FOREIGN_JOB
