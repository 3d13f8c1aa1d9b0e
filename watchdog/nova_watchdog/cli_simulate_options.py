"""The options of `nova-watchdog simulate`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nova_watchdog.cli_pause import duration_s

USUAL_PAIRINGS = 2
USUAL_HOURS = 1.0
USUALLY_EVERY_S = 600.0

_MAX_CONTROLLERS = 9
_MAX_PAIRINGS = 50
_LEAST_HOURS, _MOST_HOURS = 0.5, 168.0

_DESCRIPTION = """What would be done, when and by which rule, if something broke: a simulation.
Several controllers share the pairings, as with [etcd]; a daemon without it neither moves (H..) nor is cut
off by a deadline."""

_EPILOG = """Nothing real is touched, and the same command prints the same again. The faults are

  KIND [TARGET] at TIME [for TIME] [value NUMBER]

with a controller (ctl1, ctl2, ...), a pairing or nothing as TARGET, and TIME as 30s or 1m30s;
--list-faults prints every KIND, which of them happen at once and so have no `for`, and which have a `value`.

  nova-watchdog simulate --fault "kill ctl1 at 30s for 2m"
  nova-watchdog simulate --config /etc/nova-watchdog/nova-watchdog.toml --fault "crash cluster-a at 1m"
  nova-watchdog simulate --seed 7 --hours 24 --pairings 10 --json

exit codes:
  0  nothing forbidden happened, and in the end everything was well, or waits for a human because a budget
     is spent
  1  something forbidden happened, or not everything was well in the end
  2  usage or configuration
  130  interrupted by Ctrl-C
"""


def add_command(commands: Any) -> None:
    """The parser of the command."""
    parser = commands.add_parser(
        "simulate",
        help="what would happen if ...: the same rules on a simulated cloud",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="your pairings and policies (default: made-up ones)"
    )
    parser.add_argument(
        "--controllers", type=_count(_MAX_CONTROLLERS), default=3, metavar="N", help="default: %(default)s"
    )
    parser.add_argument(
        "--pairings",
        type=_count(_MAX_PAIRINGS),
        metavar="N",
        help=f"cluster-1, cluster-2, ..., without --config (default: {USUAL_PAIRINGS})",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="TEXT",
        help='such as "kill ctl1 at 30s for 2m"; as often as you like',
    )
    parser.add_argument(
        "--for",
        dest="for_s",
        type=_positive_s,
        metavar="DURATION",
        help="play exactly so long (default: until all has been well for 30 s after the last fault)",
    )
    parser.add_argument(
        "--seed",
        type=_seed,
        metavar="N",
        help="without --fault: a long run of random faults, always the same ones (default: 0)",
    )
    parser.add_argument(
        "--hours", type=_hours, metavar="H", help=f"of the long run (default: {USUAL_HOURS:g})"
    )
    parser.add_argument(
        "--every",
        dest="every_s",
        type=_positive_s,
        metavar="DURATION",
        help="the mean time between its faults (default: 10m)",
    )
    parser.add_argument("--json", action="store_true", help="print the answer as JSON, for programs")
    parser.add_argument("--list-faults", action="store_true", help="print every fault with its meaning")


def _count(most: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not 0 < int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not allowed: 1 to {most}")
        return int(text)

    return count


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: a whole number, 0 or more")
    return int(text)


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not _LEAST_HOURS <= hours <= _MOST_HOURS:
        allowed = f"{_LEAST_HOURS:g} to {_MOST_HOURS:g}"
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: {allowed}")
    return hours


def _positive_s(text: str) -> float:
    seconds = duration_s(text)
    if seconds <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: more than nothing, such as 10m")
    return seconds
