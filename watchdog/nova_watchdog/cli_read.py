"""`nova-watchdog history` and `explain`: what the running daemon knows beyond its status."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

EXIT_OK = 0
EXIT_USAGE = 2

_MAX_EDGES = 10_000


def add_commands(commands: Any, add_socket: Callable[[argparse.ArgumentParser], None]) -> None:
    """The parsers of both commands."""
    history = commands.add_parser("history", help="what changed, when, why, and by which readings")
    history.add_argument("pairing", nargs="?", metavar="PAIRING", help="only this one; default: all")
    history.add_argument("--json", action="store_true", help="print the answer as JSON, for programs")
    history.add_argument(
        "--limit", type=_limit, default=50, metavar="N", help="the last N changes (default: %(default)s)"
    )
    add_socket(history)

    explain = commands.add_parser("explain", help="why a pairing is judged as it is, row by row")
    explain.add_argument("pairing", metavar="PAIRING")
    explain.add_argument("--json", action="store_true", help="print the answer as JSON, for programs")
    add_socket(explain)


def history(arguments: argparse.Namespace) -> int:
    """Print the history. Returns 0, or 2 for an unknown pairing and where no daemon answers."""
    from nova_watchdog.telemetry import client, screen_history  # noqa: PLC0415 - lazily, see cli.py

    query = {"limit": str(arguments.limit)}
    if arguments.pairing is not None:
        query["pairing"] = arguments.pairing
    return _show(arguments, client.path("history", **query), screen_history.render)


def explain(arguments: argparse.Namespace) -> int:
    """Print the explanation. Returns 0, or 2 for an unknown pairing and where no daemon answers."""
    from nova_watchdog.telemetry import client, screen_explain  # noqa: PLC0415 - lazily, see cli.py

    return _show(arguments, client.path("explain", arguments.pairing), screen_explain.render)


def _show(arguments: argparse.Namespace, what: str, render: Callable[..., str]) -> int:
    from nova_watchdog.telemetry import client, terminal  # noqa: PLC0415 - lazily, see cli.py

    socket: Path = arguments.socket
    try:
        shown = asyncio.run(client.fetch(socket, what))
    except (client.NoDaemonError, client.RefusedError) as error:
        print(f"nova-watchdog: {error}", file=sys.stderr)
        return EXIT_USAGE
    as_text = json.dumps(shown, indent=2) + "\n" if arguments.json else None
    terminal.write(as_text or render(shown, columns=terminal.columns()))
    return EXIT_OK


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= _MAX_EDGES:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: 1 to {_MAX_EDGES}")
    return int(text)
