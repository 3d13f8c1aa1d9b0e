"""The command line: `python -m lab up|down|status|fault|exec|logs|watch`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import lifecycle, watch, wire
from lab.client import Lab
from lab.client.controller import enter
from lab.errors import LabError
from lab.paths import Paths
from lab.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Sequence

_FAULT_TIMEOUT_S = 150.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it went well, 1 with one line on stderr if not."""
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.run(Paths.from_environment(), parsed) or 0)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab", description="A small OpenStack cloud of real parts, to break."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="bring the lab up (does nothing if it is up)")
    up.add_argument("--controllers", type=int, default=1, metavar="N")
    up.add_argument(
        "--clusters", type=int, default=2, metavar="N", help="vSphere clusters in all, one pairing each"
    )
    up.add_argument("--vcenters", type=int, default=1, metavar="N")
    up.add_argument("--no-daemon", dest="daemon", action="store_false", help="without nova-watchdog")
    up.add_argument("--policy", type=Path, metavar="FILE", help="body of the daemon's [policy] table")
    up.add_argument(
        "--extra-toml", type=Path, metavar="FILE", help="further tables of the daemon's configuration"
    )
    up.add_argument(
        "--pager", action="store_true", help="with Prometheus, Alertmanager and a recording receiver"
    )
    up.add_argument(
        "--pager-faster",
        type=int,
        default=Topology.pager_faster,
        metavar="N",
        help="divide the pager's intervals by this (default %(default)s; 1 is the real pace)",
    )
    up.add_argument(
        "--etcd",
        type=int,
        default=Topology.etcd,
        metavar="N",
        help="members of the store that the controllers share (default 0: no daemon knows of another)",
    )
    up.set_defaults(run=_up)

    down = commands.add_parser("down", help="end the lab and remove all of it")
    down.add_argument("--keep-logs", type=Path, metavar="DIR", help="copy logs and records there first")
    down.set_defaults(run=_down)

    status = commands.add_parser("status", help="what runs, and which faults are in force")
    status.add_argument("--json", action="store_true")
    status.set_defaults(run=_status)

    fault = commands.add_parser("fault", help="break something: fault NAME [key=value ...]")
    action = fault.add_mutually_exclusive_group()
    action.add_argument(
        "--list", action="store_true", help="all faults, their arguments, and what will happen"
    )
    action.add_argument("--clear", action="store_true", help="take the fault of that name back")
    fault.add_argument("--all", action="store_true", help="with --clear: every fault")
    fault.add_argument("name", nargs="?")
    fault.add_argument("values", nargs="*", metavar="key=value")
    fault.set_defaults(run=_fault)

    execute = commands.add_parser("exec", help="run a command in a controller: exec ctl1 COMMAND ...")
    execute.add_argument("--user", help="as this user instead of root")
    execute.add_argument("controller")
    execute.add_argument("command", nargs=argparse.REMAINDER)
    execute.set_defaults(run=_exec)

    logs = commands.add_parser("logs", help="print the log of a part, or the names of all logs")
    logs.add_argument("name", nargs="?")
    logs.set_defaults(run=_logs)

    watching = commands.add_parser("watch", help="the pairings, what happened, and how to break something")
    watching.add_argument(
        "--kind", action="append", help="print the observer's records of this kind, as they come"
    )
    watching.set_defaults(run=_watch)
    return parser


def _up(paths: Paths, parsed: argparse.Namespace) -> None:
    topology = Topology(
        controllers=parsed.controllers,
        clusters=parsed.clusters,
        vcenters=parsed.vcenters,
        daemon=parsed.daemon,
        policy=_text(parsed.policy),
        extra_toml=_text(parsed.extra_toml),
        pager=parsed.pager,
        pager_faster=parsed.pager_faster,
        etcd=parsed.etcd,
    )
    lifecycle.up(paths, topology)


def _text(file: Path | None) -> str:
    try:
        return file.read_text() if file else ""
    except OSError as error:
        raise LabError(f"{file}: {error.strerror}") from error


def _down(paths: Paths, parsed: argparse.Namespace) -> None:
    start = time.monotonic()
    if lifecycle.down(paths, parsed.keep_logs):
        print(f"the lab is down ({time.monotonic() - start:.1f} s)")
    else:
        print("there is no lab")


def _status(paths: Paths, parsed: argparse.Namespace) -> None:
    status = wire.request(paths.socket, "status")
    if parsed.json:
        print(json.dumps(status, indent=2))
        return
    print(f"lab: {lifecycle.describe(status['topology'])}{'' if status['ready'] else ' (starting)'}")
    for name, pid in status["parts"].items():
        print(f"  {name:16} {'stopped' if pid is None else 'running'}")
    for name, controller in status["controllers"].items():
        state = (
            "stopped" if controller["leader"] is None else ", ".join(controller["running"]) or "nothing runs"
        )
        print(f"  {name:16} {controller['address']}  {state}")
    for fault in status["faults"]:
        print(f"  fault: {fault['name']} {_values(fault['arguments'])}")


def _fault(paths: Paths, parsed: argparse.Namespace) -> None:
    if parsed.list:
        _list_faults(paths)
        return
    if parsed.clear and parsed.all:
        cleared = wire.request(paths.socket, "clear-all", timeout_s=_FAULT_TIMEOUT_S)
    elif parsed.name is None or parsed.all:
        raise LabError("fault: give a NAME, or --list, or --clear --all")
    else:
        arguments = _arguments(parsed.values)
        operation = "clear" if parsed.clear else "fault"
        answer = wire.request(
            paths.socket, operation, timeout_s=_FAULT_TIMEOUT_S, name=parsed.name, arguments=arguments
        )
        if not parsed.clear:
            print(answer["sentence"])
            return
        cleared = answer
    for record in cleared:
        print(f"cleared: {record['name']} {_values(record['arguments'])}")
    if not cleared:
        print("no such fault is in force")


def _list_faults(paths: Paths) -> None:
    for fault in wire.request(paths.socket, "faults"):
        values = " ".join(f"{k}={'...' if v is None else v}" for k, v in fault["parameters"].items())
        print(f"{fault['name']} {values}\n    {fault['sentence']}")


def _arguments(values: Sequence[str]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for key, sign, _ in pairs:
        if not sign:
            raise LabError(f"argument {key!r}: allowed is key=value")
    return {key: value for key, _, value in pairs}


def _values(arguments: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in arguments.items())


def _exec(paths: Paths, parsed: argparse.Namespace) -> None:
    command = parsed.command or ["/bin/bash"]
    argv, environment = enter(paths, parsed.controller, command, user=parsed.user)
    if "TERM" in os.environ:
        environment["TERM"] = os.environ["TERM"]
    os.execvpe(argv[0], argv, environment)  # noqa: S606  the command takes our place, terminal included


def _logs(paths: Paths, parsed: argparse.Namespace) -> None:
    if not paths.logs.exists():
        raise LabError("the lab is not running (`make lab-up` starts it)")
    names = sorted(path.name for path in paths.logs.iterdir())
    if parsed.name is None:
        print("\n".join(names))
        return
    for candidate in (parsed.name, f"{parsed.name}.log"):
        if candidate in names:
            sys.stdout.write((paths.logs / candidate).read_text(errors="replace"))
            return
    raise LabError(f"log {parsed.name!r}: allowed is {', '.join(names)}")


def _watch(paths: Paths, parsed: argparse.Namespace) -> None:
    lab = Lab(paths)
    if parsed.kind:
        watch.follow(lab, parsed.kind)
    else:
        watch.watch(lab)
