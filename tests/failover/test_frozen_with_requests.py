"""A nova-compute takes requests while it is frozen: what becomes of each, and what is told of it."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import pyVmomi

from failover.conftest import wait_until_all_served
from failover.scene import Scene, Takeover
from failover.traffic import Traffic
from figures import Report
from lab import accounts
from lab.parts import endpoints

pytestmark = [pytest.mark.lab, pytest.mark.failover]

_SERVERS = 4
_DEAD_WITHIN_S = 3.0
_ENDED_WITHIN_S = 150.0
# RabbitMQ's figures of a queue are up to 5 s old.
_FIGURES_AFTER_S = 6.0
# `openstack.workload_interval_s`, and what a reading may take.
_READ_WITHIN_S = 75.0
# How long RabbitMQ waits for a client to agree to the end of its connection, and then a moment.
_GIVEN_UP_AFTER_S = 33.0
# Before that, however slow the new one is.
_SOON_S = 27.0
_POLL_S = 0.5


@dataclass
class Seen:
    """What was asked of the frozen nova-compute, and what was seen of it. Servers by their ids."""

    scene: Scene
    traffic: Traffic
    old: str
    before: list[str] = field(default_factory=list)
    """Servers that were asked for while it was the holder."""
    after: list[str] = field(default_factory=list)
    """Those that were asked for once the new holder's had reported to Nova."""
    in_queue: dict[str, int] = field(default_factory=dict)
    """RabbitMQ's figures of its queue while it was frozen."""
    at_thaw: dict[str, str] = field(default_factory=dict)
    """How those of `before` were right before the thaw."""
    ends: dict[str, str] = field(default_factory=dict)
    """How each was once each had an end, or after a bound."""
    thaw_s: float = 0.0
    thawed_at: str = ""
    """The same by the wall clock."""

    def ask(self, into: list[str]) -> None:
        """Ask for servers, and make as many calls."""
        for _ in range(_SERVERS):
            into.append(self.traffic.ask())
            self.traffic.call()

    def statuses(self, servers: list[str]) -> dict[str, str]:
        """What Nova says of them now."""
        found = self.scene.lab.nova.server_states()
        return {one: found.get(one, "gone") for one in servers}

    def counts(self, servers: list[str]) -> Counter[str]:
        """How many ended how."""
        return Counter(self.ends[one] for one in servers)


def queue_figures(scene: Scene) -> dict[str, int]:
    """The messages of the pairing's queue: taken and not acknowledged, and waiting."""
    found = scene.broker(f"/api/queues/%2F/compute.{scene.pairing.host}")
    return {name: int(found.get(f"messages_{name}", 0)) for name in ("unacknowledged", "ready")}


def machines(scene: Scene) -> Counter[str]:
    """How many virtual machines vCenter has of each server: nova names them by its id."""
    return scene.lab.in_network(lambda: _machines(scene))


def _machines(scene: Scene) -> Counter[str]:
    library: Any = pyVmomi
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    stub = library.SoapStubAdapter(
        host=scene.pairing.vcenter.address, port=endpoints.VCENTER_PORT, sslContext=tls
    )
    vim = library.vim
    content = vim.ServiceInstance("ServiceInstance", stub).RetrieveContent()
    content.sessionManager.Login(accounts.VCENTER_USER, accounts.VCENTER_PASSWORD)
    try:
        view = content.viewManager.CreateContainerView(
            content.rootFolder, [vim.VirtualMachine], recursive=True
        )
        found = [machine.config.instanceUuid for machine in view.view]
        view.Destroy()
        return Counter(found)
    finally:
        content.sessionManager.Logout()
        stub.DropConnections()


def changes_asked_for(seen: Seen) -> int:
    """What the thawed nova-compute asked vCenter to change: the methods that make tasks."""
    scene = seen.scene
    address = scene.lab.topology.controller(seen.old).address
    log = scene.lab.paths.logs / f"{scene.pairing.vcenter.name}-requests.jsonl"
    found = 0
    with log.open() as lines:
        for request in map(json.loads, lines):
            is_its = request["client"].startswith(f"{address}:") and request["time"] >= seen.thawed_at
            found += is_its and request["method"].endswith("_Task")
    return found


def begun_twice(seen: Seen) -> list[str]:
    """Servers of which Nova has two begins of their build: the thawed nova-compute's is one of them."""
    return [one for one in seen.before if _builds_begun(seen.scene, one) > 1]


def _builds_begun(scene: Scene, server: str) -> int:
    path, found = f"/servers/{server}/os-instance-actions", []
    for action in scene.lab.nova.request("GET", path)["instanceActions"]:
        told = scene.lab.nova.request("GET", f"{path}/{action['request_id']}")["instanceAction"]
        found += [event["event"] for event in told["events"]]
    return found.count("compute__do_build_and_run_instance")


def in_build(scene: Scene) -> tuple[int, int]:
    """Servers in BUILD that Nova has on this nova-compute, and those that it has nowhere yet."""
    servers = scene.lab.nova.request("GET", "/servers/detail?status=BUILD")["servers"]
    hosts = [server["OS-EXT-SRV-ATTR:host"] for server in servers]
    return hosts.count(scene.pairing.host), hosts.count(None)


def builds_told(scene: Scene, controller: str) -> int:
    """How many builds the daemon counts, by a reading that begins after this is asked."""
    asked_s = time.monotonic()
    while True:
        reading = scene.said(controller).get("readings", {}).get("workload", {})
        if reading.get("known") and reading["load"] and reading["age_s"] < time.monotonic() - asked_s:
            return len(reading["load"]["builds_s"])
        if time.monotonic() - asked_s > _READ_WITHIN_S:
            raise TimeoutError(f"no new reading of the workload within {_READ_WITHIN_S:g} s: {reading}")
        time.sleep(_POLL_S)


def wait_to_thaw(seen: Seen, start_s: float, when: str) -> None:
    """Return when the moment has come; see the test."""
    lab = seen.scene.lab
    until_s = start_s + {"soon": _SOON_S, "late": _GIVEN_UP_AFTER_S}[when]
    while lab.now() < until_s:
        if when == "soon" and set(seen.statuses(seen.before).values()) == {"ACTIVE"}:
            return
        time.sleep(_POLL_S)


def freeze_ask_and_thaw(seen: Seen, when: str) -> Takeover:
    """The fault: what is asked for goes to the frozen one, until another one has taken over."""
    scene, lab, traffic = seen.scene, seen.scene.lab, seen.traffic
    unit = scene.pairing.unit
    with lab.fault("controller-frozen", controller=seen.old) as fault:
        seen.ask(seen.before)
        time.sleep(_FIGURES_AFTER_S)
        seen.in_queue = queue_figures(scene)
        start = lab.wait_for("process.start", since=fault["before"], timeout_s=150, unit=unit)
        wait_to_thaw(seen, start["t"], when)
        seen.at_thaw = seen.statuses(seen.before)
        seen.thawed_at = dt.datetime.now(dt.UTC).isoformat()
        (thaw, *_) = lab.clear("controller-frozen", controller=seen.old)
    seen.thaw_s = thaw["before"]
    lab.wait_for("process.exit", since=seen.thaw_s, timeout_s=30, unit=unit, controller=seen.old)
    takeover = scene.wait_for_takeover(seen.old, fault["before"])
    seen.ask(seen.after)
    seen.ends = traffic.ends(_ENDED_WITHIN_S)
    return takeover


@pytest.mark.parametrize("when", ["soon", "late"])
def test_what_a_frozen_nova_compute_took_is_counted(scenes: list[Scene], report: Report, *, when: str):
    """Thawed when the new one has built what was asked for, or long after.

    RabbitMQ gives the new one what the frozen one did not acknowledge. It keeps the connection that it
    closed for 30 s more if the client does not answer: thawed within these, the old one takes what lies
    in its socket too, and is killed at it.
    """
    scene, lab = scenes[0], scenes[0].lab
    (old,) = scene.running()
    since = lab.now()
    with Traffic(lab, scene.pairing.host) as traffic:
        seen = Seen(scene, traffic, old)
        traffic.begin()
        takeover = freeze_ask_and_thaw(seen, when)
        vms = machines(scene)
        # One that is merely slow may end while the daemon reads.
        (most, _), told, (here, nowhere) = in_build(scene), builds_told(scene, takeover.new), in_build(scene)
        traffic.answered()
        begun = begun_twice(seen)
        tell(report, seen, takeover, when, begun)
        report(
            f"  in BUILD: {here} here, which the daemon tells as {told}, and {nowhere} that Nova has nowhere"
        )
    assert takeover.dead_s - seen.thaw_s < _DEAD_WITHIN_S
    assert not scene.overlaps(since)
    assert seen.counts(seen.before).total() == seen.counts(seen.after).total() == _SERVERS
    assert set(seen.ends.values()) <= {"ACTIVE", "ERROR", "ERROR for no reason", "BUILD"}, "each is counted"
    after = seen.counts(seen.after)
    assert after["ACTIVE"] > 0, "only the new one ever had these"
    assert after["ACTIVE"] + after["ERROR"] == _SERVERS, f"none is forgotten: {after}"
    assert max(vms[one] for one in traffic.servers) == 1, "none is served by two"
    assert all(vms[one] for one, end in seen.ends.items() if end == "ACTIVE")
    assert here <= told <= most
    if when == "late":
        assert not begun, "it could acknowledge nothing"
        assert seen.counts(seen.before)["BUILD"] == 0
    wait_until_all_served(scenes)


def tell(report: Report, seen: Seen, takeover: Takeover, when: str, begun: list[str]) -> None:
    """The counts."""
    report(
        f"frozen with requests, thawed {when}, {seen.thaw_s - takeover.start_s:.1f} s after the new start: "
        f"dead {takeover.dead_s - seen.thaw_s:.2f} s later; RabbitMQ had {words(seen.in_queue)} in its queue"
    )
    changed = [one for one in seen.before if seen.at_thaw[one] == "ACTIVE" != seen.ends[one]]
    report(
        f"  {_SERVERS} servers asked for while frozen: {words(seen.counts(seen.before))}; at the thaw "
        f"{words(Counter(seen.at_thaw.values()))}; {len(begun)} begun a second time "
        f"({changes_asked_for(seen)} changes asked of vCenter), {len(changed)} were ACTIVE and are no more"
    )
    report(f"  {_SERVERS} asked for after the heartbeat elsewhere: {words(seen.counts(seen.after))}")
    report(f"  reasons that Nova tells: {'; '.join(sorted(seen.traffic.why_not())) or '-'}")
    calls = seen.traffic.calls
    for name, of_phase in (
        ("while frozen", [call for call in calls if call.asked_s < takeover.start_s]),
        ("afterwards", [call for call in calls if call.asked_s >= takeover.start_s]),
    ):
        answered_s = [call.took_s for call in of_phase if not call.error]
        errors = sorted({call.error[:60] for call in of_phase if call.error})
        report(
            f"  calls {name}: {len(answered_s)} of {len(of_phase)} answered, the slowest after "
            f"{max(answered_s, default=0.0):.1f} s; {', '.join(errors) or 'no error'}"
        )


def words(counts: Mapping[str, int]) -> str:
    """For a report."""
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing"
