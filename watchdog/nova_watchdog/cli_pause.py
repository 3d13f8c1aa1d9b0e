"""`nova-watchdog pause` and `resume`: ask the running daemon to leave a pairing alone, or no longer."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2

_UNITS_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile(r"(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,7})s)?")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def add_commands(commands: Any, add_socket: Callable[[argparse.ArgumentParser], None]) -> None:
    """The parsers of both commands."""
    pause = commands.add_parser("pause", help="look, and act on nothing until an end that you give")
    pause.add_argument("pairing", metavar="PAIRING", help="a pairing's name, or 'all'")
    pause.add_argument(
        "--reason", required=True, metavar="TEXT", help="why, for everybody who looks (up to 200 characters)"
    )
    end = pause.add_mutually_exclusive_group(required=True)
    end.add_argument(
        "--for",
        dest="for_s",
        type=duration_s,
        metavar="DURATION",
        help="such as 90m, 2h or 1d12h; at most 7 days",
    )
    end.add_argument(
        "--until",
        dest="until_wall_s",
        type=unix_s,
        metavar="TIME",
        help="RFC 3339, such as 2026-01-31T06:00:00Z; at most 7 days ahead",
    )
    add_socket(pause)

    resume = commands.add_parser("resume", help="end a pause")
    resume.add_argument("pairing", metavar="PAIRING", help="a pairing's name, or 'all'")
    add_socket(resume)


def pause(arguments: argparse.Namespace) -> int:
    """Pause. Returns 0 when it is recorded, 1 when it could not be, 2 for a refused request or no daemon."""
    end = {"for_s": arguments.for_s, "until_wall_s": arguments.until_wall_s}
    body = {"pairing": arguments.pairing, "reason": arguments.reason}
    body |= {key: value for key, value in end.items() if value is not None}
    return _change(arguments, "pause", body, lambda found: f"paused until {found['until']}")


def resume(arguments: argparse.Namespace) -> int:
    """End a pause. The exit codes are those of `pause`."""
    return _change(arguments, "resume", {"pairing": arguments.pairing}, lambda _: "not paused")


def _change(
    arguments: argparse.Namespace,
    what: str,
    body: Mapping[str, Any],
    told: Callable[[Mapping[str, Any]], str],
) -> int:
    from nova_watchdog.telemetry import client  # noqa: PLC0415 - lazily, see cli.py

    try:
        found = asyncio.run(client.change(arguments.socket, what, body))
    except (client.NoDaemonError, client.RefusedError) as error:
        print(f"nova-watchdog: {error}", file=sys.stderr)
        return EXIT_USAGE
    for name in found["done"]:
        print(f"{name}: {told(found)}")
    for name, why in sorted(found["failed"].items()):
        print(f"nova-watchdog: {name}: {why}", file=sys.stderr)
    return EXIT_FAILURE if found["failed"] else EXIT_OK


def duration_s(text: str) -> float:
    """Seconds of `1d12h`, `90m`, ... Raises ArgumentTypeError."""
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no duration; allowed: numbers with d, h, m and s, such as 90m, 2h or 1d12h"
        )
    return sum(
        float(count or 0) * unit_s for count, unit_s in zip(match.groups(), _UNITS_S.values(), strict=True)
    )


def unix_s(text: str) -> float:
    """The Unix time of an RFC 3339 text. Raises ArgumentTypeError."""
    allowed = "allowed: RFC 3339 with its offset, such as 2026-01-31T06:00:00Z or 2026-01-31T06:00:00+01:00"
    if not _RFC3339.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no such time; {allowed}")
    try:
        return datetime.fromisoformat(text.upper()).timestamp()
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no such time ({error}); {allowed}") from error
