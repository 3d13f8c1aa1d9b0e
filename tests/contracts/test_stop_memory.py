"""Who ended a unit, told from the order of systemd's signals alone."""

from __future__ import annotations

from nova_watchdog.adapters._stop_memory import NO_JOB, StopMemory, UnitChange
from nova_watchdog.core.model import ActiveState, StopCause

_ACTIVE, _FAILED, _INACTIVE = ActiveState.ACTIVE, ActiveState.FAILED, ActiveState.INACTIVE


def _change(active, invocation="one", job=NO_JOB, condition=10):
    return UnitChange(active, invocation, job, condition)


def _cause(memory, change, *, ever_started=True, job_type=None, has_process=False):
    return memory.cause(change, has_process=has_process, ever_started=ever_started, job_type=job_type)


def _watching(change):
    memory = StopMemory()
    memory.watch_began(change)
    return memory


def test_a_job_that_was_gone_before_anybody_asked_still_tells():
    """Its type is unknown, but the unit was alive when it came and down before it went: a stop."""
    memory = _watching(_change(_ACTIVE))
    memory.job_new(5)
    memory.changed(_change(_INACTIVE, job=5))
    memory.job_removed(5, "done")
    assert _cause(memory, _change(_INACTIVE)) is StopCause.FOREIGN_JOB


def test_a_crash_before_the_job_is_a_crash():
    """systemd tells of the unit first, then of the job."""
    memory = _watching(_change(_ACTIVE))
    memory.changed(_change(_FAILED))
    memory.job_new(5)
    assert _cause(memory, _change(_FAILED)) is StopCause.BY_ITSELF


def test_a_crash_during_a_reload_is_a_crash():
    """The one job that leaves the process alone."""
    memory = _watching(_change(_ACTIVE))
    memory.job_new(5)
    memory.job_has_type(5, "reload")
    memory.changed(_change(_FAILED, job=5))
    memory.job_removed(5, "failed")
    assert _cause(memory, _change(_FAILED)) is StopCause.BY_ITSELF


def test_a_crash_after_a_job_that_changed_nothing_is_a_crash():
    """`systemctl start` of a running unit comes and goes."""
    memory = _watching(_change(_ACTIVE))
    memory.job_new(5)
    memory.job_removed(5, "done")
    memory.changed(_change(_FAILED))
    assert _cause(memory, _change(_FAILED)) is StopCause.BY_ITSELF


def test_an_own_stop_is_told_from_a_foreign_one():
    """The daemon remembers the job that it queued."""
    memory = _watching(_change(_ACTIVE))
    memory.job_new(5)
    memory.job_is_own(5)
    memory.changed(_change(_INACTIVE, job=5))
    assert _cause(memory, _change(_INACTIVE)) is StopCause.OWN_JOB


def test_a_process_that_dies_at_once_ended_by_itself():
    """systemd merges the signals: the unit was never seen alive in this run."""
    memory = _watching(_change(_FAILED))
    memory.job_new(5)
    memory.changed(_change(_FAILED, "two", job=5, condition=20))
    memory.job_removed(5, "done")
    assert _cause(memory, _change(_FAILED, "two", condition=20)) is StopCause.BY_ITSELF


def test_a_restart_whose_second_half_crashes_is_a_crash():
    """The job that ended the first run is still there when the second one ends."""
    memory = _watching(_change(_ACTIVE))
    memory.job_new(5)
    memory.job_has_type(5, "restart")
    memory.changed(_change(_INACTIVE, job=5))
    memory.changed(_change(ActiveState.ACTIVATING, "two", job=5, condition=20))
    memory.changed(_change(_FAILED, "two", job=5, condition=20))
    memory.job_removed(5, "failed")
    assert _cause(memory, _change(_FAILED, "two", condition=20)) is StopCause.BY_ITSELF


def test_a_stop_under_way_when_the_daemon_arrived_counts():
    """Its job was pending in the first state that was read."""
    memory = _watching(_change(ActiveState.DEACTIVATING, job=5))
    memory.changed(_change(_FAILED, job=5))
    memory.job_removed(5, "done")
    assert _cause(memory, _change(_FAILED)) is StopCause.FOREIGN_JOB


def test_children_that_outlive_the_main_process_are_no_stop():
    """systemd ends them with SIGTERM by itself: deactivating, without a job."""
    memory = _watching(_change(_ACTIVE))
    memory.changed(_change(ActiveState.DEACTIVATING))
    assert _cause(memory, _change(ActiveState.DEACTIVATING)) is StopCause.BY_ITSELF
    memory.changed(_change(_FAILED))
    assert _cause(memory, _change(_FAILED)) is StopCause.BY_ITSELF


def test_a_stop_of_what_has_crashed_counts_as_a_wish():
    """A job of its own that succeeded, ran nothing and tried nothing."""
    memory = _watching(_change(_FAILED))
    memory.changed(_change(_FAILED, job=5))
    memory.job_new(5)
    memory.job_removed(5, "done")
    assert _cause(memory, _change(_FAILED)) is StopCause.FOREIGN_JOB


def test_a_try_restart_of_what_has_crashed_is_no_wish():
    """Packages do it at upgrades. It never becomes the unit's job."""
    memory = _watching(_change(_FAILED))
    memory.job_new(5)
    memory.job_removed(5, "done")
    assert _cause(memory, _change(_FAILED)) is StopCause.BY_ITSELF


def test_a_start_that_a_condition_prevents_is_no_wish_to_stop():
    """The condition was checked: somebody wanted it to run."""
    memory = _watching(_change(_FAILED))
    memory.changed(_change(_FAILED, job=5))
    memory.job_new(5)
    memory.changed(_change(_FAILED, job=5, condition=20))
    memory.job_removed(5, "done")
    assert _cause(memory, _change(_FAILED, condition=20)) is StopCause.BY_ITSELF


def test_a_stop_that_was_cancelled_is_no_wish():
    """Another job took its place."""
    memory = _watching(_change(_FAILED))
    memory.changed(_change(_FAILED, job=5))
    memory.job_new(5)
    memory.job_removed(5, "canceled")
    assert _cause(memory, _change(_FAILED)) is StopCause.BY_ITSELF


def test_a_unit_that_systemd_forgot_keeps_its_cause():
    """After a clean end nothing refers to it: no invocation, no timestamps. Seen stopped is seen stopped."""
    memory = _watching(_change(_ACTIVE))
    memory.job_new(5)
    memory.changed(_change(_INACTIVE, job=5))
    memory.job_removed(5, "done")
    forgotten = _change(_INACTIVE, "", condition=0)
    assert _cause(memory, forgotten, ever_started=False) is StopCause.FOREIGN_JOB


def test_a_unit_that_ended_and_was_forgotten_while_the_bus_was_lost_was_stopped():
    """It ran when it was last seen, and systemd only forgets clean ends."""
    memory = _watching(_change(_ACTIVE))
    forgotten = _change(_INACTIVE, "", condition=0)
    memory.watch_began(forgotten)
    assert _cause(memory, forgotten, ever_started=False) is StopCause.FOREIGN_JOB


def test_a_cause_survives_the_loss_of_the_bus():
    """What was seen before stays true of the same run."""
    memory = _watching(_change(_ACTIVE))
    memory.job_new(5)
    memory.changed(_change(_FAILED, job=5))
    memory.watch_began(_change(_FAILED))
    assert _cause(memory, _change(_FAILED)) is StopCause.FOREIGN_JOB


def test_a_unit_on_its_way_to_a_process_counts_as_running():
    """A pending start, or the second half of a restart."""
    memory = _watching(_change(_INACTIVE))
    assert _cause(memory, _change(_INACTIVE, job=5), job_type="start") is StopCause.RUNNING
    assert _cause(memory, _change(ActiveState.ACTIVATING)) is StopCause.RUNNING
    assert _cause(memory, _change(ActiveState.DEACTIVATING), has_process=True) is StopCause.RUNNING
