"""What `lab watch` shows: the pairings as the daemon sees them, what happened, and what can be broken."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

from lab.api.http import HttpError
from lab.client import Lab
from lab.controllers import daemon

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.client.events import Event

_REFRESH_S = 1.0
_DECORATION = re.compile(r"\b(level=info|logger=\S+|event=\S+) ")
_LATELY = 12
_COMMAND = "tests/lab/lab"
_QUIET_KINDS = ("daemon", "heartbeat", "sessions")
_FOR_MACHINES = (
    *("t", "wall", "kind", "before", "lab_pid", "started"),
    *("annotations", "group_key", "starts_at", "ends_at", "repeated"),
)
_SUGGESTED = (
    "kill",
    "vcenter-refused",
    "vcenter-silent",
    "nova-conf-broken",
    "stop-process",
    "rabbitmq-stopped",
)


def watch(lab: Lab) -> None:
    """Show the screen until interrupted; where output is no terminal, print lines as things happen."""
    if not sys.stdout.isatty():
        follow(lab, kinds=None)
        return
    hints = suggestions(lab)
    while True:
        lines = screen(lab, hints)
        size = shutil.get_terminal_size()
        text = "\n".join(line[: size.columns - 1] for line in lines[: size.lines - 1])
        print(f"\x1b[H\x1b[2J{text}", end="", flush=True)
        time.sleep(_REFRESH_S)


def follow(lab: Lab, kinds: Sequence[str] | None) -> None:
    """Print each new record in a line, until interrupted or the lab ends."""
    since = lab.now()
    while lab.paths.events.exists():
        for event in lab.events(since):
            if event["kind"] in kinds if kinds else _is_shown(event):
                print(line_of(event), flush=True)
            since = max(since, event["t"] + 1e-6)
        time.sleep(_REFRESH_S / 5)


def screen(lab: Lab, hints: Sequence[str]) -> list[str]:
    """All lines of the screen."""
    lines = [time.strftime("%H:%M:%S  the lab; Ctrl-C ends this view, `make lab-down` the lab"), ""]
    lines += list(_pairings(lab))
    faults = [f"{f['name']} {_values(f['arguments'])}" for f in lab.status()["faults"]]
    lines += ["", "faults in force: " + (", ".join(faults) or "none"), "", "lately:"]
    events = [event for event in lab.events() if _is_shown(event)]
    lines += [f"  {line_of(event)}" for event in events[-_LATELY:]]
    return [*lines, "", *hints]


def suggestions(lab: Lab) -> list[str]:
    """How to break something, and what will happen."""
    known = {fault["name"]: fault for fault in lab.request("faults")}
    first = {"pairing": lab.pairings[0].name, "vcenter": lab.topology.vcenter_list[0].name}
    lines = ["break something, in another terminal:"]
    for name in _SUGGESTED:
        arguments = {key: first.get(key, value) for key, value in known[name]["parameters"].items()}
        lines.append(f"  {_COMMAND} fault {name} {_values(arguments)}".rstrip())
        lines.append(f"      {known[name]['sentence'].format(**arguments)}")
    return [*lines, f"  {_COMMAND} fault --clear --all   takes everything back; `fault --list` shows more"]


def _pairings(lab: Lab) -> Iterator[str]:
    """The daemon's status, a line for each pairing and one for what it does about it."""
    if not lab.topology.daemon:
        yield "(this lab has no daemon)"
        return
    for controller in lab.topology.controller_list:
        try:
            document = lab.daemon_status(controller.name)
        except HttpError as error:
            yield f"the daemon on {controller.name} does not answer: {error}"
            continue
        yield f"as {controller.name} sees it; runs on: {_places(lab)}"
        yield from table(document)
        return


def _places(lab: Lab) -> str:
    places = {one.name: " and ".join(lab.running(one.unit)) or "no controller" for one in lab.pairings}
    return ", ".join(f"{name} {place}" for name, place in places.items())


def table(document: dict[str, Any]) -> Iterator[str]:
    """A status document as lines of text."""
    yield f"{'PAIRING':12} {'DIAGNOSIS':24} {'UNIT':12} {'VCENTER':12} {'HEARTBEAT':10} SERVICE"
    for pairing in document["pairings"]:
        facts, age_s = pairing["facts"], pairing["heartbeat_age_s"]
        heartbeat = "-" if age_s is None else f"{age_s:.0f} s"
        word = pairing["diagnosis"]["word"]
        yield (
            f"{pairing['name']:12} {word:24} {facts['unit']:12} {facts['vcenter']:12} {heartbeat:10}"
            f" {facts['service']}"
        )
        rule = pairing["rule"]
        remedy = f" -> {rule['remedy']}" if rule["remedy"] else ""
        yield f"    {rule['number']} {rule['verb']}: {rule['why']}{remedy}"


def _is_shown(event: Event) -> bool:
    """True unless it is routine, or nova-compute's own log."""
    if event["kind"] == "journal":
        return bool(event["by"] == "systemd" or event["unit"] == daemon.UNIT)
    return event["kind"] not in _QUIET_KINDS and not event.get("repeated")


def line_of(event: Event) -> str:
    """A record in one line."""
    clock = time.strftime("%H:%M:%S", time.localtime(event["wall"]))
    if event["kind"] == "journal":
        return f"{clock} {event['unit'].removesuffix('.service')}: {_DECORATION.sub('', event['message'])}"
    rest = {k: v for k, v in event.items() if k not in _FOR_MACHINES}
    return f"{clock} {event['kind']} {_values(rest)}"


def _values(arguments: dict[str, Any]) -> str:
    return " ".join(
        f"{key}={value if isinstance(value, str | int | float) else json.dumps(value)}"
        for key, value in arguments.items()
    )
