"""`nova-watchdog status`: asks the local daemon over its control socket and shows what it says."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from nova_watchdog.telemetry import client, terminal
from nova_watchdog.telemetry.client import NoDaemonError
from nova_watchdog.telemetry.screen import render
from nova_watchdog.telemetry.view_readings import Document

__all__ = ["EXIT_HEALTHY", "EXIT_NOT_HEALTHY", "EXIT_NO_DAEMON", "NoDaemonError", "fetch", "main"]

EXIT_HEALTHY = 0
EXIT_NOT_HEALTHY = 1
EXIT_NO_DAEMON = 2

_REFRESH_S = 1.0

# Home, and erase what the last picture left behind: no flicker, no scrolling.
_HOME = "\x1b[H"
_ERASE_LINE = "\x1b[K"
_ERASE_BELOW = "\x1b[J"
_CLEAR = "\x1b[2J"


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
    try:
        return await client.fetch(socket, "status")
    except client.RefusedError as error:
        raise NoDaemonError(f"what answers at {socket} gave no status: {error}") from error


async def _show_once(socket: Path, *, as_json: bool) -> int:
    try:
        shown = await fetch(socket)
    except NoDaemonError as error:
        sys.stderr.write(f"nova-watchdog: {error}\n")
        return EXIT_NO_DAEMON
    terminal.write(json.dumps(shown, indent=2) + "\n" if as_json else _table(shown))
    return _exit_code(shown)


async def _watch(socket: Path, stop: asyncio.Event, *, as_json: bool) -> int:
    on_terminal = sys.stdout.isatty() and not as_json
    code = EXIT_NO_DAEMON
    if on_terminal:
        terminal.write(_CLEAR)
    while not stop.is_set():
        try:
            shown = await fetch(socket)
        except NoDaemonError as error:
            code = EXIT_NO_DAEMON
            text = json.dumps({"error": str(error)}) + "\n" if as_json else f"{error}\n"
        else:
            code = _exit_code(shown)
            text = json.dumps(shown) + "\n" if as_json else _table(shown)
        if not terminal.write(_as_picture(text) if on_terminal else text):
            break  # the reader is gone
        try:
            await asyncio.wait_for(stop.wait(), _REFRESH_S)
        except TimeoutError:
            continue
    return code


def _as_picture(text: str) -> str:
    """The text over the last picture, cut at the terminal's last line so that it never scrolls."""
    lines = text.splitlines()[: max(1, terminal.lines() - 1)]
    return _HOME + "".join(f"{line}{_ERASE_LINE}\n" for line in lines) + _ERASE_BELOW


def _table(shown: Document) -> str:
    return render(shown, columns=terminal.columns(), colour=terminal.wants_colour())


def _exit_code(shown: Document) -> int:
    return EXIT_HEALTHY if shown.get("healthy") is True else EXIT_NOT_HEALTHY
