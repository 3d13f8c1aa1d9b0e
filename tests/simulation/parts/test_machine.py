"""A machine's time, power and reboots."""

from __future__ import annotations

from nova_watchdog.simulation.loop import ControllerLoop
from nova_watchdog.simulation.parts.daemon_service import DaemonService
from nova_watchdog.simulation.parts.machine import Machine, MachineState
from nova_watchdog.simulation.timeline import Timeline
from simulation.parts.rig import UNIT, Rig


def test_timers_run_by_the_machines_own_clock() -> None:
    """A quick clock is early, in true time."""
    timeline = Timeline()
    seen: list[float] = []
    for rate in (1.001, 0.999):
        Machine("m", timeline, rate=rate).call_later(1000, lambda: seen.append(timeline.now_s))
    timeline.run_until(2000)
    assert [round(at_s, 3) for at_s in seen] == [999.001, 1001.001]


def test_a_frozen_machine_runs_what_was_due_when_it_thaws() -> None:
    """In the order of its times, and its clock ran on."""
    rig, seen = Rig(), list[str]()
    began_s = rig.now_s
    for name, after_s in (("second", 20), ("first", 10), ("later", 100)):
        rig.machine.call_later(after_s, seen.append, name)
    rig.machine.freeze()
    assert rig.machine.state is MachineState.FROZEN
    rig.wait(50)
    assert seen == []
    assert rig.now_s == began_s + 50
    rig.machine.thaw()
    rig.wait(0)
    assert seen == ["first", "second"]


def test_a_machine_that_stands_still_shifts_its_timers() -> None:
    """Its clock stood, so nothing became due."""
    rig, seen = Rig(), list[str]()
    began_s = rig.now_s
    rig.machine.call_later(10, seen.append, "timer")
    rig.wait(4)
    rig.machine.stand_still()
    rig.wait(100)
    assert (rig.now_s, seen) == (began_s + 4, [])
    rig.machine.go_on()
    rig.wait(5.9)
    assert seen == []
    rig.wait(0.2)
    assert seen == ["timer"]


def test_a_freeze_and_a_pause_may_overlap() -> None:
    """Nothing runs before both are over."""
    rig, seen = Rig(), list[str]()
    rig.machine.call_later(1, seen.append, "timer")
    rig.machine.freeze()
    rig.machine.stand_still()
    rig.machine.thaw()
    rig.wait(10)
    assert (seen, rig.machine.state) == ([], MachineState.STANDING_STILL)
    rig.machine.go_on()
    rig.wait(1)
    assert seen == ["timer"]


def test_the_loss_of_power_ends_everything_at_once() -> None:
    """Processes, timers and /run are gone; a boot is another one, with a clock that begins anew."""
    rig = Rig()
    rig.start()
    boot = rig.machine.clock.boot_id()
    rig.machine.call_later(1, lambda: 1 / 0)
    rig.machine.kill()
    assert (rig.systemd.processes, rig.machine.run, rig.machine.state) == ({}, {}, MachineState.OFF)
    rig.machine.boot(10)
    rig.wait(60)
    assert rig.machine.runs
    assert rig.machine.clock.boot_id() != boot
    assert rig.now_s < 100
    assert rig.state.is_down


def test_a_machine_that_is_killed_while_it_boots_stays_off() -> None:
    """The last switch counts."""
    rig = Rig()
    rig.machine.reboot(ordered=False)
    rig.wait(1)
    rig.machine.kill()
    rig.wait(1000)
    assert rig.machine.state is MachineState.OFF


def test_an_ordered_reboot_stops_the_units_before_the_daemon() -> None:
    """The unit gets its grace, with the daemon and the deadline timer at work until it is dead."""
    rig = Rig()
    loops: list[ControllerLoop] = []

    def begin() -> ControllerLoop:
        loops.append(ControllerLoop(rig.timeline, f"daemon-{len(loops)}", rig.machine.clock.local))
        return loops[-1]

    service = DaemonService(rig.machine, begin)
    service.start()
    rig.start()
    rig.machine.reboot(ordered=True, off_for_s=20)
    rig.wait(3.9)
    assert (len(rig.systemd.processes), loops[0].is_dead) == (1, False)
    rig.wait(0.2)
    assert (rig.systemd.processes, loops[0].is_dead, rig.machine.is_on) == ({}, True, False)
    rig.wait(60)
    assert [loop.is_dead for loop in loops] == [True, False]
    assert rig.machine.run == {}


def test_nobody_starts_a_unit_while_the_machine_shuts_down() -> None:
    """Nor is its stop taken for somebody's wish: that cannot be told."""
    rig = Rig()
    rig.start()
    rig.systemd.stop_takes = lambda _unit: 100.0
    rig.machine.reboot(ordered=True)
    rig.wait(1)
    rig.systemd.kill_by_human(UNIT)
    assert rig.systemd.processes == {}
    rig.systemd.start_by_human(UNIT)
    rig.wait(10)
    assert rig.systemd.processes == {}


def test_a_frozen_machine_reboots_when_it_thaws() -> None:
    """systemd does not run either."""
    rig = Rig()
    rig.machine.freeze()
    rig.machine.reboot(ordered=True)
    rig.wait(100)
    assert rig.machine.is_on
    rig.machine.thaw()
    rig.wait(0)
    assert not rig.machine.is_on
