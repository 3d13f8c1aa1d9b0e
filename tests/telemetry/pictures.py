"""Snapshots for the tests, made by the real core out of a story of readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from nova_watchdog.core.budget import starts_left
from nova_watchdog.core.decide import Decision, decide
from nova_watchdog.core.memory import Memory, remember
from nova_watchdog.core.model import (
    DRIVER_DISABLED_REASON,
    ActiveState,
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
    VCenterView,
)
from nova_watchdog.core.policy import Policy
from nova_watchdog.core.snapshot import FleetSnapshot, PairingSnapshot, ProbeSnapshot, Transition
from nova_watchdog.core.state import PairingState

# The monotonic clock's 0 as Unix time: 2026-01-02 03:04:05 UTC.
EPOCH_WALL_S = 1767323045.0
VCENTER = "vc1.example.com:443"
POLICY = Policy()


def pairing(name: str = "cluster-a", mode: Mode = Mode.PROTECT) -> Pairing:
    return Pairing(name, f"nova-compute@{name}.service", f"compute-{name}", VCENTER, name, mode)


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
    store_problem: str = ""
    conductors_up: int = 1
    heartbeats: int = 0

    def tick(self, now_s: float, *, beat: bool = True) -> Story:
        """Read everything at that time and decide. `beat`: Nova's record advanced."""
        self.now_s = now_s
        self.heartbeats += beat
        self.observation = Observation(self._unit(), self._vcenter(), self._services())
        self.memory = remember(self.memory, self.pairing, self.observation)
        before = self.decision
        self.decision = decide(self.pairing, self.state, self.observation, self.memory, self.policy, now_s)
        self.state = self.decision.state
        word = self.decision.diagnosis.diagnosis
        if before is None or before.diagnosis.diagnosis is not word:
            self.since_s = now_s
        edge = Transition(
            EPOCH_WALL_S + now_s,
            word.value,
            self.state.phase.value,
            self.decision.rule.number,
            self.decision.rule.why,
            self.decision.rule.verb.value,
        )
        last = self.transitions[-1] if self.transitions else None
        if last is None or (last.diagnosis, last.rule) != (edge.diagnosis, edge.rule):
            self.transitions = (*self.transitions, edge)
        if "start" in edge.action:
            self.last_action = "start: done"
        return self

    def healthy(self) -> Story:
        """Watched from its start until it is healthy, at 30 s."""
        self.unit = replace(RUNNING, started_at_s=2.0, changed_at_s=2.0)
        for now_s in (1.0, 5.0, 10.0, 20.0, 30.0):
            self.tick(now_s)
        return self

    def shown(self) -> PairingSnapshot:
        assert self.decision is not None
        assert self.observation is not None
        return PairingSnapshot(
            pairing=self.pairing,
            observation=self.observation,
            memory=self.memory,
            decision=self.decision,
            remedy=self.decision.rule.remedy.replace("UNIT", self.pairing.unit).replace(
                "HOST", self.pairing.host
            ),
            starts_left=starts_left(self.state, self.policy, self.now_s),
            budget=self.policy.restart_budget,
            diagnosis_since_wall_s=EPOCH_WALL_S + self.since_s,
            ticked_at_s=self.now_s,
            last_action=self.last_action,
            store_problem=self.store_problem,
            transitions=self.transitions[-8:],
        )

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


def healthy(name: str = "cluster-a", mode: Mode = Mode.PROTECT) -> Story:
    return Story(pairing(name, mode)).healthy()


def killed(name: str = "cluster-a") -> Story:
    """Its process was killed at 31 s, and a start was asked for."""
    story = healthy(name)
    story.unit = ended(30.5)
    return story.tick(31.0, beat=False)


def given_up() -> Story:
    """Killed again and again until the budget was spent."""
    story = healthy()
    now_s = 31.0
    for _ in range(POLICY.restart_budget + 1):
        story.unit = ended(now_s - 0.5, detail="exit-code=1")
        story.tick(now_s, beat=False)
        now_s += 100.0
    return story.tick(now_s, beat=False)


def vcenter_down() -> Story:
    story = healthy()
    story.vcenter = VCenterView(VCenterOutcome.UNREACHABLE, "connection refused")
    return story.tick(35.0)


def login_refused() -> Story:
    story = healthy()
    story.vcenter = VCenterView(VCenterOutcome.LOGIN_REFUSED, "InvalidLogin")
    return story.tick(35.0)


def cluster_gone() -> Story:
    story = healthy()
    story.vcenter = VCenterView(VCenterOutcome.OK, "", "uuid-1", {"another": "domain-c9"})
    return story.tick(35.0)


def waiting() -> Story:
    """Killed while vCenter is away."""
    story = vcenter_down()
    story.unit = ended(39.5)
    return story.tick(40.0, beat=False)


def elsewhere() -> Story:
    """No process here since boot, and Nova goes on getting reports of the host."""
    story = Story()
    story.unit = replace(ended(0.0), stop_cause=StopCause.NEVER_RAN, started_at_s=0.0)
    for now_s in (10.0, 20.0, 30.0):
        story.tick(now_s)
    return story


def stopped() -> Story:
    story = healthy()
    story.unit = ended(35.0, detail="", cause=StopCause.FOREIGN_JOB)
    return story.tick(36.0, beat=False)


def not_reporting() -> Story:
    story = healthy()
    return story.tick(30.0 + POLICY.heartbeat_stale_s + 1, beat=False)


def blind() -> Story:
    story = healthy()
    story.services_unknown = "Keystone: 503"
    return story.tick(60.0, beat=False)


def no_conductor() -> Story:
    story = healthy()
    story.conductors_up = 0
    return story.tick(35.0, beat=False)


def disabled(reason: str = "maintenance", *, forced: bool = False) -> Story:
    story = healthy()
    story.record = replace(
        RECORD, host=story.pairing.host, disabled=not forced, disabled_reason=reason, forced_down=forced
    )
    story.tick(35.0)
    return story.tick(40.0)


def forced_down() -> Story:
    return disabled("", forced=True)


def starting() -> Story:
    """A new process that has not reported yet."""
    story = healthy()
    story.unit = replace(RUNNING, started_at_s=32.0, changed_at_s=32.0, main_pid=4343)
    return story.tick(33.0, beat=False)


def changing() -> Story:
    """systemd is about to stop it."""
    story = healthy()
    story.unit = replace(RUNNING, active=ActiveState.DEACTIVATING, sub="stop-sigterm", job="stop")
    return story.tick(33.0)


def unit_missing() -> Story:
    story = Story(pairing())
    story.unit = MISSING
    return story.tick(1.0)


def killed_just_now() -> Story:
    """Killed after the last canary began: that one proves nothing."""
    story = healthy()
    story.unit = ended(30.95)
    return story.tick(31.0, beat=False)


def no_record() -> Story:
    """Nova knows another host only."""
    story = healthy()
    story.record = replace(RECORD, host="somebody-else")
    return story.tick(35.0)


def auto_disabled() -> Story:
    return disabled(DRIVER_DISABLED_REASON)


def stuck_disabled() -> Story:
    story = auto_disabled()
    for step in range(1, 40):
        story.tick(40.0 + 5.0 * step)
    return story


def unread() -> Story:
    """The first look of a fresh daemon: nothing was read."""
    story = Story(pairing())
    story.unit_unknown = story.vcenter_unknown = story.services_unknown = "not read yet"
    return story.tick(1.0, beat=False)


def record_unwritable() -> Story:
    """Its record cannot be written, so nothing would be done."""
    story = healthy()
    story.store_problem = "store.json: No space left on device"
    return story


EVERY = (
    healthy,
    killed,
    killed_just_now,
    given_up,
    vcenter_down,
    login_refused,
    cluster_gone,
    waiting,
    elsewhere,
    stopped,
    not_reporting,
    blind,
    no_conductor,
    no_record,
    disabled,
    auto_disabled,
    stuck_disabled,
    forced_down,
    starting,
    changing,
    unit_missing,
    unread,
    record_unwritable,
)

MISTAKE = "/etc/nova/x.conf: [vmware] host_ip: is empty; allowed: a host name or an address"

PROBES = (
    ProbeSnapshot("vcenter", VCENTER, True, "", 0.012, EPOCH_WALL_S + 29.0, 6, 1),  # noqa: FBT003
    ProbeSnapshot("nova", "watchdog", False, "not run yet"),  # noqa: FBT003
)


def fleet(
    *stories: Story,
    actions: Mapping[tuple[str, str, str, str], int] | None = None,
    probes: tuple[ProbeSnapshot, ...] = PROBES,
    unwatched: Sequence[str] = (),
) -> FleetSnapshot:
    """The snapshot after the last tick of these pairings."""
    now_s = max((story.now_s for story in stories), default=0.0)
    return FleetSnapshot(
        controller="ctl1",
        version="1.2.3",
        started_wall_s=EPOCH_WALL_S,
        wall_s=EPOCH_WALL_S + now_s,
        now_s=now_s,
        pairings={story.pairing.name: story.shown() for story in stories},
        probes=probes,
        actions=actions or {},
        loop_lag_s=0.002,
        unwatched=dict.fromkeys(unwatched, (MISTAKE,)),
    )


class StoppedClock:
    """A clock that tells one moment until a test moves it."""

    def __init__(self, now_s: float = 0.0) -> None:
        self.at_s = now_s

    def now_s(self) -> float:
        return self.at_s

    def wall_s(self) -> float:
        return EPOCH_WALL_S + self.at_s

    async def sleep(self, seconds: float) -> None:
        self.at_s += seconds

    def boot_id(self) -> str:
        return "boot"
