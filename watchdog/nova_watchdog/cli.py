"""The command line. Everything heavy is imported by the command that needs it: `status` answers quickly."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from nova_watchdog import __version__

DEFAULT_CONFIG = Path("/etc/nova-watchdog/nova-watchdog.toml")
DEFAULT_SOCKET = Path("/run/nova-watchdog/control.sock")

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2

_EPILOG = """exit codes:
  0  done; `run`: a clean end; `status`: every pairing is healthy
  1  failure; `status`: some pairing is not healthy, or not watched
  2  usage or configuration, every mistake one line on stderr; `status`: the daemon does not answer
"""

# systemd starts a failed daemon again after a second. A configuration that stays wrong would make that a busy
# loop: so under systemd the process lingers before it ends.
MISTAKE_PAUSE_S = 10.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code; usage errors leave through SystemExit(2)."""
    arguments = _parser().parse_args(argv)
    try:
        return _dispatch(arguments)
    except KeyboardInterrupt:
        # Ctrl-C is how a person ends `status --watch`.
        return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nova-watchdog",
        description="Watches each nova-compute to vCenter pairing of this controller and brings it back.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"nova-watchdog {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="the daemon, in the foreground")
    _add_config(run)

    config = commands.add_parser("config", help="look at the configuration without acting on it")
    parts = config.add_subparsers(dest="part", required=True, metavar="PART")
    check = parts.add_parser("check", help="say what was understood, or every mistake")
    _add_config(check)
    polkit = parts.add_parser("polkit", help="print the list of units for the polkit rule")
    _add_config(polkit)

    parts.add_parser("keys", help="print every key, its default and its meaning, as Markdown")

    status = commands.add_parser("status", help="ask the running daemon how the pairings are")
    form = status.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the answer as JSON, for programs")
    form.add_argument("--watch", action="store_true", help="keep the table on the screen up to date")
    status.add_argument(
        "--socket",
        type=Path,
        default=DEFAULT_SOCKET,
        help="the daemon's control socket (default: %(default)s)",
    )
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help="default: %(default)s"
    )


def _dispatch(arguments: argparse.Namespace) -> int:
    if arguments.command == "run":
        return _run(arguments.config)
    if arguments.command == "status":
        from nova_watchdog.telemetry import status  # noqa: PLC0415 - lazily, see the module's docstring

        answer = status.main(arguments.socket, as_json=arguments.json, watch=arguments.watch)
        return asyncio.run(answer)
    from nova_watchdog import cli_config  # noqa: PLC0415 - lazily, see the module's docstring

    if arguments.part == "keys":
        return cli_config.keys()
    return (
        cli_config.check(arguments.config)
        if arguments.part == "check"
        else cli_config.polkit(arguments.config)
    )


def _run(config: Path) -> int:
    from nova_watchdog.config import ConfigError, load_for_run  # noqa: PLC0415 - lazily, see the module's docstring

    try:
        settings = load_for_run(config)
    except ConfigError as error:
        print(error, file=sys.stderr, flush=True)
        if "NOTIFY_SOCKET" in os.environ:
            time.sleep(MISTAKE_PAUSE_S)
        return EXIT_USAGE
    from nova_watchdog import app  # noqa: PLC0415 - mistakes in the configuration are told without adapters

    return app.run(settings)
