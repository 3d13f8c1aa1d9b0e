"""Every two faults at a time, in virtual time: an allowed word for each pairing, and no forbidden action."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations, product

import pytest

from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.model import Mode
from nova_watchdog.simulation.parts.vcenter import A_CLUSTER
from runtime.night import Night

# How long one of them is there alone, both are, and what it takes to be healthy again at the most.
ALONE_S, BOTH_S, HEALED_S = 12, 130, 300
# What follows from a start or a stop under way, whatever caused it.
PASSING = {
    Diagnosis.STARTING,
    Diagnosis.PROCESS_DOWN,
    Diagnosis.WAITING_FOR_DEPENDENCY,
    Diagnosis.CHANGING,
    Diagnosis.UNKNOWN,
    Diagnosis.NOT_REPORTING,
}


@dataclass(frozen=True)
class Fault:
    """`inject` and `clear` take the night and a pairing's name. `words`: what may be said of the pairing.

    shared: every pairing suffers.
    """

    inject: Callable[[Night, str], None]
    clear: Callable[[Night, str], None]
    words: frozenset[Diagnosis]
    shared: bool = False


def nothing(_night: Night, _name: str) -> None:
    """It heals by itself, or by the daemon."""


def set_process(**changes: bool) -> Callable[[Night, str], None]:
    def change(night: Night, name: str) -> None:
        for key, value in changes.items():
            setattr(night.processes[name], key, value)

    return change


def kill(night: Night, name: str) -> None:
    night.systemd.kill_by_human(night.unit(name))


def stop(night: Night, name: str) -> None:
    night.processes[name].stopped_by_human = True
    night.systemd.stop_by_human(night.unit(name))


def start_again(night: Night, name: str) -> None:
    night.processes[name].stopped_by_human = False
    night.systemd.start_by_human(night.unit(name))


def breaks(what: str, cause: Callable[[Night], None]) -> Callable[[Night, str], None]:
    def inject(night: Night, _name: str) -> None:
        night.breaks(what)
        cause(night)

    return inject


def whole(what: str, cure: Callable[[Night], None]) -> Callable[[Night, str], None]:
    def clear(night: Night, _name: str) -> None:
        night.is_whole(what)
        cure(night)

    return clear


def lose_cluster(night: Night, name: str) -> None:
    night.breaks(f"cluster {name}")
    night.vcenter.clusters.pop(f"DC0_{name}")


def find_cluster(night: Night, name: str) -> None:
    night.is_whole(f"cluster {name}")
    night.vcenter.clusters[f"DC0_{name}"] = f"domain-c{night.names.index(name) + 1}"


def drs(*, enabled: bool) -> Callable[[Night, str], None]:
    def change(night: Night, name: str) -> None:
        night.vcenter.views[f"DC0_{name}"] = replace(A_CLUSTER, drs_enabled=enabled)

    return change


def hide(*, hidden: bool) -> Callable[[Night, str], None]:
    return lambda night, name: night.nova.hide(night.host(name), hidden=hidden)


def refuse_login(night: Night) -> None:
    night.vcenter.refuse_login()
    night.vcenter.drop_sessions()


def unblock(night: Night) -> None:
    night.bus.blocked = None


def find_bus(night: Night) -> None:
    night.bus.unreachable = None


def find_vcenter(night: Night) -> None:
    night.vcenter.unreachable = None


FAULTS = {
    "killed": Fault(kill, nothing, frozenset()),
    "hung": Fault(
        set_process(hung=True),
        set_process(hung=False),
        frozenset({Diagnosis.PROCESS_HUNG, Diagnosis.UNRESPONSIVE}),
    ),
    "slow": Fault(
        set_process(slow=True),
        set_process(slow=False),
        frozenset({Diagnosis.UNRESPONSIVE, Diagnosis.PROCESS_HUNG}),
    ),
    "stopped": Fault(stop, start_again, frozenset({Diagnosis.STOPPED_ON_PURPOSE})),
    "disabled by an operator": Fault(
        lambda night, name: night.nova.disable_by_operator(night.host(name)),
        lambda night, name: night.nova.enable_by_operator(night.host(name)),
        frozenset({Diagnosis.DISABLED_BY_OPERATOR}),
    ),
    "disabled by the driver": Fault(
        lambda night, name: night.nova.disable_by_driver(night.host(name)),
        nothing,
        frozenset({Diagnosis.AUTO_DISABLED, Diagnosis.STUCK_DISABLED, Diagnosis.DISABLED_BY_OPERATOR}),
    ),
    "forced down": Fault(
        lambda night, name: night.nova.force_down(night.host(name)),
        lambda night, name: night.nova.force_down(night.host(name), forced=False),
        frozenset({Diagnosis.FORCED_DOWN}),
    ),
    "cluster gone": Fault(lose_cluster, find_cluster, frozenset({Diagnosis.CLUSTER_GONE})),
    "drs off": Fault(drs(enabled=False), drs(enabled=True), frozenset({Diagnosis.CLUSTER_DEGRADED})),
    "cell down": Fault(hide(hidden=True), hide(hidden=False), frozenset({Diagnosis.CELL_DOWN})),
    "vcenter down": Fault(
        breaks("vcenter", lambda night: night.vcenter.cut()),
        whole("vcenter", find_vcenter),
        frozenset({Diagnosis.VCENTER_DOWN}),
        shared=True,
    ),
    "login refused": Fault(
        breaks("login", refuse_login),
        whole("login", lambda night: night.vcenter.correct_password()),
        frozenset({Diagnosis.VCENTER_LOGIN_REFUSED}),
        shared=True,
    ),
    "api away": Fault(
        lambda night, _name: night.nova.fail(),
        lambda night, _name: night.nova.heal(),
        frozenset({Diagnosis.CONTROL_PLANE_BLIND}),
        shared=True,
    ),
    "conductor silent": Fault(
        breaks("conductor", nothing_else := lambda _night: None),
        whole("conductor", nothing_else),
        frozenset({Diagnosis.CONDUCTORS_DOWN}),
        shared=True,
    ),
    "bus down": Fault(
        breaks("bus", lambda night: night.bus.cut()),
        whole("bus", find_bus),
        frozenset({Diagnosis.BUS_DOWN}),
        shared=True,
    ),
    "bus blocked": Fault(
        breaks("bus", lambda night: night.bus.block()),
        whole("bus", unblock),
        frozenset({Diagnosis.BUS_BLOCKED}),
        shared=True,
    ),
}
OF_A_PAIRING = [name for name, fault in FAULTS.items() if not fault.shared]
# Both on one pairing, and one on each of two.
PAIRS = [(one, other, "a", "a") for one, other in combinations(FAULTS, 2)]
PAIRS += [(one, other, "a", "b") for one, other in product(OF_A_PAIRING, repeat=2)]


@pytest.mark.parametrize(("one", "other", "where", "there"), PAIRS)
async def test_two_faults_at_a_time(one: str, other: str, where: str, there: str):
    """Allowed words while they last, nothing forbidden done, and healthy when both are over."""
    night = await Night().begin()
    first, second = FAULTS[one], FAULTS[other]
    first.inject(night, where)
    await night.pass_time(ALONE_S)
    second.inject(night, there)
    await night.pass_time(BOTH_S)
    while_both = {name: set(words) for name, words in night.words.items()}
    first.clear(night, where)
    second.clear(night, there)
    await night.until_healthy(HEALED_S)

    assert night.forbidden == []
    for name, words in while_both.items():
        allowed = {Diagnosis.HEALTHY, *PASSING}
        for fault, place in ((first, where), (second, there)):
            if fault.shared or place == name:
                allowed |= fault.words
        assert words <= allowed
    assert night.now() == dict.fromkeys(night.names, Diagnosis.HEALTHY), night.words


@pytest.mark.parametrize("name", FAULTS)
async def test_one_fault_is_called_by_its_name(name: str):
    """The same world with one fault: its word is said, so the pairs do not pass for want of words."""
    night = await Night().begin()
    FAULTS[name].inject(night, "a")
    await night.pass_time(BOTH_S)
    expected = FAULTS[name].words or {Diagnosis.PROCESS_DOWN}
    assert set(night.words["a"]) & expected
    assert night.forbidden == []


async def test_two_that_hang_at_once_are_left_alone():
    """The breaker: a shared cause, so an alert and nothing else."""
    night = await Night().begin()
    for name in night.names:
        night.processes[name].hung = True
    await night.pass_time(300)
    assert set(night.now().values()) == {Diagnosis.PROCESS_HUNG}
    assert night.done == []


@pytest.mark.parametrize("name", FAULTS)
async def test_observe_does_nothing_about_any_fault(name: str):
    """Whatever happens."""
    night = await Night(mode=Mode.OBSERVE).begin()
    FAULTS[name].inject(night, "a")
    await night.pass_time(BOTH_S)
    assert (night.forbidden, night.done) == ([], [])
