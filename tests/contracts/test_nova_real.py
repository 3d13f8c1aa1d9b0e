"""The Nova adapter against the lab's real Nova and Keystone, from inside a controller."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.client import Lab
from lab.controllers.daemon import CLOUDS

pytestmark = pytest.mark.lab

DRIVERS_REASON = "set by vmwareapi host_state"
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
            return dataclasses.asdict(await nova.read())
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


def test_it_reads_every_nova_compute_and_the_conductors(running_lab: Lab, host: str):
    """One request tells all."""
    seen = nova(running_lab, "read")
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
    before = nova(running_lab, "read")["computes"][host]["updated_at"]
    since = running_lab.now()
    for _ in range(2):
        since = running_lab.wait_for("heartbeat", since=since + 0.01, timeout_s=60, host=host)["t"]
    assert nova(running_lab, "read")["computes"][host]["updated_at"] != before


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


@pytest.mark.parametrize("fault", ["nova-api-stopped", "keystone-stopped"])
def test_without_an_api_it_cannot_tell_and_changes_nothing(running_lab: Lab, host: str, fault: str):
    """A failed probe is no verdict."""
    with running_lab.fault(fault):
        assert nova(running_lab, "read")["error"] == "ProbeError"
        assert nova(running_lab, "enable", host, DRIVERS_REASON)["error"] == "ActionRefusedError"
