"""Faults of Nova's control plane and of its service records, as seen from outside the daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lab.accounts import ADMIN_PASSWORD, ADMIN_USER
from lab.api.http import HttpError, json_request
from lab.api.nova import authenticate
from lab.errors import LabError
from lab.faults.service_record import OPERATORS_REASON
from lab.parts import endpoints
from lab.silence import REPORT_INTERVAL_S, heartbeats_end

if TYPE_CHECKING:
    from lab.client import Lab

pytestmark = pytest.mark.lab

_CELL_DOWN_MICROVERSION = "2.69"


def _services(lab: Lab, microversion: str) -> list[dict[str, Any]]:
    """The nova-computes in os-services at a microversion."""
    token = authenticate(ADMIN_USER, ADMIN_PASSWORD, "admin", connect=lab.connect)
    headers = {"X-Auth-Token": token, "OpenStack-API-Version": f"compute {microversion}"}
    answer = json_request("GET", f"{endpoints.NOVA}/os-services", None, headers, connect=lab.connect)
    return [service for service in answer.content["services"] if service["binary"] == "nova-compute"]


def _processes_touched(lab: Lab, since: float) -> list[Any]:
    return [e for e in lab.events(since) if e["kind"].startswith("process.") and "compute" in e["unit"]]


def test_a_cell_that_is_down_hides_its_services_and_stops_nothing(lab: Lab) -> None:
    """Left out before 2.69, UNKNOWN from there on; hypervisors cannot be read; heartbeats go on."""
    hosts = {pairing.host for pairing in lab.pairings}
    with lab.fault("cell-down") as injected:
        assert _services(lab, "2.53") == []
        hidden = _services(lab, _CELL_DOWN_MICROVERSION)
        assert {service["host"] for service in hidden} == hosts
        assert {service["status"] for service in hidden} == {"UNKNOWN"}
        with pytest.raises(HttpError, match="HTTP 500"):
            lab.nova.request("GET", "/os-hypervisors/detail")
        for host in hosts:
            since = lab.wait_for("heartbeat", since=injected["t"], timeout_s=30.0, host=host)["t"]
            lab.wait_for("heartbeat", since=since + 0.01, timeout_s=30.0, host=host)
    assert {service["host"] for service in _services(lab, "2.53")} == hosts
    assert {service["status"] for service in _services(lab, _CELL_DOWN_MICROVERSION)} == {"enabled"}
    assert _processes_touched(lab, injected["before"]) == []


@pytest.mark.parametrize("fault", ["conductor-frozen", "rabbitmq-disk-alarm"])
def test_heartbeats_end_and_consumers_stay(lab: Lab, fault: str) -> None:
    """Neither stops a process or a queue, and both are over when they are cleared."""
    with lab.fault(fault) as injected:
        heartbeats_end(lab, injected["t"])
        cleared = lab.now()
    for pairing in lab.pairings:
        lab.wait_for("heartbeat", since=cleared, timeout_s=90.0, host=pairing.host)
    assert [e for e in lab.events(injected["t"], "consumers") if e["consumers"] in (0, None)] == []
    assert _processes_touched(lab, injected["before"]) == []


def test_a_slow_compute_reports_and_stays_the_same_process(lab: Lab) -> None:
    """Heartbeats go on, though late; the other pairing's are as ever; afterwards all is as before."""
    host, other = (pairing.host for pairing in lab.pairings)
    with lab.fault("slow-compute", pairing="cluster-a") as injected:
        since = injected["t"]
        for _ in range(3):
            since = lab.wait_for("heartbeat", since=since + 0.01, timeout_s=60.0, host=host)["t"]
        slow = [e["t"] for e in lab.events(injected["t"], "heartbeat", host=host)]
        usual = [e["t"] for e in lab.events(injected["t"], "heartbeat", host=other)]
    print("slow-compute: heartbeats after", [f"{t - injected['t']:.1f} s" for t in slow])
    assert len(usual) >= len(slow)
    cleared = lab.now()
    lab.wait_for("heartbeat", since=cleared, timeout_s=2 * REPORT_INTERVAL_S, host=host)
    assert _processes_touched(lab, injected["before"]) == []


def test_an_operators_disable_has_a_reason_and_is_taken_back(lab: Lab) -> None:
    """The other service is left alone."""
    host, other = (pairing.host for pairing in lab.pairings)
    with lab.fault("service-disabled", pairing="cluster-a"):
        record = lab.nova.service(host)
        assert (record["status"], record["disabled_reason"]) == ("disabled", OPERATORS_REASON)
        assert lab.nova.service(other)["status"] == "enabled"
    assert lab.nova.service(host)["status"] == "enabled"


def test_a_service_that_is_forced_down_is_down_though_it_reports(lab: Lab) -> None:
    """Nova believes the operator, not the heartbeat."""
    host = lab.pairings[0].host
    with lab.fault("forced-down", pairing="cluster-a") as injected:
        record = lab.nova.service(host)
        assert (record["state"], record["forced_down"]) == ("down", True)
        lab.wait_for("heartbeat", since=injected["t"], timeout_s=2 * REPORT_INTERVAL_S, host=host)
    assert lab.nova.service(host)["forced_down"] is False


def test_a_disable_without_an_api_is_refused_with_the_reason(lab: Lab) -> None:
    """The fault was not injected, and the board says so."""
    with lab.fault("nova-api-stopped"), pytest.raises(LabError, match="refused"):
        lab.inject("service-disabled", pairing="cluster-a")
    assert lab.status()["faults"] == []
