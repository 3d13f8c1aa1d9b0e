"""The command line. Everything heavy is imported by the command that needs it: `status` answers quickly."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from nova_watchdog import (
    __version__,
    cli_adopt_options,
    cli_failover,
    cli_pause,
    cli_preflight,
    cli_read,
    cli_simulate_options,
)
from nova_watchdog.cli_arguments import seconds_up_to

DEFAULT_CONFIG = Path("/etc/nova-watchdog/nova-watchdog.toml")
DEFAULT_SOCKET = Path("/run/nova-watchdog/control.sock")

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2

_EPILOG = """exit codes:
  0  done; `run`: a clean end; `status`: every pairing is healthy
  1  failure; `status`: some pairing is not healthy, or not watched; `pause`, `resume`: not recorded;
     `failover`, `restart`: refused, or the result is unknown: what is said tells which;
     `simulate`: something forbidden, or not everything well in the end; `preflight`: something keeps this
     controller from taking over; `adopt`: refused, with the reason, or not everything done
  2  usage or configuration, every mistake one line on stderr; where a command asks the daemon: it does not
     answer, or refuses what is asked
`check` exits as monitoring plugins do:
  0  every pairing is healthy      1  some are degraded
  2  some have failed              3  some are unknown, or the configuration is wrong
"""

# What asks the running daemon, beside `status`; and `adopt`, which asks nobody.
_ASKING = {
    "history": cli_read.history,
    "explain": cli_read.explain,
    "pause": cli_pause.pause,
    "resume": cli_pause.resume,
    "preflight": cli_preflight.preflight,
    "adopt": cli_adopt_options.adopt,
    "failover": cli_failover.failover,
    "restart": cli_failover.restart,
}

# systemd starts a failed daemon again after a second. A configuration that stays wrong would make that a busy
# loop: so under systemd the process lingers before it ends.
MISTAKE_PAUSE_S = 10.0
MAX_CHECK_S = 600.0


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

    check_once = commands.add_parser(
        "check", help="one round of every reading, without the daemon; changes nothing"
    )
    _add_config(check_once)
    check_once.add_argument("--json", action="store_true", help="print the answer as JSON, for programs")
    check_once.add_argument(
        "--timeout",
        type=seconds_up_to(MAX_CHECK_S),
        default=45.0,
        metavar="SECONDS",
        help="how long to wait for a verdict; a heartbeat shows after 10 to 20 s (default: %(default)g)",
    )

    config = commands.add_parser("config", help="look at the configuration without acting on it")
    parts = config.add_subparsers(dest="part", required=True, metavar="PART")
    check = parts.add_parser("check", help="say what was understood, or every mistake")
    _add_config(check)
    polkit = parts.add_parser("polkit", help="print the list of units for the polkit rule")
    _add_config(polkit)
    units = parts.add_parser("units", help="print the list of units that the deadline kills")
    _add_config(units)
    parts.add_parser("keys", help="print every key, its default and its meaning, as Markdown")

    status = commands.add_parser("status", help="ask the running daemon how the pairings are")
    form = status.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the answer as JSON, for programs")
    form.add_argument("--watch", action="store_true", help="keep the table on the screen up to date")
    _add_socket(status)
    cli_read.add_commands(commands, _add_socket)
    cli_pause.add_commands(commands, _add_socket)
    cli_failover.add_commands(commands, _add_socket)
    cli_preflight.add_command(commands, _add_socket)
    cli_adopt_options.add_command(commands, _add_config)
    cli_simulate_options.add_command(commands)
    return parser


def _add_socket(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--socket",
        type=Path,
        default=DEFAULT_SOCKET,
        help="the daemon's control socket (default: %(default)s)",
    )


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
    if arguments.command in _ASKING:
        return _ASKING[arguments.command](arguments)
    if arguments.command == "check":
        from nova_watchdog import cli_check  # noqa: PLC0415 - lazily, see the module's docstring

        return cli_check.main(arguments.config, timeout_s=arguments.timeout, as_json=arguments.json)
    if arguments.command == "simulate":
        from nova_watchdog import cli_simulate  # noqa: PLC0415 - lazily, see the module's docstring

        return cli_simulate.main(arguments)
    return _config(arguments)


def _config(arguments: argparse.Namespace) -> int:
    from nova_watchdog import cli_config  # noqa: PLC0415 - lazily, see the module's docstring

    if arguments.part == "keys":
        return cli_config.keys()
    what = {"check": cli_config.check, "polkit": cli_config.polkit, "units": cli_config.units}
    return what[arguments.part](arguments.config)


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
