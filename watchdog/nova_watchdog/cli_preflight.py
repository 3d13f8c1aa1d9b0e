"""`nova-watchdog preflight`: could this controller take a pairing over, and if not, what is to be done."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

EXIT_OK = 0
EXIT_NOT_READY = 1
EXIT_NO_ANSWER = 2


def add_command(commands: Any, add_socket: Callable[[argparse.ArgumentParser], None]) -> None:
    """The parser of the command."""
    preflight = commands.add_parser(
        "preflight", help="whether this controller could take a pairing over, check by check"
    )
    preflight.add_argument("pairing", nargs="?", metavar="PAIRING", help="only this one; default: all")
    preflight.add_argument("--json", action="store_true", help="print the answer as JSON, for programs")
    add_socket(preflight)


def preflight(arguments: argparse.Namespace) -> int:
    """Print every check. Returns 0: all ready, 1: a hard check does not pass, 2: no answer."""
    from nova_watchdog.telemetry import client, screen_preflight, terminal  # noqa: PLC0415 - lazily, see cli.py

    query = {} if arguments.pairing is None else {"pairing": arguments.pairing}
    try:
        shown = asyncio.run(client.fetch(arguments.socket, client.path("preflight", **query)))
    except (client.NoDaemonError, client.RefusedError) as error:
        print(f"nova-watchdog: {error}", file=sys.stderr)
        return EXIT_NO_ANSWER
    as_text = json.dumps(shown, indent=2) + "\n" if arguments.json else None
    terminal.write(as_text or screen_preflight.render(shown, columns=terminal.columns()))
    return EXIT_OK if all(pairing["ready"] for pairing in shown["pairings"]) else EXIT_NOT_READY
