"""What the rest of the daemon knows of its configuration: frozen values, read once at the start.

Durations are in seconds (`_s`). Nothing here prints a secret: passwords are `Secret` values or
callables that read nova's files again, since a password may be rotated while the daemon runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apscheduler.triggers.cron import CronTrigger
from oslo_config import cfg

from nova_watchdog.config.errors import Mistake
from nova_watchdog.config.secret import Secret
from nova_watchdog.config.secret_file import SecretLines
from nova_watchdog.core.events import Severity
from nova_watchdog.core.hold.decide import HoldPolicy
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.model import Mode, Pairing
from nova_watchdog.core.policy import Policy

# The deadline of what is read slowly: vCenter's inventory, Nova's hypervisors and builds.
SLOW_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class OpenStackSettings:
    """Where nova's API is asked: an entry of a clouds.yaml, and how often and how patiently."""

    cloud: str
    clouds_file: Path
    interval_s: float
    timeout_s: float
    workload_interval_s: float


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """The canary of every vCenter: pause between two probes, and the deadline of one. And its inventory."""

    interval_s: float
    timeout_s: float
    inventory_interval_s: float


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """`[DEFAULT] transport_url`. `redacted` is `rabbit://host:port,.../vhost`, without any account."""

    url: Secret
    redacted: str


@dataclass(frozen=True, slots=True)
class NovaSettings:
    """What one nova-compute's own files say, as it would read them itself.

    `vcenter` is a key of `Settings.vcenters`. `state_path` is None where nova's own default applies,
    which lies in nova's installation. `files` are the paths as configured, directories included.
    """

    host: str
    vcenter: str
    cluster: str
    datastore_regex: str | None
    cache_prefix: str | None
    api_retry_count: int
    state_path: Path | None
    transport: TransportSettings
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class PairingSettings:
    """One pairing: what the core knows of it, and what nova's files add."""

    pairing: Pairing
    nova: NovaSettings


@dataclass(frozen=True, slots=True)
class Unwatched:
    """A pairing whose nova files cannot be used, and why. The daemon runs without it.

    files: the paths as configured, and the CA that they name: what a human would mend.
    """

    name: str
    unit: str
    mistakes: tuple[Mistake, ...]
    files: tuple[Path, ...]
    mode: Mode = Mode.OBSERVE

    @property
    def lines(self) -> tuple[str, ...]:
        """One line a mistake, for people; no secret is in it."""
        return tuple(str(mistake) for mistake in self.mistakes)


@dataclass(frozen=True, slots=True)
class VCenterSettings:
    """One vCenter with one account: one session, however many clusters.

    key: `address:port/username`, also the key of `Settings.vcenters`.
    ca_file: a CA bundle, or a directory of CAs; None means the system's trust store.
    insecure: do not verify the certificate. Never True together with a ca_file, as in nova.
    password: reads nova's files again at each call; gives the last good value while they cannot be read.
    """

    key: str
    address: str
    port: int
    username: str
    password: Callable[[], str] = field(repr=False, compare=False)
    ca_file: Path | None
    insecure: bool
    clusters: tuple[str, ...]
    pairings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """Nothing is done from when `cron` fires, for `duration_s`. No `pairings`: all of them.

    trigger: APScheduler's, made from `cron` and `timezone`.
    """

    name: str
    cron: str
    timezone: str
    duration_s: float
    pairings: tuple[str, ...]
    trigger: CronTrigger = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class BusSettings:
    """One message bus, however many nova-computes are on it.

    key: `rabbit://host:port,host:port/vhost` without an account, also the key of `Settings.buses`.
    hosts: the nova-computes' own names, in the order of `pairings`.
    conf: nova's options of the bus; reads nova's files again at each call, and gives the last good ones
    while they cannot be read.
    """

    key: str
    hosts: tuple[str, ...]
    pairings: tuple[str, ...]
    conf: Callable[[], cfg.ConfigOpts] = field(repr=False, compare=False)
    interval_s: float
    timeout_s: float
    ping_timeout_s: float


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where `/metrics`, `/healthz` and `/readyz` are served."""

    host: str
    port: int

    @property
    def listen(self) -> str:
        """`host:port`, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class AlertmanagerSettings:
    """One Alertmanager: with an account, with a token, or with neither. The secrets come from files."""

    url: str
    username: str
    password: SecretLines | None = field(compare=False)
    bearer_token: SecretLines | None = field(compare=False)
    ca_file: Path | None
    least_firing_s: float


@dataclass(frozen=True, slots=True)
class PagerDutySettings:
    """One service of PagerDuty. `proxy` is empty without one."""

    routing_key: SecretLines = field(compare=False)
    min_severity: Severity
    url: str
    proxy: str


@dataclass(frozen=True, slots=True)
class AppriseSettings:
    """apprise's addresses, all of them secret."""

    urls: SecretLines = field(compare=False)
    min_severity: Severity


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Who is told of events directly. `runbook_base_url` is empty where the project's own path stands."""

    runbook_base_url: str = ""
    resend_s: float = 60.0
    alertmanagers: tuple[AlertmanagerSettings, ...] = ()
    pagerduty: PagerDutySettings | None = None
    apprise: AppriseSettings | None = None

    def known_secrets(self) -> Iterable[str]:
        """Every secret that was read so far, for the last filter in front of the log. Reads nothing."""
        files = [file for one in self.alertmanagers for file in (one.password, one.bearer_token)]
        files += [self.pagerduty.routing_key] if self.pagerduty else []
        files += [self.apprise.urls] if self.apprise else []
        return tuple(secret for file in files if file is not None for secret in file.known())


@dataclass(frozen=True, slots=True)
class EtcdSettings:
    """The etcd that the controllers share. Files hold the secrets.

    endpoints: `http(s)://HOST:PORT` without a path. prefix: before every key, ends with `/`.
    """

    endpoints: tuple[str, ...]
    prefix: str
    username: str = ""
    password: SecretLines | None = field(default=None, compare=False)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class ManagementSettings:
    """RabbitMQ's management API: `url` is `http(s)://HOST:PORT`."""

    url: str
    username: str
    password: SecretLines | None = field(default=None, compare=False)
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration. `http` is None when it is switched off; `notes` are lines for the log.

    `pairings` and `unwatched` together are all that the TOML file names. Only `load_for_run` leaves
    a pairing unwatched. `etcd` is None for a daemon that is alone, which uses no `timing` and `hold_policy`.
    """

    file: Path
    mode: Mode
    controller: str
    openstack: OpenStackSettings
    probes: ProbeSettings
    pairings: tuple[PairingSettings, ...]
    vcenters: Mapping[str, VCenterSettings]
    policy: Policy
    http: HttpSettings | None
    control_socket: Path
    store_path: Path
    log_level: str
    notes: tuple[str, ...] = ()
    buses: Mapping[str, BusSettings] = field(default_factory=dict)
    unwatched: tuple[Unwatched, ...] = ()
    maintenance: tuple[MaintenanceWindow, ...] = ()
    notify: NotifySettings = NotifySettings()
    timing: Timing = field(default_factory=Timing)
    hold_policy: HoldPolicy = field(default_factory=HoldPolicy)
    etcd: EtcdSettings | None = None
    management: ManagementSettings | None = None
    priority: int = 0
