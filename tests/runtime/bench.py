"""One pairing's loop among the fakes, in virtual time, one round at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from fakes.clock import FakeClock
from fakes.nova import FakeNova
from fakes.store import FakeStore, SharedRecords
from fakes.systemd import FakeSystemd
from fakes.vcenter import FakeVCenter
from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.events import Event
from nova_watchdog.core.model import Mode, Pairing, VCenterOutcome
from nova_watchdog.core.policy import Policy
from nova_watchdog.core.snapshot import PairingSnapshot
from nova_watchdog.core.state import Phase
from nova_watchdog.runtime.ledger import Ledger
from nova_watchdog.runtime.pairing_loop import PairingLoop
from nova_watchdog.runtime.probe import Probe
from nova_watchdog.runtime.world import Probes, World

UNIT = "nova-compute@cluster-a.service"
HOST = "vcenter-cluster-a"
POLICY = Policy(restart_backoff_s=(0.0, 5.0, 10.0))


class Bench:
    """The fakes are public: break them, then let `pass_time` show what the loop does."""

    def __init__(self, mode: Mode = Mode.PROTECT) -> None:
        self.clock = FakeClock()
        self.systemd = FakeSystemd(self.clock, UNIT)
        self.vcenter = FakeVCenter({"DC0_C0": "domain-c1"})
        self.nova = FakeNova(HOST)
        self.records = SharedRecords()
        self.store = FakeStore(self.records)
        self.actions: Counter[tuple[str, str, str]] = Counter()
        self.events: list[Event] = []
        self.mode = mode
        self.seen: list[Diagnosis] = []
        self._beat_due_s = self.clock.now_s()
        self.boot()

    def boot(self, unit: str = UNIT, host: str = HOST) -> None:
        """A fresh daemon on the same machine."""
        pairing = Pairing("cluster-a", unit, host, "vc1:443/user", "DC0_C0", self.mode)
        self.vcenter_probe = Probe(
            "vcenter",
            "vc1",
            self.vcenter.read,
            self.clock,
            interval_s=5,
            deadline_s=6,
            judge=lambda view: (view.outcome is VCenterOutcome.OK, view.detail),
        )
        self.nova_probe = Probe(
            "nova",
            "lab",
            self.nova.read,
            self.clock,
            interval_s=5,
            deadline_s=6,
            judge=lambda view: (True, str(len(view.computes))),
        )
        world = World(
            self.clock,
            self.systemd,
            self.nova,
            Probes(
                self.vcenter_probe,
                self.nova_probe,
                None,
                self._slow_probe("inventory", self.vcenter.inspect),
                self._slow_probe("workload", self.nova.workload),
            ),
            lambda rule, action, outcome: self.actions.update([(rule, action, outcome)]),
            tell=self.events.extend,
        )
        self.loop = PairingLoop(pairing, POLICY, world, Ledger(self.store, pairing, self.clock))

    def _slow_probe(self, kind: str, read: Callable[[], Awaitable[Any]]) -> Probe[Any]:
        judge = lambda _view: (True, "")  # noqa: E731
        return Probe(kind, "x", read, self.clock, interval_s=60, deadline_s=30, judge=judge)

    async def round(self) -> Diagnosis:
        """Both probes and two ticks, as within one second of a real daemon."""
        await self.loop.tick()
        await self.vcenter_probe.take()
        await self.nova_probe.take()
        await self.loop.tick()
        diagnosis = self.diagnosis
        if not self.seen or self.seen[-1] is not diagnosis:
            self.seen.append(diagnosis)
        return diagnosis

    async def pass_time(self, seconds: int) -> Diagnosis:
        """Second by second; a running nova-compute reports every ten."""
        for _ in range(seconds):
            await self.clock.advance(1)
            runs = self.systemd._units[UNIT].state.has_process  # also while the bus is lost
            if runs and self.clock.now_s() >= self._beat_due_s:
                self._beat_due_s = self.clock.now_s() + 10
                self.nova.beat(HOST)
            await self.round()
        return self.diagnosis

    async def healthy(self) -> Bench:
        """A pairing that has run for a while."""
        self.systemd.start_by_human(UNIT)
        assert await self.pass_time(30) is Diagnosis.HEALTHY
        self.systemd.starts.clear()
        self.seen.clear()
        return self

    @property
    def shown(self) -> PairingSnapshot:
        """The last picture."""
        assert self.loop.snapshot is not None
        return self.loop.snapshot

    @property
    def diagnosis(self) -> Diagnosis:
        assert self.loop.snapshot is not None
        return self.loop.snapshot.decision.diagnosis.diagnosis

    @property
    def phase(self) -> Phase:
        assert self.loop.snapshot is not None
        return self.loop.snapshot.decision.state.phase

    @property
    def rules(self) -> list[str]:
        """The rules of all recorded transitions, in order."""
        assert self.loop.snapshot is not None
        return [t.rule for t in self.loop.snapshot.transitions]
