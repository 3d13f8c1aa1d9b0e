"""Snapshots for the tests, made by the real core out of a story of readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.model import (
    DRIVER_DISABLED_REASON,
    ActiveState,
    Answer,
    BusOutcome,
    BusView,
    ComputeOnBus,
    Mode,
    StopCause,
    VCenterOutcome,
    VCenterView,
)
from nova_watchdog.core.snapshot import FleetSnapshot, ProbeSnapshot, ReceiverSnapshot
from telemetry.story import (
    BUS,
    CLUSTER,
    DATASTORE,
    DAY_S,
    EPOCH_WALL_S,
    GIB,
    MISSING,
    ON_BUS,
    POLICY,
    RECORD,
    RUNNING,
    SESSION,
    VCENTER,
    Story,
    ended,
    pairing,
)

__all__ = [
    "BUS",
    "CLUSTER",
    "DATASTORE",
    "DAY_S",
    "EPOCH_WALL_S",
    "GIB",
    "MISSING",
    "ON_BUS",
    "POLICY",
    "RECORD",
    "RUNNING",
    "SESSION",
    "VCENTER",
    "Story",
    "ended",
    "pairing",
]


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


def standby() -> Story:
    """Another controller holds it, and Nova gets that one's reports."""
    story = Story(
        unit=replace(RUNNING, active=ActiveState.INACTIVE, sub="dead", main_pid=0, changed_at_s=0.0)
    )
    story.holding = Holding(Claim.HELD, holder="ctl2", epoch=3)
    return story.tick(10.0).tick(16.0).tick(20.0)


def not_held() -> Story:
    """It went down here, and nobody holds it."""
    story = killed()
    story.holding = Holding(Claim.FREE, epoch=3)
    return story.tick(40.0)


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
    """Nova has never known its host."""
    story = Story()
    story.record = replace(RECORD, host="somebody-else")
    for now_s in (5.0, 20.0, POLICY.start_cap_s + 10.0):
        story.tick(now_s)
    return story


def cell_down() -> Story:
    """Nova knows another host only, after it knew this one."""
    story = healthy()
    story.record = replace(RECORD, host="somebody-else")
    return story.tick(35.0)


def bus_down() -> Story:
    story = healthy()
    story.bus = BusView(BusOutcome.UNREACHABLE, "connection refused")
    return story.tick(35.0)


def bus_blocked() -> Story:
    story = healthy()
    story.bus = BusView(BusOutcome.BLOCKED, "connection.blocked: low on memory")
    return story.tick(35.0)


def conductor_silent() -> Story:
    """The bus is proven, and no conductor answers for long enough."""
    story = healthy()
    story.bus = BusView(BusOutcome.OK, "", Answer.UNANSWERED)
    for now_s in (35.0, 45.0, 55.0):
        story.tick(now_s, beat=False)
    return story


def hung(*, beat: bool = False) -> Story:
    """It answers no ping any more, and does not report, as both witnesses say again after the verdict."""
    story = healthy()
    story.on_bus = ComputeOnBus(Answer.UNANSWERED, None, consumers=1, queued=3)
    for step in range(9):
        story.tick(35.0 + 10.0 * step, beat=beat)
    return story


def unresponsive() -> Story:
    """It answers no ping any more, and reports."""
    return hung(beat=True)


def cluster_degraded(name: str = "cluster-a") -> Story:
    """A host is away, and DRS is not fully automated."""
    story = healthy(name)
    story.cluster = replace(CLUSTER, connected=2, drs_behavior="partiallyAutomated")
    return story.tick(35.0)


def build_stuck(name: str = "cluster-a") -> Story:
    """An instance is stuck in BUILD."""
    story = healthy(name)
    story.load = replace(story.load, builds_s=(POLICY.build_stuck_s + 60.0, 5.0))
    return story.tick(35.0)


def degraded() -> Story:
    return build_stuck()


def paused() -> Story:
    """Killed while a human wants it left alone."""
    story = healthy().paused(until_s=3630.0)
    story.unit = ended(30.5)
    return story.tick(31.0, beat=False)


def maintenance() -> Story:
    """Killed while a maintenance window is open."""
    story = healthy()
    story.window = "storage"
    story.unit = ended(30.5)
    return story.tick(31.0, beat=False)


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
    story.bus_unknown = story.inventory_unknown = story.workload_unknown = "not read yet"
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
    standby,
    not_held,
    stopped,
    not_reporting,
    blind,
    no_conductor,
    no_record,
    cell_down,
    bus_down,
    bus_blocked,
    conductor_silent,
    hung,
    unresponsive,
    cluster_degraded,
    degraded,
    paused,
    maintenance,
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
    ProbeSnapshot("bus", BUS, True, "", 0.045, EPOCH_WALL_S + 28.0, 3, 0),  # noqa: FBT003
    ProbeSnapshot("inventory", VCENTER, True, "", 0.15, EPOCH_WALL_S + 20.0, 1, 0),  # noqa: FBT003
    ProbeSnapshot("workload", "watchdog", True, "", 0.2, EPOCH_WALL_S + 20.0, 1, 0),  # noqa: FBT003
)
RECEIVERS = (
    ReceiverSnapshot("pager", delivered=7, failures=2, dropped=1, queued=3, bound=200, problem="HTTP 429"),
    ReceiverSnapshot("alertmanager.am1", delivered=9, bound=200),
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
        receivers=RECEIVERS,
        reloads={"done": 2},
        scheduler_skips={"storage": 0},
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
