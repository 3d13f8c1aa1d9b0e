"""Mode `observe` changes nothing at all: systemd, files, Nova, vCenter and RabbitMQ, before and after."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from acceptance.conftest import wait_until_healthy
from acceptance.judge import Judge
from lab.client import Lab
from lab.controllers.daemon import CONFIGURATION, UNIT

pytestmark = pytest.mark.lab

# Its own, and what the machine writes about it.
_NOT_OTHERS = ("/var/lib/nova-watchdog", "/var/log", "/var/lib/nova", "/var/lib/systemd")
_RANDOM = re.compile(r"[0-9a-f]{32}")
_READING_METHODS = {
    "CreateContainerView",
    "CurrentTime",
    "DestroyView",
    "Fetch",
    "Login",
    "Logout",
    "RetrieveProperties",
    "RetrievePropertiesEx",
    "ContinueRetrievePropertiesEx",
    "CancelRetrievePropertiesEx",
    "RetrieveServiceContent",
}


@pytest.fixture
def observing(judges: tuple[Judge, ...]) -> Iterator[Lab]:
    """A lab whose daemon is stopped and would start in mode `observe`; afterwards it protects again."""
    lab = judges[0].lab
    controller = lab.controller()
    controller.run(["systemctl", "stop", UNIT])
    controller.run(["sed", "-i", 's/^mode = "protect"/mode = "observe"/', CONFIGURATION])
    yield lab
    controller.run(["sed", "-i", 's/^mode = "observe"/mode = "protect"/', CONFIGURATION])
    controller.run(["systemctl", "restart", UNIT])
    wait_until_healthy(judges)


def world(lab: Lab) -> dict[str, Any]:
    """Everything that somebody could have changed."""
    controller = lab.controller()
    units = controller.run(["systemctl", "list-unit-files", "--no-legend", "--no-pager"]).stdout
    show = ["systemctl", "show", "-p", "Id,LoadState,UnitFileState,FragmentPath,DropInPaths,NRestarts"]
    services = [
        {key: value for key, value in one.items() if key not in ("updated_at", "state")}
        for one in lab.nova.services()
    ]
    return {
        "unit files": [line for line in units.splitlines() if UNIT not in line],
        "units": controller.run([*show, *(pairing.unit for pairing in lab.pairings)]).stdout,
        "services": sorted(services, key=lambda one: str(one["id"])),
        "hypervisors": [
            (one["id"], one["hypervisor_hostname"], one["status"])
            for one in lab.nova.request("GET", "/os-hypervisors")["hypervisors"]
        ],
        "aggregates": lab.nova.request("GET", "/os-aggregates")["aggregates"],
        "servers": lab.nova.request("GET", "/servers/detail?all_tenants=1")["servers"],
        **_settled(lab.request("world")),
    }


def _settled(found: dict[str, Any]) -> dict[str, Any]:
    """Without the random part of names: a nova-compute that starts has new reply and fanout queues."""
    bus = {kind: sorted({_RANDOM.sub("*", line) for line in lines}) for kind, lines in found["bus"].items()}
    return {**found, "bus": bus}


def test_observe_changes_nothing_in_an_hour_full_of_faults(observing: Lab, judges: tuple[Judge, ...]):
    """A dead nova-compute stays dead, a human starts it; all the rest is as it was before the daemon came."""
    lab, controller, first = observing, observing.controller(), judges[0]
    controller.run(["touch", "/run/before"])
    before, since = world(lab), lab.now()
    began = time.time()
    controller.run(["systemctl", "start", UNIT])
    wait_until_healthy(judges)
    lab.inject("kill", pairing=first.pairing.name)
    killed = lab.now()
    first.wait_for_edge(since, 60, diagnosis="process-down", rule="R30")
    with lab.fault("vcenter-refused"):
        first.wait_for_edge(killed, 60, diagnosis="waiting-for-dependency")
    with lab.fault("datastore-full", pairing=judges[1].pairing.name):
        judges[1].wait_for_edge(killed, 180, diagnosis="cluster-degraded")
    assert not first.starts(since), "somebody started it"
    controller.run(["systemctl", "start", first.pairing.unit])
    wait_until_healthy(judges)
    written = controller.run(["find", "/etc", "/var", "/opt", "-xdev", "-newer", "/run/before", "-type", "f"])
    controller.run(["systemctl", "stop", UNIT])

    assert world(lab) == before
    others = [path for path in written.stdout.split() if not path.startswith(_NOT_OTHERS)]
    assert others == []
    assert not first.lines(since, "action")
    assert not judges[1].starts(since)
    assert methods_of_the_daemon(lab, began) <= _READING_METHODS


def methods_of_the_daemon(lab: Lab, since_wall_s: float) -> set[str]:
    """What it asked vCenter for, by the simulator's own log."""
    after = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since_wall_s))
    found = set()
    for line in (lab.paths.logs / "vcenter1-requests.jsonl").read_text().splitlines():
        request = json.loads(line)
        if request["time"] >= after and request["agent"].startswith("nova-watchdog"):
            found.add(request["method"])
    assert found, "the daemon asked nothing: wrong log"
    return found
