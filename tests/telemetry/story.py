"""One pairing through a sequence of readings, judged by the real core."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from nova_watchdog.core.breaker import Breaker
from nova_watchdog.core.budget import starts_left
from nova_watchdog.core.decide import Decision, decide
from nova_watchdog.core.diagnose import Condition, condition_of
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.memory import Memory, remember
from nova_watchdog.core.model import (
    ActiveState,
    Answer,
    BusOutcome,
    BusView,
    ClusterView,
    ComputeOnBus,
    Datastore,
    HostLoad,
    InventoryView,
    LoadState,
    Mode,
    Observation,
    Observed,
    Pairing,
    Reading,
    ServiceRecord,
    ServicesView,
    StopCause,
    UnitState,
    Unknown,
    VCenterOutcome,
    VCenterSession,
    VCenterView,
    WorkloadView,
)
from nova_watchdog.core.permission import Pause, Permission, permission_of
from nova_watchdog.core.policy import Policy
from nova_watchdog.core.snapshot import PairingSnapshot, Transition
from nova_watchdog.core.state import PairingState
from nova_watchdog.runtime import edges

# The monotonic clock's 0 as Unix time: 2026-01-02 03:04:05 UTC.
EPOCH_WALL_S = 1767323045.0
VCENTER = "vc1.example.com:443/nova@vsphere.local"
BUS = "rabbit://mq.example.com:5672/nova"
POLICY = Policy()
DAY_S = 86400.0
GIB = 1024**3


def pairing(name: str = "cluster-a", mode: Mode = Mode.PROTECT) -> Pairing:
    return Pairing(name, f"nova-compute@{name}.service", f"compute-{name}", VCENTER, name, mode, BUS, "ds-.*")


RUNNING = UnitState(
    load=LoadState.LOADED,
    active=ActiveState.ACTIVE,
    sub="running",
    main_pid=4242,
    result="success",
    detail="",
    job=None,
    started_at_s=1.0,
    changed_at_s=1.0,
    invocation_id="a" * 32,
    stop_cause=StopCause.RUNNING,
)
MISSING = replace(RUNNING, load=LoadState.NOT_FOUND, active=ActiveState.INACTIVE, sub="dead", main_pid=0)
RECORD = ServiceRecord("7", "compute-cluster-a", True, False, "", False, "2026-01-02T03:04:05")  # noqa: FBT003

DATASTORE = Datastore(
    "ds-1", "vmfs", 100 * GIB, 40 * GIB, accessible=True, in_maintenance=False, mounted_on=3
)
CLUSTER = ClusterView(
    "domain-c8",
    drs_enabled=True,
    drs_behavior="fullyAutomated",
    hosts=3,
    connected=3,
    in_maintenance=0,
    datastores=(DATASTORE, replace(DATASTORE, name="ds-2", free_bytes=25 * GIB)),
)
SESSION = VCenterSession("192.0.2.7", "python-requests/2.31", 12.0, 345, 25.0)
LOAD = HostLoad(12, ("domain-c8.uuid-1",))
ON_BUS = ComputeOnBus(Answer.ANSWERED, 0.004, consumers=1, queued=0)


def ended(at_s: float, *, detail: str = "signal=KILL", cause: StopCause = StopCause.BY_ITSELF) -> UnitState:
    """The unit without its process since then."""
    return replace(
        RUNNING,
        active=ActiveState.FAILED,
        sub="failed",
        main_pid=0,
        result="signal",
        detail=detail,
        changed_at_s=at_s,
        stop_cause=cause,
    )


@dataclass
class Story:
    """One pairing through a sequence of ticks."""

    pairing: Pairing = field(default_factory=pairing)
    policy: Policy = POLICY
    now_s: float = 0.0
    memory: Memory = field(default_factory=lambda: Memory(watching_since_s=0.0))
    state: PairingState = field(default_factory=PairingState)
    decision: Decision | None = None
    observation: Observation | None = None
    since_s: float = 0.0
    last_action: str = ""
    transitions: tuple[Transition, ...] = ()
    unit: UnitState = RUNNING
    record: ServiceRecord | None = None
    vcenter: VCenterView | None = None
    unit_unknown: str = ""
    vcenter_unknown: str = ""
    services_unknown: str = ""
    bus_unknown: str = ""
    inventory_unknown: str = ""
    workload_unknown: str = ""
    store_problem: str = ""
    conductors_up: int = 1
    heartbeats: int = 0
    bus: BusView | None = None
    on_bus: ComputeOnBus | None = None
    cluster: ClusterView = CLUSTER
    certificate_expires_in_s: float | None = 300 * DAY_S
    sessions: tuple[VCenterSession, ...] | None = (SESSION,)
    load: HostLoad = LOAD
    nova_host: str = ""  # whose hypervisor Nova has; empty: the pairing's
    window: str = ""
    breaker: Breaker = Breaker.CLOSED
    failed_s: float = 0.0
    holding: Holding | None = None

    def tick(self, now_s: float, *, beat: bool = True) -> Story:
        """Read everything at that time and decide. `beat`: Nova's record advanced."""
        passed_s, self.now_s = now_s - self.now_s, now_s
        self.heartbeats += beat
        self.observation = Observation(
            self._unit(),
            self._vcenter(),
            self._services(),
            self._bus(),
            self._inventory(),
            self._workload(),
        )
        self.memory = remember(self.memory, self.pairing, self.observation)
        before = self.decision
        self.decision = decide(
            self.pairing,
            self.state,
            self.observation,
            self.memory,
            self.policy,
            now_s,
            permission=self._permission(),
            breaker=self.breaker,
            holding=self.holding,
        )
        self.state = self.decision.state
        word = self.decision.diagnosis.diagnosis
        if before is None or before.diagnosis.diagnosis is not word:
            self.since_s = now_s
        if before and condition_of(before.diagnosis.diagnosis) is Condition.FAILED:
            self.failed_s += passed_s
        edge = edges.transition(self.decision, EPOCH_WALL_S + now_s)
        last = self.transitions[-1] if self.transitions else None
        if last is None or (last.diagnosis, last.rule) != (edge.diagnosis, edge.rule):
            self.transitions = (*self.transitions, edge)
        if edge.action in ("start", "start-free", "kill"):
            self.last_action = f"{edge.action.removesuffix('-free')}: done"
        return self

    def healthy(self) -> Story:
        """Watched from its start until it is healthy, at 30 s."""
        self.unit = replace(RUNNING, started_at_s=2.0, changed_at_s=2.0)
        for now_s in (1.0, 5.0, 10.0, 20.0, 30.0):
            self.tick(now_s)
        return self

    def paused(self, until_s: float, reason: str = "storage upgrade", by: str = "alice") -> Story:
        """A human's pause from now on."""
        pause = Pause(reason, by, EPOCH_WALL_S + self.now_s, EPOCH_WALL_S + until_s)
        self.state = replace(self.state, pause=pause)
        return self

    def shown(self) -> PairingSnapshot:
        assert self.decision is not None
        assert self.observation is not None
        return PairingSnapshot(
            pairing=self.pairing,
            observation=self.observation,
            memory=self.memory,
            decision=self.decision,
            remedy=edges.remedy_of(self.pairing, self.decision),
            starts_left=starts_left(self.state, self.policy, self.now_s),
            budget=self.policy.restart_budget,
            diagnosis_since_wall_s=EPOCH_WALL_S + self.since_s,
            ticked_at_s=self.now_s,
            last_action=self.last_action,
            store_problem=self.store_problem,
            transitions=self.transitions[-8:],
            permission=self._permission(),
            pause=self.state.pause,
            window=self.window,
            failed_s=self.failed_s,
        )

    def _permission(self) -> Permission:
        return permission_of(self.pairing.mode, self.state.pause, self.window, EPOCH_WALL_S + self.now_s)

    def _unit(self) -> Observed[UnitState]:
        if self.unit_unknown:
            return Unknown(self.unit_unknown, self.now_s - 0.5)
        return Reading(self.unit, self.now_s - 0.01, self.now_s)

    def _vcenter(self) -> Observed[VCenterView]:
        if self.vcenter_unknown:
            return Unknown(self.vcenter_unknown, self.now_s - 0.5)
        view = self.vcenter or VCenterView(
            VCenterOutcome.OK, "", "uuid-1", {self.pairing.cluster: "domain-c8"}
        )
        return Reading(view, self.now_s - 0.2, self.now_s - 0.1)

    def _services(self) -> Observed[ServicesView]:
        if self.services_unknown:
            return Unknown(self.services_unknown, self.now_s - 0.5)
        record = self.record or replace(RECORD, host=self.pairing.host)
        record = replace(record, updated_at=f"2026-01-02T03:04:{self.heartbeats:02d}")
        view = ServicesView({record.host: record}, self.conductors_up, 1)
        return Reading(view, self.now_s - 0.3, self.now_s - 0.1)

    def _bus(self) -> Observed[BusView]:
        if self.bus_unknown:
            return Unknown(self.bus_unknown, self.now_s - 0.5)
        without_process = ComputeOnBus(Answer.UNANSWERED, None, consumers=0, queued=0)
        compute = self.on_bus or (ON_BUS if self.unit.runs else without_process)
        view = self.bus or BusView(BusOutcome.OK, "", Answer.ANSWERED, {self.pairing.host: compute})
        return Reading(view, self.now_s - 0.4, self.now_s - 0.1)

    def _inventory(self) -> Observed[InventoryView]:
        canary = self._vcenter()
        if isinstance(canary, Unknown) or canary.value.outcome is not VCenterOutcome.OK:
            return Unknown(self.inventory_unknown or "no session at vCenter", self.now_s - 0.5)
        if self.inventory_unknown:
            return Unknown(self.inventory_unknown, self.now_s - 0.5)
        clusters = {name: self.cluster for name in canary.value.clusters if name == self.pairing.cluster}
        view = InventoryView(
            "uuid-1", clusters, self.certificate_expires_in_s, self.sessions, self._address()
        )
        return Reading(view, self.now_s - 0.6, self.now_s - 0.1)

    def _address(self) -> str:
        return "" if self.sessions is None else "192.0.2.7"

    def _workload(self) -> Observed[WorkloadView]:
        if self.workload_unknown:
            return Unknown(self.workload_unknown, self.now_s - 0.5)
        view = WorkloadView({self.nova_host or self.pairing.host: self.load})
        return Reading(view, self.now_s - 0.5, self.now_s - 0.1)
