"""The words of the domain as values: pairings, readings and what they say.

Every time is in seconds on the machine's monotonic clock (`CLOCK_MONOTONIC`, the one systemd's
`...TimestampMonotonic` properties use) unless its name says otherwise.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

# Nova's VMware driver writes exactly this when it disables its own service
# (nova/virt/vmwareapi/host.py, VCState._set_host_enabled).
DRIVER_DISABLED_REASON = "set by vmwareapi host_state"


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """One measured value. `began_at_s` is when the probe was sent: the value is no older than that."""

    value: T
    began_at_s: float
    ended_at_s: float


@dataclass(frozen=True, slots=True)
class Unknown:
    """No value: the probe itself failed, or has not run. Never the same as "down"."""

    reason: str
    since_s: float


Observed = Reading[T] | Unknown


class Mode(enum.Enum):
    """What the daemon may do with a pairing."""

    OBSERVE = "observe"
    PROTECT = "protect"


@dataclass(frozen=True, slots=True)
class Pairing:
    """One nova-compute service and the vSphere cluster behind it, as the configuration names them.

    `vcenter` is the key of the vCenter in the settings (`host:port/username`), `bus` that of the
    message bus (`rabbit://host:port/vhost`, without an account; empty: not known).
    `datastore_regex`: nova uses only the datastores whose name it matches (`re.match`); None: all.
    """

    name: str
    unit: str
    host: str
    vcenter: str
    cluster: str
    mode: Mode
    bus: str = ""
    datastore_regex: str | None = None


class LoadState(enum.Enum):
    """systemd's `LoadState` (org.freedesktop.systemd1(5)); `OTHER` for `stub`, `merged` and newer ones."""

    LOADED = "loaded"
    NOT_FOUND = "not-found"
    MASKED = "masked"
    BAD_SETTING = "bad-setting"
    ERROR = "error"
    OTHER = "other"


class ActiveState(enum.Enum):
    """systemd's `ActiveState` (org.freedesktop.systemd1(5))."""

    ACTIVE = "active"
    RELOADING = "reloading"
    ACTIVATING = "activating"
    DEACTIVATING = "deactivating"
    INACTIVE = "inactive"
    FAILED = "failed"
    MAINTENANCE = "maintenance"


class StopCause(enum.Enum):
    """Why a unit without a process has none."""

    RUNNING = "running"  # it has a process, or is on its way to one
    NEVER_RAN = "never-ran"  # not started since this boot
    OWN_JOB = "own-job"  # a job that this daemon queued
    FOREIGN_JOB = "foreign-job"  # a stop by somebody else, seen, or inferred from a clean end nobody saw
    BY_ITSELF = "by-itself"  # it ended without a job: crash, kill, exit


@dataclass(frozen=True, slots=True)
class UnitState:
    """A systemd service as one moment shows it.

    `started_at_s` is `ExecMainStartTimestampMonotonic`, `changed_at_s` is
    `StateChangeTimestampMonotonic`, both 0.0 when systemd says "never". `job` is the type of the
    pending job (`start`, `stop`, `restart`, ...), None without one. `detail` is for people, for
    example "signal=KILL" or "exit-code=1". `left_over`: it is at rest, yet processes are left in its group.
    """

    load: LoadState
    active: ActiveState
    sub: str
    main_pid: int
    result: str
    detail: str
    job: str | None
    started_at_s: float
    changed_at_s: float
    invocation_id: str
    stop_cause: StopCause
    left_over: bool = False

    @property
    def has_process(self) -> bool:
        """Whether systemd counts a main process (a stopping one included)."""
        return self.main_pid != 0

    @property
    def runs(self) -> bool:
        """It has a main process that is not being stopped."""
        alive = self.active in (ActiveState.ACTIVE, ActiveState.RELOADING, ActiveState.ACTIVATING)
        return alive and self.has_process

    @property
    def is_down(self) -> bool:
        """No process and nothing under way: neither a job nor a transition."""
        return self.active in (ActiveState.INACTIVE, ActiveState.FAILED) and self.job is None


class VCenterOutcome(enum.Enum):
    """How far a canary got from this controller."""

    OK = "ok"  # logged in, a property was read
    UNREACHABLE = "unreachable"  # refused, silent, TLS fault, or an HTTP error: `detail` says which
    LOGIN_REFUSED = "login-refused"  # vim.fault.InvalidLogin, NoPermission at login, or locked


@dataclass(frozen=True, slots=True)
class VCenterView:
    """One canary of one vCenter.

    `clusters` maps name to moid, only for `OK`; a name missing there is gone.
    """

    outcome: VCenterOutcome
    detail: str
    instance_uuid: str = ""
    clusters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Datastore:
    """One datastore as a cluster sees it. `mounted_on`: how many of its connected hosts can reach it.

    `kind` is vSphere's `summary.type` in lower case ("vmfs", "nfs", "nfs41", "vsan", "vvol").
    """

    name: str
    kind: str
    capacity_bytes: int
    free_bytes: int
    accessible: bool
    in_maintenance: bool
    mounted_on: int


@dataclass(frozen=True, slots=True)
class ClusterView:
    """One cluster: DRS, its hosts, and every datastore it mounts.

    `drs_behavior` is vSphere's default VM behavior ("fullyAutomated", "partiallyAutomated", "manual").
    `connected` counts the hosts that vCenter manages now, `in_maintenance` those of them in that mode.
    """

    moid: str
    drs_enabled: bool
    drs_behavior: str
    hosts: int
    connected: int
    in_maintenance: int
    datastores: tuple[Datastore, ...] = ()


@dataclass(frozen=True, slots=True)
class VCenterSession:
    """A session of nova's account, ours excluded. `idle_s` since its last call, `age_s` since its login.

    Both are told by vCenter's own clock.
    """

    ip_address: str
    user_agent: str
    idle_s: float
    calls: int
    age_s: float


@dataclass(frozen=True, slots=True)
class InventoryView:
    """What changes slowly at a vCenter. `clusters` by name, only those that exist.

    `sessions` is None without the privilege to list them (`Sessions.TerminateSession`).
    `certificate_expires_in_s` counts from the reading, below 0 when it is over; None: not told (no TLS).
    `own_address`: from where vCenter sees our own session come, empty: not told.
    """

    instance_uuid: str
    clusters: Mapping[str, ClusterView]
    certificate_expires_in_s: float | None
    sessions: tuple[VCenterSession, ...] | None
    own_address: str = ""


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """One nova-compute in `GET /os-services`, microversion 2.53 or newer.

    `updated_at` is Nova's text, compared for change and never with a clock: it advances with each
    heartbeat, and with each write to the record too.
    """

    service_id: str
    host: str
    up: bool
    disabled: bool
    disabled_reason: str
    forced_down: bool
    updated_at: str


@dataclass(frozen=True, slots=True)
class ServicesView:
    """All of `GET /os-services` that matters: computes by host, and how many conductors Nova counts as up.

    `hidden`: hosts whose record Nova knows of and cannot read, because their cell does not answer
    (`"status": "UNKNOWN"`, microversion 2.69 or newer).
    """

    computes: Mapping[str, ServiceRecord]
    conductors_up: int
    conductors: int
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class HostLoad:
    """What Nova has behind one nova-compute.

    `nodes`: its hypervisor names, `<cluster moid>.<vCenter instance uuid>`. `builds_s`: how long each
    of its instances in BUILD has been there without a change, by Nova's own clock, longest first.
    `node_ids`: the UUIDs of its nodes, which nova-compute keeps in its file `compute_id`.
    """

    instances: int
    nodes: tuple[str, ...]
    builds_s: tuple[float, ...] = ()
    node_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkloadView:
    """The load of every nova-compute host that Nova has a hypervisor of."""

    hosts: Mapping[str, HostLoad]


class BusOutcome(enum.Enum):
    """How far our own publish and consume got at the message bus."""

    OK = "ok"  # a message of our own went out, was confirmed, and came back
    UNREACHABLE = "unreachable"
    LOGIN_REFUSED = "login-refused"
    BLOCKED = "blocked"  # the broker lets nobody publish: a memory or disk alarm


class Answer(enum.Enum):
    """What became of an RPC ping. `UNASKED`: not sent, which says nothing about the other side."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    UNASKED = "unasked"


@dataclass(frozen=True, slots=True)
class ComputeOnBus:
    """One nova-compute as its message bus shows it.

    `consumers` and `queued` are those of the queue `compute.<host>`, None where there is no such queue.
    `took_s`: how long the answered ping took.
    """

    ping: Answer
    took_s: float | None
    consumers: int | None
    queued: int | None


@dataclass(frozen=True, slots=True)
class BusView:
    """One look at a message bus. `conductor` and `computes` (by host) count only where `outcome` is OK.

    The bus was proven after the pings as well as before: an unanswered ping is not the bus's fault.
    """

    outcome: BusOutcome
    detail: str
    conductor: Answer = Answer.UNASKED
    computes: Mapping[str, ComputeOnBus] = field(default_factory=dict)


NOT_READ = Unknown("not read yet", 0.0)


@dataclass(frozen=True, slots=True)
class Observation:
    """What one controller knows of one pairing at one moment."""

    unit: Observed[UnitState]
    vcenter: Observed[VCenterView]
    services: Observed[ServicesView]
    bus: Observed[BusView] = NOT_READ
    inventory: Observed[InventoryView] = NOT_READ
    workload: Observed[WorkloadView] = NOT_READ
