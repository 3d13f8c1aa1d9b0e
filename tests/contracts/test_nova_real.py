"""The Nova adapter against the lab's real Nova and Keystone, from inside a controller."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from lab.client import Lab
from lab.controllers.daemon import CLOUDS
from lab.parts.image_server import IMAGE_ID

pytestmark = pytest.mark.lab

DRIVERS_REASON = "set by vmwareapi host_state"
_ANSWERED_WITHIN_S = 60.0
PYTHON = "/opt/nova-watchdog/bin/python"
# The adapter as it is installed on the controller: the same file, the same network, the same libraries.
PROGRAM = """
import asyncio, dataclasses, json, sys
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.nova import OpenStackServices
from nova_watchdog.ports import WatchdogError

async def main(clouds, verb, *arguments):
    nova = OpenStackServices("lab", clouds, timeout_s=8, clock=SystemClock())
    try:
        if verb == "read":
            view = dataclasses.asdict(await nova.read())
            return view | {"hidden": sorted(view["hidden"])}
        if verb == "workload":
            return dataclasses.asdict(await nova.workload())
        await nova.enable(arguments[0], only_if_reason=arguments[1])
        return {"done": True}
    except WatchdogError as error:
        return {"error": type(error).__name__, "text": str(error)}
    finally:
        await nova.close()

print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
"""


@pytest.fixture
def host(running_lab: Lab):
    """A nova-compute's host. Afterwards its service is enabled, whatever happened."""
    host = running_lab.pairings[-1].host
    yield host
    running_lab.clear_all()
    running_lab.nova.enable(host)


def nova(lab: Lab, *arguments: str) -> dict[str, Any]:
    """One call of the adapter."""
    answer = lab.controller("ctl1").run([PYTHON, "-c", PROGRAM, CLOUDS, *arguments], timeout_s=60)
    decoded: dict[str, Any] = json.loads(answer.stdout)
    return decoded


def answered(lab: Lab, *arguments: str) -> dict[str, Any]:
    """The same, asked again where a busy machine's Nova takes longer than the adapter waits."""
    deadline = lab.now() + _ANSWERED_WITHIN_S
    while (answer := nova(lab, *arguments)).get("error") == "ProbeError" and lab.now() < deadline:
        time.sleep(0.5)
    assert "error" not in answer, answer
    return answer


def test_it_reads_every_nova_compute_and_the_conductors(running_lab: Lab, host: str):
    """One request tells all."""
    seen = answered(running_lab, "read")
    assert set(seen["computes"]) == {pairing.host for pairing in running_lab.pairings}
    record = seen["computes"][host]
    assert (record["host"], record["up"], record["disabled"], record["forced_down"]) == (
        host,
        True,
        False,
        False,
    )
    assert (seen["conductors_up"], seen["conductors"]) == (1, 1)


def test_its_text_of_the_last_report_advances_with_a_heartbeat(running_lab: Lab, host: str):
    """That is all that is ever done with it."""
    before = answered(running_lab, "read")["computes"][host]["updated_at"]
    since = running_lab.now()
    for _ in range(2):
        since = running_lab.wait_for("heartbeat", since=since + 0.01, timeout_s=60, host=host)["t"]
    assert answered(running_lab, "read")["computes"][host]["updated_at"] != before


def test_it_enables_a_service_disabled_with_exactly_that_reason(running_lab: Lab, host: str):
    """And Nova then says enabled."""
    running_lab.nova.disable(host, DRIVERS_REASON)
    assert nova(running_lab, "enable", host, DRIVERS_REASON) == {"done": True}
    assert running_lab.nova.service(host)["status"] == "enabled"


def test_it_leaves_an_operators_disable_alone(running_lab: Lab, host: str):
    """Refused, with the reason that stands there; Nova still says disabled."""
    running_lab.nova.disable(host, "audit")
    refused = nova(running_lab, "enable", host, DRIVERS_REASON)
    assert refused["error"] == "ActionRefusedError"
    assert running_lab.nova.service(host)["status"] == "disabled"


def test_it_reads_the_workload_of_every_nova_compute(running_lab: Lab, host: str):
    """The node is the cluster's moid and the vCenter's identity; nothing runs there yet."""
    seen = answered(running_lab, "workload")["hosts"]
    assert set(seen) == {pairing.host for pairing in running_lab.pairings}
    assert (seen[host]["instances"], seen[host]["builds_s"]) == (0, [])
    (node,) = seen[host]["nodes"]
    moid, _, identity = node.partition(".")
    assert moid.startswith("domain-c")
    assert identity == running_lab.pairings[-1].vcenter.instance_uuid


def test_it_ages_a_build_by_novas_own_clock(running_lab: Lab, host: str):
    """A server whose nova-compute waits for a silent vCenter stays in BUILD, on its host, and ages."""
    others = [pairing.host for pairing in running_lab.pairings if pairing.host != host]
    for other in others:
        running_lab.nova.disable(other, "so that the scheduler takes the one")
    server = ""
    try:
        with running_lab.fault("vcenter-silent", vcenter=running_lab.pairings[-1].vcenter.name):
            server = _create_server(running_lab)
            first = _wait_for_build(running_lab, host)
            second = _wait_for_build(running_lab, host, older_than_s=first + 2)
            assert second < 120
    finally:
        for other in others:
            running_lab.nova.enable(other)
        if server:
            running_lab.nova.request("DELETE", f"/servers/{server}")


def _create_server(lab: Lab) -> str:
    """Ask for an instance without a network; its id."""
    flavor = {"name": f"small-{lab.now():.0f}", "ram": 64, "vcpus": 1, "disk": 0}
    made = lab.nova.request("POST", "/flavors", {"flavor": flavor})["flavor"]["id"]
    wanted = {"name": "stuck", "imageRef": IMAGE_ID, "flavorRef": made, "networks": "none"}
    answer = lab.nova.request("POST", "/servers", {"server": wanted})
    return str(answer["server"]["id"])


def _wait_for_build(lab: Lab, host: str, older_than_s: float = -1.0) -> float:
    """The age of the one build of `host`, once it is older than that."""
    deadline = lab.now() + 60
    while True:
        ages_s = answered(lab, "workload")["hosts"][host]["builds_s"]
        if ages_s and ages_s[0] > older_than_s:
            (age_s,) = ages_s
            return float(age_s)
        assert lab.now() < deadline, f"no build older than {older_than_s:g} s: {ages_s}"
        time.sleep(0.5)


def test_a_cell_that_is_down_hides_its_records(running_lab: Lab, host: str):
    """Known and not readable, so neither shown nor gone; the workload cannot be told at all."""
    with running_lab.fault("cell-down"):
        seen = answered(running_lab, "read")
        assert seen["computes"] == {}
        assert seen["hidden"] == sorted(pairing.host for pairing in running_lab.pairings)
        assert "HTTP 500" in nova(running_lab, "workload")["text"]
        refused = nova(running_lab, "enable", host, DRIVERS_REASON)
        assert refused["error"] == "ActionRefusedError"
    assert answered(running_lab, "read")["hidden"] == []


@pytest.mark.parametrize("fault", ["nova-api-stopped", "keystone-stopped"])
def test_without_an_api_it_cannot_tell_and_changes_nothing(running_lab: Lab, host: str, fault: str):
    """A failed probe is no verdict."""
    with running_lab.fault(fault):
        assert nova(running_lab, "read")["error"] == "ProbeError"
        assert nova(running_lab, "workload")["error"] == "ProbeError"
        assert nova(running_lab, "enable", host, DRIVERS_REASON)["error"] == "ActionRefusedError"
