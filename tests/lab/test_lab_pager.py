"""The lab with Prometheus, Alertmanager and a recording receiver."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from lab.api.http import HttpError
from lab.client.controller import init_pid
from lab.controllers.daemon import HTTP_PORT, UNIT
from lab.parts import receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.client import Lab
    from lab.client.pager import Pager

pytestmark = [pytest.mark.lab, pytest.mark.pager]

_PARTS = ("prometheus", "alertmanager", "receiver")
_PAGE_TIMEOUT_S = 60.0


@pytest.fixture
def pager(lab: Lab) -> Iterator[Pager]:
    """The pager, with nothing firing before the test and after it."""
    pager = lab.pager()
    pager.settle()
    yield pager
    lab.heal()
    pager.settle()


def test_prometheus_scrapes_every_controller(lab: Lab, pager: Pager) -> None:
    """Under the job's name that the alerts count on, and the controller's name as its instance."""
    up = {found["labels"]["instance"]: found["value"] for found in lab.prometheus_query("up")}
    assert up == {f"{c.name}:{HTTP_PORT}": 1.0 for c in lab.topology.controller_list}
    assert {found["labels"]["job"] for found in pager.query("up")} == {"nova-watchdog"}


def test_an_alert_reaches_the_receiver_once_and_is_resolved(lab: Lab, pager: Pager) -> None:
    """One that no rule made, so that this tests the way alone."""
    since = lab.now()
    pager.post_alert("LabTest", pairing="cluster-a", severity="warning")
    page = pager.wait_for_page("LabTest", since=since, timeout_s=_PAGE_TIMEOUT_S, pairing="cluster-a")
    assert page["labels"] == {"alertname": "LabTest", "pairing": "cluster-a", "severity": "warning"}
    pager.post_alert("LabTest", resolved=True, pairing="cluster-a", severity="warning")
    pager.wait_for_resolved("LabTest", since=page["t"], timeout_s=_PAGE_TIMEOUT_S)
    pager.settle()
    assert [p["status"] for p in pager.pages(since)] == ["firing", "resolved"]


def test_an_alert_that_joins_a_group_does_not_page_its_neighbours_again(lab: Lab, pager: Pager) -> None:
    """The notification names both; what was told before is marked as repeated."""
    since = lab.now()
    pager.post_alert("LabTest", pairing="cluster-a", controller="ctl1")
    pager.wait_for_page("LabTest", since=since, timeout_s=_PAGE_TIMEOUT_S, controller="ctl1")
    pager.post_alert("LabTest", pairing="cluster-a", controller="ctl2")
    pager.wait_for_page("LabTest", since=since, timeout_s=_PAGE_TIMEOUT_S, controller="ctl2")
    for controller in ("ctl1", "ctl2"):
        pager.post_alert("LabTest", resolved=True, pairing="cluster-a", controller=controller)
    pager.settle()
    for controller in ("ctl1", "ctl2"):
        assert [p["status"] for p in pager.pages(since, controller=controller)] == ["firing", "resolved"]
    assert len(pager.pages(since, repeated=True, controller="ctl1")) > 2
    assert len(pager.incidents(since)) == 1


def test_a_stopped_daemon_pages_and_resolves_through_the_repositorys_rules(lab: Lab, pager: Pager) -> None:
    """The scrape, the rule in the lab's pace, the repository's route, the receiver."""
    since = lab.now()
    lab.controller("ctl1").run(["systemctl", "stop", UNIT])
    page = pager.wait_for_page("WatchdogDown", since=since, timeout_s=_PAGE_TIMEOUT_S)
    assert page["annotations"]["runbook_url"].endswith("WatchdogDown.md")
    lab.controller("ctl1").run(["systemctl", "start", UNIT])
    pager.wait_for_resolved("WatchdogDown", since=page["t"], timeout_s=_PAGE_TIMEOUT_S)


def test_a_killed_prometheus_is_reported_and_comes_back_with_its_data(lab: Lab, pager: Pager) -> None:
    """`status` shows it stopped, the record says when; the next start finds what was scraped before."""
    since = lab.now()
    killed = lab.status()["parts"]["prometheus"]
    namespaces = ["nsenter", "--target", str(init_pid(lab.paths)), "--pid", "--mount"]
    subprocess.run([*namespaces, "kill", "-9", str(killed)], check=True)
    lab.wait_for("part", since=since, timeout_s=10.0, name="prometheus", pid=None, before=killed)
    assert lab.status()["parts"]["prometheus"] is None
    with pytest.raises(HttpError, match="refused"):
        pager.query("up")
    lab.request("start-part", name="prometheus")
    assert pager.query(f"count_over_time(up[10m] offset {lab.now() - since + 1:.0f}s)") != []


@pytest.mark.parametrize("status", [500, receiver.HANG])
def test_a_page_arrives_when_the_receiver_takes_it_again(lab: Lab, pager: Pager, status: int) -> None:
    """What it refused or left hanging is in the record, and is no page."""
    since = lab.now()
    with pager.misbehaving("webhook", status):
        pager.post_alert("LabTest")
        lab.wait_for("page", since=since, timeout_s=_PAGE_TIMEOUT_S, alertname="LabTest", answered=status)
        assert pager.pages(since) == []
    page = pager.wait_for_page("LabTest", since=since, timeout_s=_PAGE_TIMEOUT_S)
    pager.post_alert("LabTest", resolved=True)
    pager.wait_for_resolved("LabTest", since=page["t"], timeout_s=_PAGE_TIMEOUT_S)
