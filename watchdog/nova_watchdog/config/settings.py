"""What the rest of the daemon knows of its configuration: frozen values, read once at the start.

Durations are in seconds (`_s`). Nothing here prints a secret: passwords are `Secret` values or
callables that read nova's files again, since a password may be rotated while the daemon runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nova_watchdog.config.errors import Mistake
from nova_watchdog.config.secret import Secret
from nova_watchdog.core.model import Mode, Pairing
from nova_watchdog.core.policy import Policy


@dataclass(frozen=True, slots=True)
class OpenStackSettings:
    """Where nova's API is asked: an entry of a clouds.yaml, and how often and how patiently."""

    cloud: str
    clouds_file: Path
    interval_s: float
    timeout_s: float


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """The canary of every vCenter: pause between two probes, and the deadline of one."""

    interval_s: float
    timeout_s: float


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
class HttpSettings:
    """Where `/metrics`, `/healthz` and `/readyz` are served."""

    host: str
    port: int

    @property
    def listen(self) -> str:
        """`host:port`, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration. `http` is None when it is switched off; `notes` are lines for the log.

    `pairings` and `unwatched` together are all that the TOML file names. Only `load_for_run` leaves
    a pairing unwatched.
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
    unwatched: tuple[Unwatched, ...] = ()
