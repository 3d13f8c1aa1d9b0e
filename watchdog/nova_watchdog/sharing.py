"""What a daemon needs that shares its pairings with others: the store, and systemd's parts of a hold."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

from nova_watchdog import __version__
from nova_watchdog.adapters.etcd import Account, EtcdStore, TlsFiles
from nova_watchdog.adapters.managed_unit import FileReader, SystemdManagedUnits
from nova_watchdog.adapters.rabbitmq_management import RabbitManagement
from nova_watchdog.adapters.run_file import JsonRunFile
from nova_watchdog.adapters.systemd import SystemdUnits
from nova_watchdog.adapters.tokens import TokenFiles
from nova_watchdog.config.nova_setup import NovaSetupReader, searched
from nova_watchdog.config.settings import EtcdSettings, ManagementSettings, PairingSettings, Settings
from nova_watchdog.core.model import Mode, Pairing
from nova_watchdog.ports import Clock
from nova_watchdog.receivers import Closer
from nova_watchdog.runtime.fleet import Fleet
from nova_watchdog.runtime.hold_ports import KeeperPorts
from nova_watchdog.runtime.holdings import Holdings, Surroundings
from nova_watchdog.runtime.preflight import Preflight, Subject
from nova_watchdog.runtime.readiness import Readiness
from nova_watchdog.runtime.registrar import Identity
from nova_watchdog.runtime.store_sizes import StoreSizes

Run = Callable[[], Coroutine[Any, Any, None]]

_INCARNATION_BYTES = 8
# Beside the control socket, under /run: a reboot forgets them.
_RUN_FILE, _TOKENS = "hold.json", "tokens"


@dataclass(frozen=True, slots=True)
class Shared:
    """The holds, what runs for them until cancelled, and how it is let go.

    watch: to be called at the start and after each reload, with the pairings that are watched then.
    """

    holdings: Holdings
    readiness: Readiness
    watch: Callable[[Sequence[PairingSettings]], None]
    runs: Sequence[Run]
    closers: Sequence[Closer]


def to_hold(settings: Settings) -> tuple[Pairing, ...]:
    """The pairings in mode `protect`: those too whose nova files cannot be used now, which stay held."""
    watched = [one.pairing for one in settings.pairings if one.pairing.mode is Mode.PROTECT]
    unread = [
        Pairing(name=one.name, unit=one.unit, host="", vcenter="", cluster="", mode=one.mode)
        for one in settings.unwatched
        if one.mode is Mode.PROTECT
    ]
    return (*watched, *unread)


def shared(
    settings: Settings,
    clock: Clock,
    units: SystemdUnits,
    fleet: Fleet,
    window: Callable[[str, float], str],
) -> Shared | None:
    """The parts for these settings, None for a daemon that is alone."""
    if settings.etcd is None:
        return None
    pairings, run = to_hold(settings), settings.control_socket.parent
    store = store_of(settings.etcd, clock, settings.timing.timeout_s)
    fence = _fence(settings.management, settings) if settings.management else None
    managed = SystemdManagedUnits(clock)
    preflight = Preflight(managed, clock)
    sizes = StoreSizes(store.size, clock)
    readiness = Readiness(settings.controller, settings.timing, clock, preflight, fleet.shown)
    ports = KeeperPorts(
        clock=clock,
        store=store,
        units=units,
        stops=units.stops(),
        deadline=units.deadline(),
        tokens=TokenFiles(run / _TOKENS, {one.name: one.unit for one in pairings}, clock),
        run_file=JsonRunFile(run / _RUN_FILE),
        fence=fence,
    )
    identity = Identity(
        settings.controller, __version__, partial(secrets.token_hex, _INCARNATION_BYTES), settings.priority
    )
    around = Surroundings(
        loop=fleet.loop,
        count=fleet.count,
        window=window,
        vantage=readiness.vantage,
        is_managed=readiness.is_managed,
        blocked_by=readiness.blocked_by,
        store_size=sizes.seen,
    )
    holdings = Holdings(identity, pairings, settings.timing, settings.hold_policy, ports, around)
    readiness.attach(holdings.keeper)
    subjects = _Subjects(preflight)

    async def look() -> None:
        await managed.connect()
        await preflight.run()

    closers = [store.close, managed.close, subjects.close, *([fence.close] if fence else [])]
    return Shared(holdings, readiness, subjects.watch, (holdings.run, look, sizes.run), closers)


def store_of(etcd: EtcdSettings, clock: Clock, timeout_s: float) -> EtcdStore:
    """The store of these settings. Nothing is asked yet."""
    account = Account(etcd.username, etcd.password.one) if etcd.password else None
    tls = TlsFiles(etcd.ca_file, etcd.cert_file, etcd.key_file)
    return EtcdStore(etcd.endpoints, etcd.prefix, clock, account=account, tls=tls, timeout_s=timeout_s)


def _fence(management: ManagementSettings, settings: Settings) -> RabbitManagement:
    hosts = {one.pairing.host: virtual_host(one.pairing.bus) for one in settings.pairings if one.pairing.bus}
    password = management.password
    return RabbitManagement(
        management.url,
        management.username,
        password.one if password else str,
        hosts.get,
        ca_file=management.ca_file,
    )


def virtual_host(bus: str) -> str:
    """Of a bus's key, `rabbit://host:port,host:port/vhost`. RabbitMQ's own is called `/`."""
    _, _, rest = bus.partition("://")
    _, _, vhost = rest.partition("/")
    return unquote(vhost) or "/"


class _Subjects:
    """The pairings that preflight looks at, each with a reader of its files."""

    def __init__(self, preflight: Preflight) -> None:
        self._preflight = preflight
        self._readers: list[FileReader[Any]] = []

    def watch(self, pairings: Sequence[PairingSettings]) -> None:
        """Look at exactly those of them that are protected."""
        before, self._readers = self._readers, []
        places: Mapping[str, tuple[str, ...]] = {
            one.pairing.name: searched(one.nova.files, str(one.nova.state_path or "") or None)
            for one in pairings
        }
        subjects = []
        for one in pairings:
            if one.pairing.mode is not Mode.PROTECT:
                continue
            name = one.pairing.name
            elsewhere = {place for other, found in places.items() if other != name for place in found}
            reader = FileReader(f"nova-setup {name}", NovaSetupReader(one.nova.files, elsewhere))
            self._readers.append(reader)
            subjects.append(Subject(one.pairing, reader))
        self._preflight.watch(subjects)
        for reader in before:
            reader.close()

    async def close(self) -> None:
        """End the readers' threads."""
        for reader in self._readers:
            reader.close()
