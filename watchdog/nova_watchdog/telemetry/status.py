"""`nova-watchdog status`: asks the local daemon over its control socket and shows what it says."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp

from nova_watchdog.telemetry.screen import render
from nova_watchdog.telemetry.view import FORMAT, Document

EXIT_HEALTHY = 0
EXIT_NOT_HEALTHY = 1
EXIT_NO_DAEMON = 2

_TIMEOUT_S = 5.0
_REFRESH_S = 1.0
_MAX_COLUMNS = 120
_DEFAULT_COLUMNS = 100
_URL = "http://localhost/api/v1/status"
_START_HINT = "start it with 'systemctl start nova-watchdog'"

# Home, and erase what the last picture left behind: no flicker, no scrolling.
_HOME = "\x1b[H"
_ERASE_LINE = "\x1b[K"
_ERASE_BELOW = "\x1b[J"
_CLEAR = "\x1b[2J"


class NoDaemonError(Exception):
    """The daemon gave no status document; the text is one line for a human."""


async def main(socket: Path, *, as_json: bool, watch: bool) -> int:
    """Show the status once, or each second until Ctrl-C.

    Returns 0 when every pairing is healthy, 1 when some is not, 2 when the daemon does not answer.
    With `watch` it is the last picture that counts.
    """
    if not watch:
        return await _show_once(socket, as_json=as_json)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        return await _watch(socket, stop, as_json=as_json)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def fetch(socket: Path) -> Document:
    """The status document of the daemon behind the control socket. Raises NoDaemonError."""
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket)), timeout=timeout) as session,
            session.get(_URL) as response,
        ):
            response.raise_for_status()
            found: Any = json.loads(await response.read())
    except aiohttp.ClientConnectorError as error:
        raise NoDaemonError(_no_connection(socket, error.os_error)) from error
    except TimeoutError as error:
        raise NoDaemonError(f"the daemon at {socket} did not answer within {_TIMEOUT_S:g} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NoDaemonError(f"what answers at {socket} gave no status: {error}") from error
    understood = found.get("format") if isinstance(found, dict) else None
    if understood != FORMAT:
        raise NoDaemonError(
            f"the daemon at {socket} speaks format {understood}, this command format {FORMAT}: "
            "use the one of the same version"
        )
    return dict(found)


def _no_connection(socket: Path, error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{socket}: permission denied; be root or a member of the socket's group"
    return f"no daemon answers at {socket} ({error.strerror or error}); {_START_HINT}"


async def _show_once(socket: Path, *, as_json: bool) -> int:
    try:
        shown = await fetch(socket)
    except NoDaemonError as error:
        sys.stderr.write(f"nova-watchdog: {error}\n")
        return EXIT_NO_DAEMON
    text = json.dumps(shown, indent=2) + "\n" if as_json else _table(shown)
    _write(text)
    return _exit_code(shown)


async def _watch(socket: Path, stop: asyncio.Event, *, as_json: bool) -> int:
    on_terminal = sys.stdout.isatty() and not as_json
    code = EXIT_NO_DAEMON
    if on_terminal:
        _write(_CLEAR)
    while not stop.is_set():
        try:
            shown = await fetch(socket)
        except NoDaemonError as error:
            code = EXIT_NO_DAEMON
            text = json.dumps({"error": str(error)}) + "\n" if as_json else f"{error}\n"
        else:
            code = _exit_code(shown)
            text = json.dumps(shown) + "\n" if as_json else _table(shown)
        if not _write(_as_picture(text) if on_terminal else text):
            break  # the reader is gone
        try:
            await asyncio.wait_for(stop.wait(), _REFRESH_S)
        except TimeoutError:
            continue
    return code


def _as_picture(text: str) -> str:
    """The text over the last picture, cut at the terminal's last line so that it never scrolls."""
    rows = shutil.get_terminal_size((_DEFAULT_COLUMNS, 40)).lines
    lines = text.splitlines()[: max(1, rows - 1)]
    return _HOME + "".join(f"{line}{_ERASE_LINE}\n" for line in lines) + _ERASE_BELOW


def _table(shown: Document) -> str:
    columns = min(_MAX_COLUMNS, shutil.get_terminal_size((_DEFAULT_COLUMNS, 40)).columns)
    return render(shown, columns=columns, colour=_wants_colour())


def _wants_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _exit_code(shown: Document) -> int:
    return EXIT_HEALTHY if shown.get("healthy") is True else EXIT_NOT_HEALTHY


def _write(text: str) -> bool:
    """Write to stdout. False: nobody reads it any more."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes stdout at exit once more; give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True
