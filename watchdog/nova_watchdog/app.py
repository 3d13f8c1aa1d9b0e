"""The composition root: settings in, a running daemon out. The only importer of adapters."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from nova_watchdog import __version__
from nova_watchdog.adapters._worker import Worker, WorkerTimeoutError
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.local_store import LocalStore, StoreLockedError
from nova_watchdog.adapters.nova import OpenStackServices
from nova_watchdog.adapters.sd_notify import SdNotify
from nova_watchdog.adapters.systemd import SystemdUnits
from nova_watchdog.adapters.vcenter import PyvmomiVCenter
from nova_watchdog.config.mended import Look
from nova_watchdog.config.settings import Settings, VCenterSettings
from nova_watchdog.core.kv import kv
from nova_watchdog.core.model import ServicesView, VCenterOutcome, VCenterView
from nova_watchdog.ports import Clock, Manager, NovaServices, StoreUnavailableError, WatchdogError
from nova_watchdog.runtime.fleet import Fleet
from nova_watchdog.runtime.ledger import Ledger
from nova_watchdog.runtime.pairing_loop import PairingLoop, World
from nova_watchdog.runtime.probe import Probe
from nova_watchdog.telemetry import derived, http, logs
from nova_watchdog.unwatched import InThread, UnwatchedPairings

_log = logging.getLogger("nova_watchdog")

Closer = Callable[[], Awaitable[None]]

# A probe's own bound is its timeout; the reading turns Unknown only when even that did not hold.
_DEADLINE_SLACK_S = 1.0
# Each half of the shutdown, the log-outs included: systemd and people expect two seconds in all.
_SHUTDOWN_S = 0.9
# nova's files may lie on a file system that hangs.
_LOOK_TIMEOUT_S = 30.0


def run(settings: Settings) -> int:
    """Run the daemon until SIGTERM or SIGINT. Returns the exit code: 0 after a clean end, 1 otherwise."""
    secrets = _KnownSecrets(settings)
    settings = secrets.in_use(settings)
    logs.setup(settings.log_level, sys.stderr, secrets)
    try:
        return asyncio.run(_main(settings))
    except WatchdogError as error:
        _log.critical(kv("cannot-run", reason=str(error)))
        return 1
    except Exception:  # noqa: BLE001  the last stop: through the log's filter, so that no secret shows
        _log.critical(kv("failed"), exc_info=True)
        return 1


class _KnownSecrets:
    """The secrets of nova's files that the daemon holds, for the last filter in front of the log.

    Asked for each line, on the event loop: so it reads no file, but takes note of what others read. A
    password that was rotated stays known.
    """

    def __init__(self, settings: Settings) -> None:
        self._known = {one.nova.transport.url.reveal() for one in settings.pairings}

    def __call__(self) -> Iterable[str]:
        return tuple(self._known)

    def in_use(self, settings: Settings) -> Settings:
        """The same settings; what their passwords give is known before it is used."""
        vcenters = {
            key: replace(one, password=self._noting(one.password)) for key, one in settings.vcenters.items()
        }
        return replace(settings, vcenters=vcenters)

    def _noting(self, password: Callable[[], str]) -> Callable[[], str]:
        def read() -> str:
            self._known.add(found := password())
            return found

        return read


async def _main(settings: Settings) -> int:
    manager = SdNotify()
    asked = _stop_signals()
    _log.info(kv("starting", version=__version__, controller=settings.controller, mode=settings.mode.value))
    for note in settings.notes:
        _log.warning(kv("config-note", note=note))
    unwatched = UnwatchedPairings(settings, under_systemd="NOTIFY_SOCKET" in os.environ)
    closers: list[Closer] = []
    tasks = (
        asyncio.create_task(_work(settings, unwatched, manager, closers), name="work"),
        asyncio.create_task(unwatched.until_mended(_in_thread("nova files")), name="mended"),
        asyncio.create_task(asked.wait(), name="signals"),
    )
    ended, running = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    manager.stopping()
    _log.info(kv("stopping", note="nova-compute is left as it is"))
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running, timeout=_SHUTDOWN_S)
    if closing := [asyncio.ensure_future(close()) for close in closers]:
        await asyncio.wait(closing, timeout=_SHUTDOWN_S)
    for task in (task for task in tasks if task in ended):
        await task  # the work never ends by itself, unless with an error
    _log.info(kv("stopped"))
    return 0


def _stop_signals() -> asyncio.Event:
    """Set on SIGTERM and on SIGINT."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    return asked


def _in_thread(name: str) -> InThread:
    """A caller of blocking looks in one daemon thread. A look that hangs has found nothing."""
    worker = Worker(name)

    async def look(call: Callable[[], Look | None]) -> Look | None:
        try:
            return await worker.run(call, timeout_s=_LOOK_TIMEOUT_S)
        except WorkerTimeoutError:
            return None

    return look


async def _work(
    settings: Settings, unwatched: UnwatchedPairings, manager: Manager, closers: list[Closer]
) -> None:
    fleet = await _build(settings, unwatched, manager, closers)
    await fleet.run()


async def _build(
    settings: Settings, unwatched: UnwatchedPairings, manager: Manager, closers: list[Closer]
) -> Fleet:
    """Open every adapter, note how to close it, and wire the loops to them."""
    clock = SystemClock()
    store = LocalStore(settings.store_path)
    closers.append(store.close)
    await _open(store)
    units = SystemdUnits(clock)
    closers.append(units.close)
    cloud = settings.openstack
    nova = OpenStackServices(cloud.cloud, cloud.clouds_file, timeout_s=cloud.timeout_s, clock=clock)
    closers.append(nova.close)

    fleet = Fleet(settings.controller, __version__, clock, manager)
    services = _services_probe(settings, nova, clock)
    vcenters = {key: _vcenter_probe(settings, one, clock, closers) for key, one in settings.vcenters.items()}
    loops = []
    for one in settings.pairings:
        world = World(
            clock=clock,
            units=units,
            nova=nova,
            vcenter=vcenters[one.pairing.vcenter],
            services=services,
            count=fleet.counter_for(one.pairing.name),
        )
        ledger = Ledger(store, one.pairing, clock)
        loops.append(PairingLoop(one.pairing, settings.policy, world, ledger))
    fleet.add([services, *vcenters.values()], loops)
    server = await http.serve(
        unwatched.shown_in(fleet.snapshot),
        listen=f"{settings.http.host}:{settings.http.port}" if settings.http else "",
        socket_path=settings.control_socket,
        clock=clock,
        pairings=[one.pairing for one in settings.pairings],
        stale_after_s=max(derived.STALE_AFTER_S, 5 * settings.policy.tick_s),
    )
    closers.append(server.close)
    # Last: it waits a moment for a bus that is not there, and nothing above needs it.
    await units.connect()
    return fleet


async def _open(store: LocalStore) -> None:
    """A store that cannot be read costs the actions, not the eyes: pairings are then only observed."""
    try:
        await store.open()
    except StoreLockedError:
        raise
    except StoreUnavailableError as error:
        note = "pairings are only observed until it can be read"
        _log.error(kv("store-unavailable", reason=str(error), note=note))


def _services_probe(settings: Settings, nova: NovaServices, clock: Clock) -> Probe[ServicesView]:
    cloud = settings.openstack
    return Probe(
        "nova",
        cloud.cloud,
        nova.read,
        clock,
        interval_s=cloud.interval_s,
        deadline_s=cloud.timeout_s + _DEADLINE_SLACK_S,
        judge=lambda view: (True, f"{len(view.computes)} nova-computes"),
    )


def _vcenter_probe(
    settings: Settings, one: VCenterSettings, clock: Clock, closers: list[Closer]
) -> Probe[VCenterView]:
    vcenter = PyvmomiVCenter(
        one.address,
        one.port,
        one.username,
        one.password,
        one.clusters,
        ca_file=one.ca_file,
        insecure=one.insecure,
        timeout_s=settings.probes.timeout_s,
        clock=clock,
    )
    closers.append(vcenter.close)
    return Probe(
        "vcenter",
        one.key,
        vcenter.read,
        clock,
        interval_s=settings.probes.interval_s,
        deadline_s=settings.probes.timeout_s + _DEADLINE_SLACK_S,
        judge=_judge_vcenter,
    )


def _judge_vcenter(view: VCenterView) -> tuple[bool, str]:
    return view.outcome is VCenterOutcome.OK, view.detail
