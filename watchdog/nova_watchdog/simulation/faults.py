"""How each fault of a scenario begins and ends in the simulated world."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from nova_watchdog.core.hold.decide import Give
from nova_watchdog.ports import ActionRefusedError
from nova_watchdog.simulation.parts.deadline import DeadlineFault
from nova_watchdog.simulation.parts.network import BUS, NOVA, STORE, VCENTER
from nova_watchdog.simulation.scenario import Fault, Kind

if TYPE_CHECKING:
    from nova_watchdog.simulation.world import SimulatedWorld

End = Callable[[], None]
Begin = Callable[["SimulatedWorld", Fault], "End | None"]

_ALL_TARGETS = (STORE, VCENTER, NOVA, BUS)
_SLOW_SYSTEMD_S = 0.8
# A human who finds that a start came to nothing tries again.
_HUMAN_LOOKS_AGAIN_S = 30.0
_HUMAN_TRIES = 10


def begin(world: SimulatedWorld, fault: Fault) -> None:
    """Let it happen now, and end when it is over."""
    world.say("cloud", f"fault: {fault}")
    end = _BEGIN[fault.kind](world, fault)
    if end is not None:
        world.timeline.call_later(fault.lasts_s, _end, world, fault, end)


def _end(world: SimulatedWorld, fault: Fault, end: End) -> None:
    world.say("cloud", f"over: {fault}")
    end()


# --- controllers


def _kill(world: SimulatedWorld, fault: Fault) -> None:
    machine = world.sites[fault.target].machine
    machine.kill()
    machine.boot(fault.lasts_s)


def _reboot(world: SimulatedWorld, fault: Fault) -> None:
    ordered = fault.kind is Kind.REBOOT
    world.sites[fault.target].machine.reboot(ordered=ordered, off_for_s=fault.lasts_s)


def _freeze(world: SimulatedWorld, fault: Fault) -> End:
    machine = world.sites[fault.target].machine
    machine.freeze()
    return machine.thaw


def _pause(world: SimulatedWorld, fault: Fault) -> End:
    machine = world.sites[fault.target].machine
    machine.stand_still()
    return machine.go_on


def _cut(*targets: str, requests: bool = True, replies: bool = True) -> Begin:
    def cut(world: SimulatedWorld, fault: Fault) -> End:
        return world.cut(fault.target, targets, requests=requests, replies=replies)

    return cut


def _wipe_run(world: SimulatedWorld, fault: Fault) -> None:
    world.sites[fault.target].machine.run.clear()
    world.wiped_at_s[fault.target] = world.timeline.now_s


def _slow_systemd(world: SimulatedWorld, fault: Fault) -> End:
    systemd = world.sites[fault.target].systemd
    usual_s = systemd.call_takes_s
    return world.lasting(
        f"slow systemd on {fault.target}",
        lambda: setattr(systemd, "call_takes_s", _SLOW_SYSTEMD_S),
        lambda: setattr(systemd, "call_takes_s", usual_s),
    )


def _stuck_timer(world: SimulatedWorld, fault: Fault) -> End:
    deadline = world.sites[fault.target].systemd.deadline
    return world.lasting(
        f"stuck timer on {fault.target}",
        lambda: setattr(deadline, "fault", DeadlineFault.STUCK),
        lambda: setattr(deadline, "fault", None),
    )


# --- daemons


def _kill_daemon(world: SimulatedWorld, fault: Fault) -> None:
    world.sites[fault.target].service.crash()


def _stop_daemon(world: SimulatedWorld, fault: Fault) -> End:
    service = world.sites[fault.target].service
    service.stop()
    return service.start


def _stall_daemon(world: SimulatedWorld, fault: Fault) -> End:
    service = world.sites[fault.target].service
    service.stall()

    def end() -> None:
        service.unstall()
        world.sees_nova(fault.target)

    return end


def _bad_starts(world: SimulatedWorld, fault: Fault) -> End:
    world.cloud.bad_starts.append(fault.target)
    return lambda: world.cloud.bad_starts.remove(fault.target)


def _upgrade(world: SimulatedWorld, fault: Fault) -> None:
    site = world.sites[fault.target]
    if fault.value:
        site.timing = replace(site.timing, deadline_s=fault.value)
    site.service.restart()


# --- nova-computes


def _crash(world: SimulatedWorld, fault: Fault) -> None:
    for site in world.running(fault.target):
        site.systemd.kill_by_human(world.unit(fault.target))


def _hang(world: SimulatedWorld, fault: Fault) -> End:
    return world.hang(fault.target)


def _human_stop(world: SimulatedWorld, fault: Fault) -> End:
    stopped = world.running(fault.target)
    unit = world.unit(fault.target)
    for site in stopped:
        if site.systemd.services[unit].state.job is None:  # else it joins a stop that is under way
            world.conduct.human_stops(fault.target, site.name)
        site.systemd.stop_by_human(unit)

    def end() -> None:
        world.conduct.human_decides(fault.target)
        _bring_back(world, fault.target, _HUMAN_TRIES)

    return end


def _bring_back(world: SimulatedWorld, pairing: str, tries: int) -> None:
    """A human starts it where it is held, or asks for it, and looks again later: systemctl tells nothing."""
    unit = world.unit(pairing)
    running = [site.systemd.services[unit].state for site in world.running(pairing)]
    if not tries or any(state.job is None for state in running) or world.conduct.stop_stands(pairing):
        return
    holders = world.holders(pairing)
    for site in holders:
        site.systemd.start_by_human(unit)
    asked = [site for site in world.sites.values() if site.keeper is not None and site.service.runs]
    for site in asked[: 0 if holders else 1]:
        if site.keeper is not None:
            with contextlib.suppress(ActionRefusedError):
                site.keeper.ask_to_take(pairing)
    world.timeline.call_later(_HUMAN_LOOKS_AGAIN_S, _bring_back, world, pairing, tries - 1)


def _human_start(world: SimulatedWorld, fault: Fault) -> None:
    world.conduct.human_decides(fault.target)
    for site in world.sites.values():
        if site.machine.is_on:
            site.systemd.start_by_human(world.unit(fault.target))


def _switchover(world: SimulatedWorld, fault: Fault) -> None:
    world.conduct.human_decides(fault.target)
    for site in world.sites.values():
        keeper = site.keeper
        if keeper is None or not site.service.runs:
            continue
        try:
            keeper.ask_to_give(fault.target, Give("a human asked for it", by_human=True))
        except ActionRefusedError:
            continue


def _slow_stops(world: SimulatedWorld, fault: Fault) -> End:
    unit = world.unit(fault.target)
    world.slow_stops.append(unit)
    return lambda: world.slow_stops.remove(unit)


def _rogue(world: SimulatedWorld, fault: Fault) -> End:
    return world.rogue(fault.target)


# --- everybody


def _store_down(world: SimulatedWorld, _fault: Fault) -> End:
    world.store.stop()
    return world.store.start


def _store_slow(world: SimulatedWorld, _fault: Fault) -> End:
    return world.slow_store()


def _store_restored(world: SimulatedWorld, fault: Fault) -> None:
    world.restore_store(fault.value)


def _stale_watch(world: SimulatedWorld, _fault: Fault) -> End:
    for port in world.store_ports.values():
        port.mute_watches()

    def end() -> None:
        for port in world.store_ports.values():
            port.unmute_watches()

    return end


def _cloud(part: str) -> Begin:
    def begin_it(world: SimulatedWorld, _fault: Fault) -> End:
        return world.break_part(part)

    return begin_it


_BEGIN: dict[Kind, Begin] = {
    Kind.KILL: _kill,
    Kind.REBOOT: _reboot,
    Kind.RESET: _reboot,
    Kind.FREEZE: _freeze,
    Kind.PAUSE: _pause,
    Kind.CUT: _cut(*_ALL_TARGETS),
    Kind.CUT_STORE: _cut(STORE),
    Kind.CUT_VCENTER: _cut(VCENTER),
    Kind.CUT_BUS: _cut(BUS),
    Kind.LOSE_REQUESTS: _cut(STORE, replies=False),
    Kind.LOSE_REPLIES: _cut(STORE, requests=False),
    Kind.WIPE_RUN: _wipe_run,
    Kind.SLOW_SYSTEMD: _slow_systemd,
    Kind.STUCK_TIMER: _stuck_timer,
    Kind.KILL_DAEMON: _kill_daemon,
    Kind.STOP_DAEMON: _stop_daemon,
    Kind.STALL_DAEMON: _stall_daemon,
    Kind.UPGRADE: _upgrade,
    Kind.BAD_STARTS: _bad_starts,
    Kind.CRASH: _crash,
    Kind.HANG: _hang,
    Kind.HUMAN_STOP: _human_stop,
    Kind.HUMAN_START: _human_start,
    Kind.SWITCHOVER: _switchover,
    Kind.SLOW_STOPS: _slow_stops,
    Kind.ROGUE: _rogue,
    Kind.STORE_DOWN: _store_down,
    Kind.STORE_SLOW: _store_slow,
    Kind.STORE_RESTORED: _store_restored,
    Kind.STALE_WATCH: _stale_watch,
    Kind.VCENTER_DOWN: _cloud(VCENTER),
    Kind.BUS_DOWN: _cloud(BUS),
    Kind.NOVA_DOWN: _cloud(NOVA),
}
