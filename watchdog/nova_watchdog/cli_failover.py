"""`nova-watchdog failover` and `restart`: ask the running daemon, and tell each phase as it happens."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

from nova_watchdog.cli_arguments import seconds_up_to
from nova_watchdog.core.kv import printable

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2

_MAX_TIMEOUT_S = 3600.0
# The daemon ends the answer by itself; this is for one that does not.
_SLACK_S = 15.0
_DONE = "done"


def add_commands(commands: Any, add_socket: Callable[[argparse.ArgumentParser], None]) -> None:
    """The parsers of both commands."""
    failover = commands.add_parser("failover", help="let another controller hold a pairing")
    failover.add_argument("pairing", metavar="PAIRING")
    failover.add_argument(
        "--to",
        default="",
        metavar="CONTROLLER",
        help="which one; default: the best standby. The controller itself, for what nobody holds",
    )
    failover.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="CHECK",
        help="a failing check of the next holder that does not matter; may be given several times",
    )
    _add_common(failover, add_socket)

    restart = commands.add_parser("restart", help="restart a pairing's nova-compute here, the safe way")
    restart.add_argument("pairing", metavar="PAIRING")
    restart.add_argument("--reason", metavar="TEXT", help="why, for the history (up to 200 characters)")
    _add_common(restart, add_socket)


def _add_common(
    parser: argparse.ArgumentParser, add_socket: Callable[[argparse.ArgumentParser], None]
) -> None:
    parser.add_argument(
        "--timeout",
        type=seconds_up_to(_MAX_TIMEOUT_S),
        default=600.0,
        metavar="SECONDS",
        help="how long to follow it; what goes on then goes on (default: %(default)g)",
    )
    parser.add_argument("--json", action="store_true", help="print each phase as JSON, for programs")
    add_socket(parser)


def failover(arguments: argparse.Namespace) -> int:
    """Returns 0 when it is done, 1 when it is refused or the result is unknown, 2 where no daemon answers."""
    body = {"to": arguments.to, "accept": arguments.accept}
    return _run(arguments, "failover", body)


def restart(arguments: argparse.Namespace) -> int:
    """The exit codes are those of `failover`."""
    body = {} if arguments.reason is None else {"reason": arguments.reason}
    return _run(arguments, "restart", body)


def _run(arguments: argparse.Namespace, what: str, body: Mapping[str, Any]) -> int:
    from nova_watchdog.telemetry import client  # noqa: PLC0415 - lazily, see cli.py

    look = f"'nova-watchdog history {arguments.pairing}' tells"
    try:
        return asyncio.run(_follow(arguments, what, body))
    except (client.NoDaemonError, client.RefusedError) as error:
        _complain(str(error))
        return EXIT_USAGE
    except client.LostError as error:
        _complain(f"result unknown: {error}; {look}")
    except KeyboardInterrupt:
        _complain(f"result unknown: nobody watches any more, and what was begun goes on; {look}")
    return EXIT_FAILURE


async def _follow(arguments: argparse.Namespace, what: str, body: Mapping[str, Any]) -> int:
    from nova_watchdog.telemetry import client  # noqa: PLC0415 - lazily, see cli.py

    asked = {"pairing": arguments.pairing, "timeout_s": arguments.timeout, **body}
    silence_s = arguments.timeout + _SLACK_S
    async with aclosing(client.follow(arguments.socket, what, asked, silence_s=silence_s)) as answer:
        async for found in answer:
            if arguments.json:
                print(json.dumps(found), flush=True)
            elif "result" not in found:
                print(_line(found, str(found.get("phase")), str(found.get("text"))), flush=True)
            else:
                _tell_end(found)
            if "result" in found:
                return EXIT_OK if found["result"] == _DONE else EXIT_FAILURE
    raise client.LostError("the daemon's answer broke off before its end")


def _line(found: Mapping[str, Any], what: str, text: str) -> str:
    return printable(f"{found.get('t', 0.0):7.1f} s  {what:<10} {text}")


def _tell_end(found: Mapping[str, Any]) -> None:
    reason = str(found.get("reason"))
    if found["result"] == _DONE:
        print(_line(found, _DONE, reason), flush=True)
    else:
        what = "refused" if found["result"] == "refused" else "result unknown"
        _complain(printable(f"{what}: {reason}"))


def _complain(text: str) -> None:
    print(f"nova-watchdog: {text}", file=sys.stderr)
