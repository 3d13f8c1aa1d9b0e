"""Bringing the lab back to a known state between tests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from lab.api import watchdog
from lab.api.http import HttpError
from lab.controllers.daemon import UNIT
from lab.controllers.holding import TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.client.client import Lab
    from lab.client.controller import ControllerHandle
    from lab.topology import Controller, Pairing

_POLL_S = 0.2
# Where the daemon keeps a refused login for its next life: by design neither is over when the fault is.
_REFUSED_LOGINS = "/run/nova-watchdog/vcenter-logins.json"


def heal(lab: Lab, timeout_s: float) -> None:
    """Clear faults, start what is stopped, enable what is disabled, wait for new heartbeats."""
    deadline = lab.now() + timeout_s
    lab.clear_all()
    _start_parts_and_controllers(lab)
    if lab.topology.daemon:
        for machine in lab.topology.controller_list:
            _forget_refused_logins(lab.controller(machine.name))
            _start(lab.controller(machine.name), UNIT, deadline - lab.now())
    home = lab.topology.controller_list[0]
    if lab.topology.shares_pairings:
        _wait_until_all_run(lab, deadline)
    else:
        for pairing in lab.pairings:
            _start(lab.controller(home.name), pairing.unit, deadline - lab.now())
    for record in lab.nova.services():
        if record["status"] != "enabled":
            lab.nova.enable(record["host"])
        if record["forced_down"]:
            lab.nova.force_down(record["host"], forced=False)
    since = _last_disturbance(lab)
    for pairing in lab.pairings:
        lab.wait_for("heartbeat", since=since, timeout_s=deadline - lab.now(), host=pairing.host)
        _wait_until_enabled(lab, pairing, deadline)
    if lab.topology.shares_pairings:
        _wait_for_holders(lab, deadline)
    else:
        _wait_for_daemon(lab, home, deadline)


def _wait_until_all_run(lab: Lab, deadline: float) -> None:
    """Let the daemons bring every pairing back; what a human stopped is started where it is held."""
    while missing := [pairing for pairing in lab.pairings if not lab.running(pairing.unit)]:
        if lab.now() > deadline:
            raise TimeoutError(f"{', '.join(pairing.unit for pairing in missing)} runs on no controller")
        for pairing in missing:
            for machine in lab.topology.controller_list:
                start = f"test ! -e {TOKENS}/{pairing.unit} || systemctl start {pairing.unit}"
                lab.controller(machine.name).run(["sh", "-c", start], check=False)
        time.sleep(_POLL_S)


def _wait_for_holders(lab: Lab, deadline: float) -> None:
    """Let the daemon beside each pairing's only process call it healthy, and all others be ready."""
    while complaints := list(_complaints(lab)):
        if lab.now() > deadline:
            raise TimeoutError(f"not every pairing is served by one healthy holder: {', '.join(complaints)}")
        time.sleep(_POLL_S)


def _complaints(lab: Lab) -> Iterator[str]:
    documents: dict[str, Any] = {}
    for machine in lab.topology.controller_list:
        try:
            documents[machine.name] = lab.daemon_status(machine.name)
        except (HttpError, OSError) as error:
            yield f"{machine.name}: {error}"
    for pairing in lab.pairings:
        where = lab.running(pairing.unit)
        if len(where) != 1:
            yield f"{pairing.name} runs on {', '.join(where) or 'no controller'}"
        elif (document := documents.get(where[0])) is not None:
            if pairing.name not in {one["name"] for one in document["pairings"] if one["healthy"]}:
                yield f"{pairing.name} is not healthy on {where[0]}"
            elif reason := watchdog.unready(document, pairing.name, lab.topology.controllers):
                yield f"{pairing.name} has a standby that is not ready ({reason})"


def _start_parts_and_controllers(lab: Lab) -> None:
    """Whatever ended: the servers, and machines that were shut down."""
    status = lab.status()
    for name, pid in status["parts"].items():
        if pid is None:
            lab.request("start-part", name=name)
    for name, controller in status["controllers"].items():
        if controller["leader"] is None:
            lab.boot(name)


def _forget_refused_logins(controller: ControllerHandle) -> None:
    """Stop a daemon that would not log in for half an hour, and take its memory away; `_start` follows."""
    if '"digest"' in controller.run(["cat", _REFUSED_LOGINS], check=False).stdout:
        controller.run(["systemctl", "stop", UNIT])
        controller.run(["rm", "--force", _REFUSED_LOGINS])


def _last_disturbance(lab: Lab) -> float:
    """When something last happened that could end heartbeats; they prove health only after it."""
    kinds = ("fault", "part", "process.start", "process.exit", "service")
    return max((float(event["t"]) for kind in kinds for event in lab.events(kind=kind)), default=0.0)


def _wait_for_daemon(lab: Lab, home: Controller, deadline: float) -> None:
    """Let the daemon call every pairing healthy."""
    while lab.topology.daemon and (reason := lab.daemon_complaint(home.name)):
        if lab.now() > deadline:
            raise TimeoutError(f"the daemon does not call all pairings healthy: {reason}")
        time.sleep(_POLL_S)


def _start(controller: ControllerHandle, unit: str, timeout_s: float) -> None:
    """Start a unit that is not active; one that failed is forgiven first."""
    state = controller.run(["systemctl", "is-active", unit], check=False).stdout.strip()
    if state != "active":
        controller.run(["systemctl", "reset-failed", unit], check=False)
        controller.run(["systemctl", "start", unit], timeout_s=timeout_s)


def _wait_until_enabled(lab: Lab, pairing: Pairing, deadline: float) -> None:
    """A nova-compute that still holds its own `disabled` may set it once more: enable until it stays so."""
    while True:
        last = lab.events(kind="service", host=pairing.host)[-1]
        if not last["disabled"]:
            return
        lab.nova.enable(pairing.host)
        lab.wait_for(
            "service", since=last["t"], timeout_s=deadline - lab.now(), host=pairing.host, disabled=False
        )
