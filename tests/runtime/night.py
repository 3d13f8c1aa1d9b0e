"""A small world in virtual time: two pairings of one vCenter and one message bus, under real loops.

Faults change what is true; the fakes show what follows from it. Every action is judged by what was true
when it was done: what broke a moment ago nobody could know of, what broke `KNOWABLE_S` ago everybody could.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fakes.clock import FakeClock
from fakes.message_bus import FakeMessageBus
from fakes.nova import FakeNova
from fakes.store import FakeStore, SharedRecords
from fakes.systemd import FakeSystemd
from fakes.vcenter import FakeVCenter
from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.model import Mode, Pairing
from nova_watchdog.core.policy import Policy
from nova_watchdog.runtime.ledger import Ledger
from nova_watchdog.runtime.pairing_loop import PairingLoop
from nova_watchdog.runtime.probe import Probe
from nova_watchdog.runtime.world import Probes, World

KNOWABLE_S = 15.0
SHARED = ("vcenter", "login", "bus", "conductor")
_BEAT_EVERY_S = 10.0
POLICY = Policy(restart_backoff_s=(0.0, 5.0, 10.0))


@dataclass
class Process:
    """What is true of one nova-compute."""

    hung: bool = False
    slow: bool = False
    stopped_by_human: bool = False
    in_down_cell: bool = False
    beat_due_s: float = 0.0


@dataclass
class Night:
    """`broken_since_s` names what is broken now; `forbidden` what should never have been done."""

    mode: Mode = Mode.PROTECT
    names: tuple[str, ...] = ("a", "b")
    clock: FakeClock = field(default_factory=FakeClock)
    broken_since_s: dict[str, float] = field(default_factory=dict)
    forbidden: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    words: dict[str, list[Diagnosis]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        units = [self.unit(name) for name in self.names]
        hosts = [self.host(name) for name in self.names]
        self.systemd = FakeSystemd(self.clock, *units)
        moids = {f"DC0_{name}": f"domain-c{i}" for i, name in enumerate(self.names, start=1)}
        self.vcenter = FakeVCenter(moids, uuid="uuid")
        self.vcenter.sessions = None  # the account may not list them
        self.nova = FakeNova(*hosts)
        self.bus = FakeMessageBus(*hosts)
        self.processes = {name: Process() for name in self.names}
        self._judge_actions()
        reads: dict[str, tuple[Callable[[], Any], int]] = {
            "vcenter": (self.vcenter.read, 5),
            "services": (self.nova.read, 5),
            "bus": (self.bus.read, 10),
            "inventory": (self.vcenter.inspect, 10),
            "workload": (self.nova.workload, 10),
        }
        self._probes = {
            kind: Probe(kind, "x", read, self.clock, interval_s=every_s, deadline_s=6, judge=_judge)
            for kind, (read, every_s) in reads.items()
        }
        self._every_s = {kind: every_s for kind, (_, every_s) in reads.items()}
        self.loops = {name: self._loop(name) for name in self.names}

    @staticmethod
    def unit(name: str) -> str:
        """The unit of a pairing."""
        return f"nova-compute@{name}.service"

    @staticmethod
    def host(name: str) -> str:
        """Nova's name of a pairing."""
        return f"host-{name}"

    def _loop(self, name: str) -> PairingLoop:
        pairing = Pairing(
            name, self.unit(name), self.host(name), "vc1", f"DC0_{name}", self.mode, bus="rabbit://x"
        )
        world = World(
            self.clock,
            self.systemd,
            self.nova,
            Probes(**self._probes),
            lambda rule, action, outcome: self.done.append(f"{name} {rule} {action} {outcome}"),
            peers=lambda: [loop.peer() for loop in self.loops.values()],
        )
        store = FakeStore(SharedRecords())
        return PairingLoop(pairing, POLICY, world, Ledger(store, pairing, self.clock))

    async def begin(self) -> Night:
        """Both are healthy, and were for a while."""
        for name in self.names:
            self.systemd.start_by_human(self.unit(name))
        await self.pass_time(30)
        assert self.now() == dict.fromkeys(self.names, Diagnosis.HEALTHY)
        self.words = {name: [] for name in self.names}
        return self

    def now(self) -> dict[str, Diagnosis]:
        """The word of each pairing."""
        return {
            name: loop.snapshot.decision.diagnosis.diagnosis
            for name, loop in self.loops.items()
            if loop.snapshot
        }

    def breaks(self, what: str) -> None:
        """From now on that is broken."""
        self.broken_since_s.setdefault(what, self.clock.now_s())

    def is_whole(self, what: str) -> None:
        """It is not any more."""
        self.broken_since_s.pop(what, None)

    def knowable(self, what: str) -> bool:
        """Whether it is broken for so long that the daemon has to know."""
        since_s = self.broken_since_s.get(what)
        return since_s is not None and self.clock.now_s() - since_s >= KNOWABLE_S

    async def until_healthy(self, at_most_s: int) -> None:
        """Pass time until both are, in steps of ten seconds."""
        for _ in range(at_most_s // 10):
            if set(self.now().values()) == {Diagnosis.HEALTHY}:
                return
            await self.pass_time(10)

    async def pass_time(self, seconds: int) -> None:
        """Second by second: processes beat, probes read when they are due, loops tick."""
        for _ in range(seconds):
            await self.clock.advance(1)
            for name in self.names:
                self._live(name)
            for kind, probe in self._probes.items():
                if int(self.clock.now_s()) % self._every_s[kind] == 0 or probe._wanted.is_set():
                    probe._wanted.clear()
                    await probe.take()
            for name, loop in self.loops.items():
                await loop.tick()
                word = self.now()[name]
                seen = self.words.setdefault(name, [])
                if not seen or seen[-1] is not word:
                    seen.append(word)

    def _live(self, name: str) -> None:
        process, queue = self.processes[name], self.bus.queues[f"compute.{self.host(name)}"]
        runs = self.systemd._units[self.unit(name)].state.has_process
        if not runs:
            process.hung = False  # the next one is another one
        queue.consumers = int(runs)
        queue.answers = runs and not process.hung and not process.slow
        self.bus.queues["conductor"].answers = "conductor" not in self.broken_since_s
        way_is_free = not {"bus", "conductor"} & self.broken_since_s.keys()
        if runs and not process.hung and way_is_free and self.clock.now_s() >= process.beat_due_s:
            process.beat_due_s = self.clock.now_s() + _BEAT_EVERY_S
            self.nova.beat(self.host(name))

    def _judge_actions(self) -> None:
        """Look at every action as it is done."""
        start, kill, enable = self.systemd.start, self.systemd.kill, self.nova.enable
        of_unit = {self.unit(name): name for name in self.names}

        async def judged_start(unit: str, *, expected_invocation: str) -> None:
            process = self.processes[of_unit[unit]]
            wrong = list(filter(self.knowable, SHARED))
            wrong += [f"cluster of {of_unit[unit]}"] * self.knowable(f"cluster {of_unit[unit]}")
            wrong += ["stopped by a human"] * process.stopped_by_human
            self._forbid(f"start {unit}", wrong)
            await start(unit, expected_invocation=expected_invocation)

        async def judged_kill(unit: str, *, expected_invocation: str) -> None:
            process = self.processes[of_unit[unit]]
            wrong = list(filter(self.broken_since_s.__contains__, SHARED))
            wrong += ["it is not hung"] * (not process.hung)
            wrong += ["another one is hung too"] * (sum(p.hung for p in self.processes.values()) > 1)
            self._forbid(f"kill {unit}", wrong)
            await kill(unit, expected_invocation=expected_invocation)

        async def judged_enable(host: str, *, only_if_reason: str) -> None:
            reason = self.nova.record(host).disabled_reason
            self._forbid(f"enable {host}", [reason] * (reason != only_if_reason))
            await enable(host, only_if_reason=only_if_reason)

        self.systemd.start = judged_start  # type: ignore[method-assign]
        self.systemd.kill = judged_kill  # type: ignore[method-assign]
        self.nova.enable = judged_enable  # type: ignore[method-assign]

    def _forbid(self, action: str, wrong: list[str]) -> None:
        if wrong or self.mode is Mode.OBSERVE:
            self.forbidden.append(f"{action} while {wrong}")


def _judge(_view: object) -> tuple[bool, str]:
    return True, ""
