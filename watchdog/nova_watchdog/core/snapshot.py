"""What the runtime shows to the outside: one frozen picture of the fleet, replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nova_watchdog.core.concerns import Worry
from nova_watchdog.core.decide import Decision
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.memory import Memory
from nova_watchdog.core.model import Observation, Pairing
from nova_watchdog.core.permission import Pause, Permission
from nova_watchdog.core.store_size import StoreSize


@dataclass(frozen=True, slots=True)
class Transition:
    """One edge: what changed, when, by which rule, and why. Times are Unix seconds, for people.

    `readings`: the facts that showed it, as `unit=up vcenter=ok ...`.
    """

    wall_s: float
    diagnosis: str
    phase: str
    rule: str
    why: str
    action: str = ""
    readings: str = ""


@dataclass(frozen=True, slots=True)
class StandbySnapshot:
    """One controller that watches a pairing, as its record in the store says; the holder among them.

    renews: its record moved on within its own takeover wait. reason: why it could not serve, empty: it could.
    """

    controller: str
    renews: bool
    ready: bool
    reason: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class HoldSnapshot:
    """One pairing's hold as this controller sees it. `remedy` belongs to `rule`, of the table of holding.

    until_s: local monotonic time at which its unit is killed here unless a renewal is confirmed; None: it is
    not held here, or nothing is armed. moves_left: how often it may still move without a human.
    blocked_by: by each check of this controller's own preflight, whether it keeps it from serving.
    """

    claim: Claim
    holder: str
    epoch: int
    rule: str
    why: str
    remedy: str = ""
    until_s: float | None = None
    stopped: bool = False
    moves_left: int = 0
    standbys: tuple[StandbySnapshot, ...] = ()
    blocked_by: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeeperSnapshot:
    """This controller in the store that all share.

    registered: it has a registration, so it may hold. problem: what keeps it from being renewed or begun,
    empty: nothing. renewed_at_s: when the last confirmed renewal was sent, None: none yet. until_s: when
    systemd kills everything held here; None: not armed. takeovers counts (pairing, outcome) of what was taken
    here, or tried to. size: how full the store is, None: not known, because of size_problem.
    """

    registered: bool
    problem: str = ""
    renewed_at_s: float | None = None
    until_s: float | None = None
    deadline_s: float = 0.0
    takeover_wait_s: float = 0.0
    renewals: int = 0
    renewal_failures: int = 0
    takeovers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    size: StoreSize | None = None
    size_problem: str = ""


@dataclass(frozen=True, slots=True)
class PairingSnapshot:
    """One pairing after its last tick. `remedy` has the unit's and host's names filled in.

    `starts_left` is what the budget of `budget` starts still allows; `transitions` are the last ones,
    newest last. `store_problem`: why its record cannot be written, so that nothing is done; empty when
    it can. `window`: the maintenance
    window that is open for it, empty without one. `failed_s`: for how long in all, since the daemon
    began, its condition was `failed`: nothing could be provisioned there.
    """

    pairing: Pairing
    observation: Observation
    memory: Memory
    decision: Decision
    remedy: str
    starts_left: int
    budget: int
    diagnosis_since_wall_s: float
    ticked_at_s: float
    last_action: str = ""
    store_problem: str = ""
    transitions: tuple[Transition, ...] = ()
    permission: Permission = Permission.PROTECT
    pause: Pause | None = None
    window: str = ""
    failed_s: float = 0.0

    @property
    def worries(self) -> tuple[Worry, ...]:
        """What is not as it should be, beside the diagnosis."""
        return self.decision.worries


@dataclass(frozen=True, slots=True)
class ProbeSnapshot:
    """One probe. Counters only grow.

    kind: "vcenter" and "inventory" (target: the vCenter's key), "nova" and "workload" (target: the
    cloud's name), "bus" (target: the bus's key).
    """

    kind: str
    target: str
    ok: bool
    detail: str
    last_duration_s: float | None = None
    last_success_wall_s: float | None = None
    runs: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class ReceiverSnapshot:
    """One receiver of events. `queued` of at most `bound` wait. Counters only grow.

    `problem`: why the last delivery failed, empty after one that did not.
    """

    name: str
    delivered: int = 0
    failures: int = 0
    dropped: int = 0
    queued: int = 0
    bound: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class FleetSnapshot:
    """Everything at one moment. `actions` counts by (pairing, rule, action, outcome).

    `unwatched`: the configured pairings that are not watched, each with one line a mistake in its files.
    `keeper`, `holds` (by pairing): None and empty where no other controller shares the pairings.
    `reloads` counts by outcome ("done", "refused"); `reload_mistakes`: what is wrong with the new
    configuration, one line each, while the daemon goes on with the old one.
    `scheduler_skips`: by job, how often a calendar job was missed or still ran when it was due.
    """

    controller: str
    version: str
    started_wall_s: float
    wall_s: float
    now_s: float
    pairings: Mapping[str, PairingSnapshot] = field(default_factory=dict)
    probes: tuple[ProbeSnapshot, ...] = ()
    actions: Mapping[tuple[str, str, str, str], int] = field(default_factory=dict)
    loop_lag_s: float = 0.0
    unwatched: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    receivers: tuple[ReceiverSnapshot, ...] = ()
    reloads: Mapping[str, int] = field(default_factory=dict)
    reload_mistakes: tuple[str, ...] = ()
    scheduler_skips: Mapping[str, int] = field(default_factory=dict)
    keeper: KeeperSnapshot | None = None
    holds: Mapping[str, HoldSnapshot] = field(default_factory=dict)
