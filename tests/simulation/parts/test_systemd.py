"""The simulated systemd: start conditions, queued jobs, slow stops."""

from __future__ import annotations

import pytest

from nova_watchdog.core.model import ActiveState, StopCause
from nova_watchdog.ports import ActionRefusedError, ProbeError, ResultUnknownError
from simulation.parts.rig import PAIRING, UNIT, Rig


def test_a_start_without_a_token_is_skipped_and_recorded() -> None:
    """The unit is not failed by it, and systemctl would have said nothing."""
    rig = Rig()
    rig.systemd.start_by_human(UNIT)
    rig.wait(1)
    assert (rig.state.active, rig.state.result) == (ActiveState.INACTIVE, "exec-condition")
    assert rig.state.is_down
    assert [why for _, _, why in rig.systemd.refusals] == [f"no token of {PAIRING}"]


def test_a_token_counts_until_its_moment_by_the_machines_clock() -> None:
    """Asked when the job runs, not when it was queued."""
    rig = Rig()
    rig.grant(for_s=5)
    rig.systemd.queued_for_s = 6
    rig.systemd.start_by_human(UNIT)
    rig.wait(10)
    assert rig.systemd.processes == {}
    assert "ended" in rig.systemd.refusals[0][2]
    rig.systemd.queued_for_s = 0
    rig.grant(for_s=5)
    rig.systemd.start_by_human(UNIT)
    rig.wait(1)
    assert rig.state.runs


def test_a_start_takes_a_moment_and_shows_its_job() -> None:
    """It has no process yet, and is not down either."""
    rig = Rig()
    rig.grant()
    rig.do(rig.systemd.start(UNIT, expected_invocation=""))
    assert (rig.state.job, rig.state.has_process, rig.state.is_down) == ("start", False, False)
    rig.wait(0.1)
    assert rig.state.stop_cause is StopCause.RUNNING
    assert [unit for _, unit in rig.systemd.starts] == [UNIT]


@pytest.mark.parametrize("kills", [False, True])
def test_an_own_stop_takes_the_place_of_a_queued_start(*, kills: bool) -> None:
    """The start never runs."""
    rig = Rig()
    rig.grant()
    rig.systemd.queued_for_s = 10
    rig.systemd.start_by_human(UNIT)
    rig.wait(1)
    rig.do(rig.systemd.kill_now(UNIT) if kills else rig.systemd.stop(UNIT))
    assert rig.state.is_down
    rig.wait(20)
    assert rig.systemd.processes == {}


def test_an_own_stop_leaves_the_process_its_grace() -> None:
    """4 s when it is idle, and it is this daemon's job that ended it."""
    rig = Rig()
    rig.start()
    rig.do(rig.systemd.stop(UNIT))
    assert (rig.state.active, rig.state.job) == (ActiveState.DEACTIVATING, "stop")
    rig.wait(3.9)
    assert rig.state.has_process
    rig.wait(0.2)
    assert (rig.state.active, rig.state.stop_cause) == (ActiveState.INACTIVE, StopCause.OWN_JOB)


def test_a_process_that_does_not_end_is_killed_after_180_s() -> None:
    """systemd loses patience."""
    rig = Rig()
    rig.start()
    rig.systemd.stop_takes = lambda _unit: 1e6
    rig.systemd.stop_by_human(UNIT)
    rig.wait(179)
    assert rig.state.has_process
    rig.wait(2)
    assert (rig.state.result, rig.state.stop_cause) == ("timeout", StopCause.FOREIGN_JOB)


def test_kill_now_ends_a_slow_stop_at_once() -> None:
    """SIGKILL joins the stop that is under way."""
    rig = Rig()
    rig.start()
    rig.systemd.stop_takes = lambda _unit: 165.0
    rig.do(rig.systemd.stop(UNIT))
    rig.wait(10)
    rig.do(rig.systemd.kill_now(UNIT))
    rig.wait(0.05)
    assert (rig.state.active, rig.state.stop_cause) == (ActiveState.FAILED, StopCause.OWN_JOB)
    rig.wait(300)
    assert rig.state.active is ActiveState.FAILED


def test_a_start_during_a_stop_follows_it() -> None:
    """It takes the place of the stop's job, and its condition is asked when the process is gone."""
    rig = Rig()
    rig.start()
    rig.systemd.stop_by_human(UNIT)
    rig.wait(1)
    rig.systemd.start_by_human(UNIT)
    first = rig.state.main_pid
    rig.wait(2)
    assert (rig.state.job, rig.state.main_pid) == ("start", first)
    rig.wait(2)
    assert rig.state.runs
    assert rig.state.main_pid != first


def test_a_stop_after_that_takes_the_start_back() -> None:
    """The last wish counts."""
    rig = Rig()
    rig.start()
    rig.systemd.restart_by_human(UNIT)
    rig.wait(1)
    rig.do(rig.systemd.stop(UNIT))
    rig.wait(10)
    assert rig.state.is_down


def test_a_stop_of_what_never_ran_is_a_wish_as_for_the_adapter() -> None:
    """Its memory sees a foreign stop job that succeeded; a later daemon saw nothing."""
    rig = Rig()
    rig.systemd.stop_by_human(UNIT)
    causes = [rig.state.stop_cause]
    rig.systemd.daemon_was_away()
    causes.append(rig.state.stop_cause)
    assert causes == [StopCause.FOREIGN_JOB, StopCause.NEVER_RAN]


def test_a_later_daemon_takes_an_own_stop_for_somebody_elses() -> None:
    """It saw nothing of it, and is careful; a crash tells its own story."""
    rig = Rig()
    rig.start()
    rig.do(rig.systemd.kill_now(UNIT))
    rig.wait(1)
    rig.systemd.daemon_was_away()
    assert rig.state.stop_cause is StopCause.FOREIGN_JOB


def test_a_call_is_carried_out_although_the_caller_gave_up() -> None:
    """A slow D-Bus: the result is unknown, and a read is a failed probe."""
    rig = Rig()
    rig.start()
    rig.systemd.bus.call_takes_s = 8.0
    with pytest.raises(ResultUnknownError):
        rig.do(rig.systemd.kill_now(UNIT))
    assert rig.state.runs
    rig.wait(4)
    assert rig.state.is_down
    with pytest.raises(ProbeError):
        rig.do(rig.systemd.read(UNIT))


def test_polkit_refuses_what_changes_something() -> None:
    """Nothing of it happens; reading goes on."""
    rig = Rig()
    rig.start()
    rig.systemd.bus.refusal = "systemd did not allow it"
    for work in (
        rig.systemd.stop(UNIT),
        rig.systemd.kill_now(UNIT),
        rig.deadline.arm(rig.now_s + 10),
        rig.systemd.kill(UNIT, expected_invocation=rig.state.invocation_id),
    ):
        with pytest.raises(ActionRefusedError, match="did not allow"):
            rig.do(work)
    assert rig.do(rig.systemd.read(UNIT)).runs


def test_an_answer_that_is_lost_is_an_unknown_result() -> None:
    """It happened."""
    rig = Rig()
    rig.start()
    rig.systemd.bus.loses_answers = True
    with pytest.raises(ResultUnknownError):
        rig.do(rig.systemd.stop(UNIT))
    assert rig.state.active is ActiveState.DEACTIVATING


def test_nobody_has_hands_on_a_machine_that_is_off() -> None:
    """After its boot the unit never ran."""
    rig = Rig()
    rig.start()
    rig.machine.kill()
    rig.systemd.start_by_human(UNIT)
    rig.systemd.restart_by_human(UNIT)
    rig.systemd.stop_by_human(UNIT)
    rig.machine.boot()
    rig.wait(100)
    assert (rig.state.job, rig.state.stop_cause) == (None, StopCause.NEVER_RAN)


def test_a_call_waits_for_a_frozen_machine_and_survives_a_switch_that_changes_nothing() -> None:
    """It is carried out at the thaw."""
    rig = Rig()
    rig.start()
    work = rig.loop.create_task(rig.systemd.kill_now(UNIT))
    rig.timeline.call_later(0.001, rig.machine.freeze)
    rig.timeline.call_later(0.001, rig.machine.boot)
    rig.wait(50)
    assert rig.state.runs
    rig.machine.thaw()
    rig.wait(1)
    assert work.done()
    assert rig.systemd.processes == {}
