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

    `vcenter` is the key of the vCenter in the settings (`host:port/username`).
    """

    name: str
    unit: str
    host: str
    vcenter: str
    cluster: str
    mode: Mode


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
    example "signal=KILL" or "exit-code=1".
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
    """All of `GET /os-services` that matters: computes by host, and how many conductors Nova counts as up."""

    computes: Mapping[str, ServiceRecord]
    conductors_up: int
    conductors: int


@dataclass(frozen=True, slots=True)
class Observation:
    """What one controller knows of one pairing at one moment."""

    unit: Observed[UnitState]
    vcenter: Observed[VCenterView]
    services: Observed[ServicesView]
