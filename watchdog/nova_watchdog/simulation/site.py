"""One simulated controller: a machine, its systemd, and the real daemon on it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nova_watchdog.core.breaker import Peer
from nova_watchdog.core.hold.decide import HoldDecision
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.hold.rules import HoldVerb
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.model import Pairing
from nova_watchdog.runtime.hands import DONE
from nova_watchdog.runtime.hold_ports import KeeperPorts
from nova_watchdog.runtime.holdings import Holdings, Surroundings
from nova_watchdog.runtime.keeper import Keeper
from nova_watchdog.runtime.pairing_loop import PairingLoop
from nova_watchdog.runtime.probe import Probe
from nova_watchdog.runtime.registrar import Identity
from nova_watchdog.runtime.world import Probes, World
from nova_watchdog.simulation.loop import ControllerLoop
from nova_watchdog.simulation.parts.daemon_service import DaemonService
from nova_watchdog.simulation.parts.machine import Machine
from nova_watchdog.simulation.parts.run_file import MachineRunFile
from nova_watchdog.simulation.parts.systemd import SimulatedSystemd
from nova_watchdog.simulation.parts.tokens import MachineTokens
from nova_watchdog.simulation.scenario import Scenario
from nova_watchdog.simulation.telling import TellingLedger
from nova_watchdog.simulation.timeline import Timeline

_DEADLINE_SLACK_S = 1.0


@dataclass(frozen=True, slots=True)
class Intervals:
    """How often the probes read and how long they may take; `timeout_s`: at vCenter."""

    vcenter_s: float = 5.0
    nova_s: float = 5.0
    bus_s: float = 10.0
    inventory_s: float = 60.0
    workload_s: float = 60.0
    timeout_s: float = 5.0
    nova_timeout_s: float = 5.0
    bus_timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Reach:
    """The ports of one controller to the shared world."""

    store: Any
    local_store: Any
    vcenter: Any
    nova: Any
    bus: Any


@dataclass(frozen=True, slots=True)
class Ears:
    """Who is told what a daemon does.

    acted: (controller, pairing, rule, action, outcome). said: (controller, text). gave: (controller, pairing,
    why) of each stop that it asked for so that the pairing moves.
    """

    acted: Callable[[str, str, str, str, str], None]
    said: Callable[[str, str], None]
    gave: Callable[[str, str, str], None] = lambda _controller, _pairing, _why: None


class Site:
    """A controller. `keeper` and `loops` are those of the daemon that runs, if one does.

    begun_at_s: when the last daemon began, in true time.
    """

    def __init__(
        self,
        name: str,
        scenario: Scenario,
        pairings: Sequence[Pairing],
        timeline: Timeline,
        intervals: Intervals,
        ears: Ears,
        reach: Callable[[Machine], Reach],
    ) -> None:
        self.name = name
        self.timing: Timing = scenario.timing
        self.machine = Machine(name, timeline, rate=scenario.rate(name))
        self.systemd = SimulatedSystemd(self.machine, {one.unit: one.name for one in pairings})
        self.tokens = MachineTokens(self.machine)
        self.run_file = MachineRunFile(self.machine)
        self.service = DaemonService(self.machine, self._begin, self._terminate)
        self.keeper: Keeper | None = None
        self.loops: dict[str, PairingLoop] = {}
        self.begun_at_s = 0.0
        self.reach = reach(self.machine)
        self._scenario = scenario
        self._pairings = tuple(pairings)
        self._timeline = timeline
        self._intervals = intervals
        self._ears = ears
        self._daemons = itertools.count(1)

    def _begin(self) -> ControllerLoop:
        number = next(self._daemons)
        self.begun_at_s = self._timeline.now_s
        loop = ControllerLoop(self._timeline, f"{self.name}-daemon-{number}", self.machine.clock.local)
        self.systemd.daemon_was_away()
        self._ears.said(self.name, f"daemon {number} starts")
        loop.create_task(self._daemon(number), name="daemon")
        return loop

    async def _daemon(self, number: int) -> None:
        """What `daemon.py` and `assembly.py` do, with these ports."""
        probes = self._probes(self.reach)
        self.loops = {}
        incarnations = itertools.count(1)
        identity = Identity(self.name, "simulated", lambda: f"{self.name}-{number}-{next(incarnations)}")
        ports = KeeperPorts(
            self.machine.clock,
            self.reach.store,
            self.systemd,
            self.systemd,
            self.systemd.deadline,
            self.tokens,
            self.run_file,
        )
        around = Surroundings(loop=self.loops.get, count=_uncounted, told=self._told)
        holdings = Holdings(identity, self._pairings, self.timing, self._scenario.hold_policy, ports, around)
        self.keeper = holdings.keeper
        self.loops.update({one.name: self._loop(one, probes, holdings) for one in self._pairings})
        async with asyncio.TaskGroup() as group:
            for probe in probes:
                group.create_task(probe.run(), name=f"probe {probe.snapshot.kind}")
            for name, loop in self.loops.items():
                group.create_task(loop.run(), name=f"pairing {name}")
            group.create_task(holdings.run(), name="keeper")

    def _terminate(self) -> None:
        """SIGTERM: what can be given up is, and then it ends."""
        loop, keeper = self.service.loop, self.keeper
        if loop is None or keeper is None:
            self.service.ended()
            return
        ended = loop.create_task(keeper.leave(), name="leave")
        ended.add_done_callback(lambda _task: self.service.ended())

    def _loop(self, pairing: Pairing, probes: Probes, holdings: Holdings) -> PairingLoop:
        clock = self.machine.clock
        world = World(
            clock=clock,
            units=self.systemd,
            nova=self.reach.nova,
            probes=probes if pairing.bus else replace(probes, bus=None),
            count=lambda rule, action, outcome: self._ears.acted(
                self.name, pairing.name, rule, action, outcome
            ),
            peers=self._peers,
            controller=self.name,
            holding=holdings.holding,
        )
        ledger = TellingLedger(
            self.reach.local_store, pairing, clock, lambda text: self._ears.said(self.name, text)
        )
        return PairingLoop(pairing, self._scenario.policy, world, ledger)

    def _probes(self, reach: Reach) -> Probes:
        every, clock = self._intervals, self.machine.clock
        kinds: Mapping[str, tuple[Callable[[], Any], float, float]] = {
            "vcenter": (reach.vcenter.read, every.vcenter_s, every.timeout_s),
            "services": (reach.nova.read, every.nova_s, every.nova_timeout_s),
            "bus": (reach.bus.read, every.bus_s, every.bus_timeout_s),
            "inventory": (reach.vcenter.inspect, every.inventory_s, every.timeout_s),
            "workload": (reach.nova.workload, every.workload_s, every.nova_timeout_s),
        }
        return Probes(
            **{
                kind: Probe(
                    kind,
                    "x",
                    read,
                    clock,
                    interval_s=every_s,
                    deadline_s=timeout_s + _DEADLINE_SLACK_S,
                    judge=_judge,
                )
                for kind, (read, every_s, timeout_s) in kinds.items()
            }
        )

    def holding(self, pairing: str) -> Holding | None:
        """The hold as the daemon that runs here knows it."""
        return self.keeper.holding(pairing) if self.keeper and self.service.runs else None

    def _told(self, pairing: str, decision: HoldDecision, outcome: str) -> None:
        verb = decision.rule.verb
        why = f" ({decision.reason})" if decision.reason else ""
        self._ears.said(self.name, f"{pairing} {decision.rule.number} {decision.rule.why}{why}")
        if verb is HoldVerb.STOP and outcome == DONE:
            self._ears.gave(self.name, pairing, decision.reason)
        if outcome:
            what = "record" if verb is HoldVerb.NOTHING else verb.value
            self._ears.acted(self.name, pairing, decision.rule.number, what, outcome)

    def _peers(self) -> list[Peer]:
        return [loop.peer() for loop in self.loops.values()]


def _uncounted(_pairing: str, _rule: str, _action: str, _outcome: str) -> None:
    """No metrics here: the ears hear what is done."""


def _judge(_view: object) -> tuple[bool, str]:
    return True, ""
