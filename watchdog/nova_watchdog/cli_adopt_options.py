"""The options of `nova-watchdog adopt`. What it does is imported only where it is asked for."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any


def add_command(commands: Any, add_config: Callable[[argparse.ArgumentParser], None]) -> None:
    """The parser of the command."""
    adopt_one = commands.add_parser(
        "adopt", help="as root, on each controller: let a nova-compute run only with a hold; restarts nothing"
    )
    adopt_one.add_argument("pairing", metavar="PAIRING")
    adopt_one.add_argument("--dry-run", action="store_true", help="only show what would be changed")
    adopt_one.add_argument("--undo", action="store_true", help="put back what adopt changed")
    wanted = adopt_one.add_mutually_exclusive_group()
    wanted.add_argument(
        "--compute-id",
        metavar="UUID",
        help="the node's UUID where this controller has none yet: 'preflight' on the holder shows it",
    )
    wanted.add_argument(
        "--compute-id-from", type=Path, metavar="FILE", help="read it from a copy of a file compute_id"
    )
    add_config(adopt_one)


def adopt(arguments: argparse.Namespace) -> int:
    """Adopt, or undo it. Returns 0 when done, 1 when refused or not everything was done, 2 for usage."""
    from nova_watchdog import cli_adopt  # noqa: PLC0415 - lazily, see cli.py

    return cli_adopt.run(
        arguments.pairing,
        arguments.config,
        dry_run=arguments.dry_run,
        undo=arguments.undo,
        compute_id=arguments.compute_id,
        compute_id_file=arguments.compute_id_from,
    )
