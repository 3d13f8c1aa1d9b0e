"""The simulated dead man's switch."""

from __future__ import annotations

import pytest

from nova_watchdog.core.model import ActiveState, StopCause
from nova_watchdog.ports import ActionRefusedError, DeadlineState
from nova_watchdog.simulation.parts.deadline import DeadlineFault
from simulation.parts.rig import UNIT, Rig

LEFT_S = 15.0


def armed(rig: Rig, after_s: float = LEFT_S) -> DeadlineState:
    """Arm it and read it back."""
    rig.do(rig.deadline.arm(rig.now_s + after_s))
    return rig.do(rig.deadline.read())


@pytest.mark.parametrize("rate", [1.0, 1.001, 0.999])
def test_it_kills_every_managed_unit_and_takes_the_tokens(rate: float) -> None:
    """At its moment by the machine's clock, whatever the daemon does."""
    rig = Rig(rate=rate)
    rig.start()
    at_s = armed(rig).elapses_at_s
    assert at_s is not None
    rig.loop.kill()
    rig.wait((LEFT_S - 0.1) / rate)
    assert rig.state.runs
    rig.wait(0.3)
    assert rig.deadline.elapses == [pytest.approx(at_s, abs=1e-6)]
    assert rig.state.changed_at_s == pytest.approx(at_s + 0.04)
    assert (rig.state.active, rig.state.stop_cause) == (ActiveState.FAILED, StopCause.FOREIGN_JOB)
    assert rig.machine.run == {}
    rig.systemd.start_by_human(UNIT)
    rig.wait(1)
    assert rig.state.is_down


def test_each_arming_takes_the_place_of_the_one_before() -> None:
    """As long as it is armed anew it never fires."""
    rig = Rig()
    rig.start()
    for _ in range(10):
        armed(rig)
        rig.wait(LEFT_S - 1)
    assert rig.deadline.elapses == []
    assert rig.state.runs


def test_a_slow_way_to_systemd_takes_time_and_moves_nothing() -> None:
    """The name of the timer is the moment, whenever systemd hears of it."""
    rig = Rig()
    rig.systemd.bus.call_takes_s = 0.8
    began_s = rig.now_s
    assert armed(rig).elapses_at_s == pytest.approx(began_s + LEFT_S)
    assert rig.now_s > began_s + 5.0, "seven calls"


def test_what_systemd_hears_of_too_late_fires_at_once() -> None:
    """Frozen with the arming on its way: the moment has passed when it goes on."""
    rig = Rig()
    rig.start()
    rig.systemd.bus.call_takes_s = 0.8
    rig.loop.create_task(rig.deadline.arm(rig.now_s + LEFT_S))
    rig.wait(0.4)
    rig.machine.freeze()
    rig.wait(LEFT_S)
    rig.machine.thaw()
    rig.wait(0.5)
    assert len(rig.deadline.elapses) == 1
    assert rig.state.is_down


def test_a_deadline_that_has_passed_fires_at_once() -> None:
    """There is no timer in the past."""
    rig = Rig()
    rig.start()
    armed(rig, -3.0)
    rig.wait(1)
    assert rig.state.is_down


def test_a_stuck_timer_is_seen_by_reading_it() -> None:
    """The restart was accepted, and nothing waits: start-limit-hit."""
    rig = Rig()
    armed(rig)
    rig.deadline.fault = DeadlineFault.STUCK
    assert armed(rig) == DeadlineState(None, serving=False, fired_at_s=None)


def test_a_refused_or_deaf_arming_leaves_the_earlier_one() -> None:
    """Which fires."""
    rig = Rig()
    before = armed(rig)
    rig.wait(1)
    rig.deadline.fault = DeadlineFault.DEAF
    assert armed(rig) == before
    rig.deadline.fault = DeadlineFault.REFUSED
    with pytest.raises(ActionRefusedError):
        armed(rig)
    rig.wait(LEFT_S)
    assert len(rig.deadline.elapses) == 1


def test_an_elapse_while_the_service_runs_is_swallowed_and_it_shows_as_serving() -> None:
    """It goes on until every unit is dead without a job, so nothing is missed."""
    rig = Rig()
    rig.start()
    rig.deadline.kill_s = 5.0
    armed(rig, 1.0)
    rig.wait(2)
    assert rig.do(rig.deadline.read()).serving
    armed(rig, 1.0)
    rig.wait(2)
    assert len(rig.deadline.elapses) == 2
    rig.wait(3)
    state = rig.deadline.now()
    assert (state.elapses_at_s, state.serving, state.fired_at_s) == (None, False, rig.deadline.elapses[1])
    assert rig.state.is_down


def test_it_cancels_a_start_that_is_queued() -> None:
    """A kill alone would not."""
    rig = Rig()
    rig.grant()
    rig.systemd.queued_for_s = 10
    rig.systemd.start_by_human(UNIT)
    armed(rig, 2.0)
    rig.wait(20)
    assert rig.systemd.processes == {}
    assert rig.systemd.refusals == []


def test_it_kills_what_was_being_stopped_slowly() -> None:
    """Within its bound, not within the stop's."""
    rig = Rig()
    rig.start()
    rig.systemd.stop_takes = lambda _unit: 165.0
    armed(rig, 3.0)
    rig.do(rig.systemd.stop(UNIT))
    rig.wait(3.1)
    assert rig.state.is_down


def test_a_frozen_machine_is_late_and_a_paused_one_does_not_notice() -> None:
    """Frozen: it fires at once on thaw. Paused: it fires after what was left."""
    rig = Rig()
    rig.start()
    armed(rig)
    rig.machine.freeze()
    rig.wait(100)
    assert rig.state.runs
    rig.machine.thaw()
    rig.wait(0.1)
    assert rig.state.is_down
    rig.start()
    armed(rig)
    rig.machine.stand_still()
    rig.wait(100)
    rig.machine.go_on()
    rig.wait(LEFT_S - 1)
    assert rig.state.runs
    rig.wait(1.1)
    assert rig.state.is_down


def test_nothing_is_armed_after_a_reboot() -> None:
    """Nor does an old timer fire."""
    rig = Rig()
    armed(rig)
    rig.machine.reboot(ordered=False)
    rig.wait(100)
    assert rig.deadline.now() == DeadlineState(None, serving=False)
    assert rig.deadline.elapses == []
