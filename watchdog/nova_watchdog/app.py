"""The daemon's process: signals in, exit code out."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from nova_watchdog import __version__
from nova_watchdog.adapters.sd_notify import SdNotify
from nova_watchdog.config.settings import Settings
from nova_watchdog.core.kv import kv
from nova_watchdog.daemon import Daemon
from nova_watchdog.known_secrets import KnownSecrets
from nova_watchdog.ports import WatchdogError
from nova_watchdog.telemetry import logs

_log = logging.getLogger("nova_watchdog")

# Each half of the shutdown, the log-outs included: systemd and people expect two seconds in all.
_SHUTDOWN_S = 0.9


def run(settings: Settings) -> int:
    """Run the daemon until SIGTERM or SIGINT. Returns the exit code: 0 after a clean end, 1 otherwise."""
    secrets = KnownSecrets()
    settings = secrets.in_use(settings)
    logs.setup(settings.log_level, sys.stderr, secrets)
    try:
        return asyncio.run(_main(settings, secrets))
    except WatchdogError as error:
        _log.critical(kv("cannot-run", reason=str(error)))
        return 1
    except Exception:  # noqa: BLE001  the last stop: through the log's filter, so that no secret shows
        _log.critical(kv("failed"), exc_info=True)
        return 1


async def _main(settings: Settings, secrets: KnownSecrets) -> int:
    _log.info(kv("starting", version=__version__, controller=settings.controller, mode=settings.mode.value))
    manager = SdNotify()
    daemon = Daemon(settings, secrets, manager)
    asked, reload_asked = _signals()
    tasks = (
        asyncio.create_task(daemon.run(), name="work"),
        asyncio.create_task(daemon.reload_on(reload_asked), name="reload"),
        asyncio.create_task(asked.wait(), name="signals"),
    )
    ended, running = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    manager.stopping()
    _log.info(kv("stopping", note="nova-compute is left as it is"))
    await daemon.leave()
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running, timeout=_SHUTDOWN_S)
    if closing := [asyncio.ensure_future(close()) for close in daemon.closers()]:
        await asyncio.wait(closing, timeout=_SHUTDOWN_S)
    for task in (task for task in tasks if task in ended):
        await task  # the work ends by itself only with an error, or for mended files
    _log.info(kv("stopped"))
    return 0


def _signals() -> tuple[asyncio.Event, asyncio.Event]:
    """One set on SIGTERM and on SIGINT, the other on SIGHUP."""
    asked, reload_asked = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    loop.add_signal_handler(signal.SIGHUP, reload_asked.set)
    return asked, reload_asked
