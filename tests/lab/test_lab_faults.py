"""Faults do what they say, and their clearing undoes it, as seen from outside the daemon."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest

from figures import BUSY_MACHINE_S
from lab.api.http import HttpError
from lab.api.nova import NovaApi
from lab.controllers import nova_compute
from lab.errors import LabError
from lab.faults.registry import FAULTS
from lab.parts import vcenter
from lab.parts.endpoints import VCENTER_PORT
from lab.silence import REPORT_INTERVAL_S, heartbeats_end

if TYPE_CHECKING:
    from lab.client import Lab

pytestmark = pytest.mark.lab

_OF_VCENTER = {
    "vcenter-refused": "refused",
    "vcenter-silent": "silent",
    "vcenter-503": "status503",
    "vcenter-slow": "slow",
    "vcenter-wrong-password": "wrong-password",
    "vcenter-cert-expiring": "cert-expiring",
    "vcenter-cert-expired": "cert-expiring",
    "vcenter-no-session-privilege": "no-session-privilege",
}
_OF_CLUSTER = (
    *("drs-off", "drs-manual", "host-disconnected", "host-maintenance"),
    *("datastore-lost", "datastore-full", "datastore-not-shared", "cluster-gone", "cluster-recreated"),
)


def _simulator(lab: Lab) -> dict[str, Any]:
    """What the first vCenter says of itself."""
    path = lab.paths.control_socket(lab.topology.vcenter_list[0].name)
    state: dict[str, Any] = vcenter.control(path, "GET", "/state")
    return state


def _touches_nova_compute(lab: Lab, since: float) -> list[Any]:
    """Starts and ends of nova-compute processes."""
    events = lab.events(since)
    return [e for e in events if e["kind"].startswith("process.") and e["unit"].startswith("nova-compute")]


def test_kill_ends_the_process_and_the_observer_sees_it(lab: Lab) -> None:
    """The observer is told by the kernel; the other pairing is not touched."""
    injected = lab.inject("kill", pairing="cluster-a")
    ended = lab.wait_for("process.exit", since=injected["before"], timeout_s=BUSY_MACHINE_S)
    assert ended["unit"] == lab.pairings[0].unit
    print(f"seen {1000 * (ended['t'] - injected['before']):.0f} ms after the injection began")


def test_a_stopped_process_lives_and_reports_again_when_it_is_resumed(lab: Lab) -> None:
    """No heartbeat while it is stopped, one soon after, the same process throughout."""
    host = lab.pairings[0].host
    with lab.fault("stop-process", pairing="cluster-a") as injected:
        heartbeats_end(lab, injected["t"], host=host)
        lab.wait_for("heartbeat", since=injected["t"], timeout_s=REPORT_INTERVAL_S, host=lab.pairings[1].host)
        resumed = lab.now()
    lab.wait_for("heartbeat", since=resumed, timeout_s=2 * REPORT_INTERVAL_S, host=host)
    assert _touches_nova_compute(lab, injected["before"]) == []


@pytest.mark.parametrize(("fault", "in_simulator"), _OF_VCENTER.items())
def test_a_vcenter_fault_is_in_force_until_it_is_cleared(
    running_lab: Lab, fault: str, in_simulator: str
) -> None:
    """The simulator itself tells which faults are on."""
    with running_lab.fault(fault):
        assert in_simulator in _faults_in_force(running_lab)
    assert _faults_in_force(running_lab) == set()


def _faults_in_force(lab: Lab) -> set[str]:
    return {name for name, value in _simulator(lab)["faults"].items() if value}


def test_a_refused_vcenter_refuses_connections_and_accepts_them_again(running_lab: Lab) -> None:
    """ECONNREFUSED, not a connection that is closed later."""
    address = running_lab.topology.vcenter_list[0].address
    with running_lab.fault("vcenter-refused"), pytest.raises(ConnectionRefusedError):
        running_lab.connect(address, VCENTER_PORT)
    running_lab.connect(address, VCENTER_PORT).close()


def test_a_silent_vcenter_accepts_and_says_nothing(running_lab: Lab) -> None:
    """Not even the TLS handshake is answered."""
    address = running_lab.topology.vcenter_list[0].address
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        running_lab.fault("vcenter-silent"),
        running_lab.connect(address, VCENTER_PORT, 1.0) as connection,
        pytest.raises(TimeoutError),
    ):
        context.wrap_socket(connection)
    with running_lab.connect(address, VCENTER_PORT) as connection:
        context.wrap_socket(connection).close()


@pytest.mark.parametrize("fault", _OF_CLUSTER)
def test_a_fault_of_one_cluster_leaves_the_other_alone(running_lab: Lab, fault: str) -> None:
    """Only the cluster behind the pairing changes, and it comes back as it was, moid included."""
    before = {c["name"]: c for c in _simulator(running_lab)["clusters"]}
    own, other = (p.cluster for p in running_lab.pairings)
    with running_lab.fault(fault, pairing="cluster-a"):
        during = {c["name"]: c for c in _simulator(running_lab)["clusters"]}
        assert during.get(own) != before[own]
        assert during[other] == before[other]
    assert {c["name"]: c for c in _simulator(running_lab)["clusters"]} == before


def test_dropped_sessions_are_replaced_by_new_ones(running_lab: Lab) -> None:
    """Clients log in again by themselves; the fault leaves nothing to take back."""
    injected = running_lab.inject("vcenter-drop-sessions")
    running_lab.wait_for("sessions", since=injected["before"], timeout_s=BUSY_MACHINE_S)
    assert running_lab.status()["faults"] == []


def test_a_stopped_api_refuses_and_answers_again(running_lab: Lab) -> None:
    """Nova's API and Keystone, each for itself."""
    assert running_lab.nova.services()
    with running_lab.fault("nova-api-stopped"), pytest.raises(HttpError, match="refused"):
        running_lab.nova.services()
    assert running_lab.nova.services()
    with running_lab.fault("keystone-stopped"), pytest.raises(HttpError, match="refused"):
        NovaApi(running_lab.connect).services()  # without a token from before
    assert NovaApi(running_lab.connect).services()


def test_without_a_conductor_all_heartbeats_end_and_no_process_does(lab: Lab) -> None:
    """The sign of a broken control plane: every pairing at once, every process alive."""
    _heartbeats_end_with(lab, "conductor-stopped")


def test_a_broker_in_a_memory_alarm_ends_heartbeats_and_keeps_consumers(lab: Lab) -> None:
    """Passive declares pass all the while (FACTS: an unanswered ping proves nothing then)."""
    since = lab.now()
    _heartbeats_end_with(lab, "rabbitmq-memory-alarm")
    assert [e for e in lab.events(since, "consumers") if e["consumers"] in (0, None)] == []


def test_a_stopped_broker_leaves_the_number_of_consumers_unknown(lab: Lab) -> None:
    """Unknown, not zero; the number is back after the broker is."""
    host = lab.pairings[0].host
    with lab.fault("rabbitmq-stopped") as injected:
        lab.wait_for("consumers", since=injected["before"], timeout_s=10.0, host=host, consumers=None)
        cleared = lab.now()
    lab.wait_for("consumers", since=cleared, timeout_s=60.0, host=host, consumers=1)
    lab.wait_for("heartbeat", since=cleared, timeout_s=60.0, host=host)
    assert _touches_nova_compute(lab, injected["before"]) == []


def _heartbeats_end_with(lab: Lab, fault: str) -> None:
    with lab.fault(fault) as injected:
        heartbeats_end(lab, injected["t"])
        cleared = lab.now()
    for pairing in lab.pairings:
        lab.wait_for("heartbeat", since=cleared, timeout_s=60.0, host=pairing.host)
    assert _touches_nova_compute(lab, injected["before"]) == []


def test_a_broken_configuration_is_restored_with_owner_and_mode(running_lab: Lab) -> None:
    """Only the pairing's own file is broken, and only its content."""
    file = nova_compute.pairing_file(running_lab.pairings[0])

    def state() -> tuple[str, str]:
        controller = running_lab.controller()
        return controller.run(["stat", "--format=%U:%G %a", file]).stdout, controller.run(
            ["cat", file]
        ).stdout

    owner, text = state()
    assert owner == "root:nova 640\n"
    with running_lab.fault("nova-conf-broken", pairing="cluster-a"):
        owner_broken, broken = state()
        assert owner_broken == owner
        assert broken != text
    assert state() == (owner, text)


def test_a_fault_in_force_cannot_be_injected_twice(running_lab: Lab) -> None:
    """A second injection would take the broken state for the good one."""
    with running_lab.fault("vcenter-503"), pytest.raises(LabError, match="already in force"):
        running_lab.inject("vcenter-503")


def test_an_unknown_fault_is_refused_with_the_list(running_lab: Lab) -> None:
    """By the supervisor itself, not only by the command line."""
    with pytest.raises(LabError, match=f"allowed is {', '.join(FAULTS)}"):
        running_lab.inject("earthquake")


def test_injections_and_clearings_are_recorded_with_the_times_around_them(running_lab: Lab) -> None:
    """Tests judge delays from `before`; the record is written after."""
    start = running_lab.now()
    with running_lab.fault("vcenter-slow", delay=0.5):
        pass
    records = running_lab.events(start, "fault")
    assert [r["action"] for r in records] == ["inject", "clear"]
    assert records[0]["arguments"] == {"vcenter": "vcenter1", "delay": "0.5"}
    times = [value for r in records for value in (r["before"], r["t"])]
    assert times == sorted(times)
