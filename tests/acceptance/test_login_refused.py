"""A changed password at vCenter: told, one page, and one attempt, however often the daemon is restarted."""

from __future__ import annotations

import json
import time

import pytest

from acceptance.conftest import wait_until_healthy
from acceptance.judge import Judge
from acceptance.test_process_dies import wait_s
from lab.client import Lab
from lab.controllers.daemon import UNIT

pytestmark = [pytest.mark.lab, pytest.mark.pager]

PAGED_WITHIN_S = 120.0


def logins(lab: Lab, since: str) -> int:
    """How often the daemon tried, by the simulator's own log."""
    lines = (lab.paths.logs / "vcenter1-requests.jsonl").read_text().splitlines()
    requests = [json.loads(line) for line in lines]
    return sum(
        one["method"] == "Login" and one["agent"].startswith("nova-watchdog") and one["time"] >= since
        for one in requests
    )


def test_a_refused_login_is_tried_once_and_pages_once(judges: tuple[Judge, ...]):
    """vCenter's sign-on service locks an account after five; nova-compute is left as it is."""
    lab, pager = judges[0].lab, judges[0].lab.pager()
    pager.settle()
    since, began = lab.now(), time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    lab.inject("vcenter-wrong-password")
    lab.inject("vcenter-drop-sessions")
    for judge in judges:
        judge.wait_for_edge(since, 60, diagnosis="vcenter-login-refused", rule="R41")
    pager.wait_for_page("VCenterLoginRefused", since=since, timeout_s=PAGED_WITHIN_S)
    restarted = lab.now()
    lab.controller().run(["systemctl", "restart", UNIT])
    for judge in judges:
        judge.wait_for_edge(restarted, 60, diagnosis="vcenter-login-refused")
    wait_s(judges[0], 15.0)
    tried = logins(lab, began)
    lab.clear("vcenter-wrong-password")
    lab.heal()
    wait_until_healthy(judges)
    pager.settle()

    assert tried == 1
    pages = [page for page in pager.pages(since) if page["labels"]["alertname"] == "VCenterLoginRefused"]
    assert [page["status"] for page in pages] == ["firing", "resolved"]
    for judge in judges:
        assert not judge.lines(since, "action")
        assert not judge.exits(since)
