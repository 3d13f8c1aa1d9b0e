"""What the daemon tells by itself: an action at PagerDuty and at every Alertmanager, begun and over."""

from __future__ import annotations

import pytest

from acceptance.judge import Judge
from lab.parts import receiver

pytestmark = [pytest.mark.lab, pytest.mark.pager]

TOLD_WITHIN_S = 120.0


def test_a_restart_is_told_to_every_receiver_and_its_end_too(judges: tuple[Judge, ...]):
    """One trigger and one resolve with one dedup key; the second Alertmanager is told as well."""
    lab, judge = judges[0].lab, judges[0]
    since = lab.now()
    lab.inject("kill", pairing=judge.pairing.name)
    lab.wait_for("pagerduty", since=since, timeout_s=TOLD_WITHIN_S, action="resolve")
    events = lab.events(since, "pagerduty")
    assert [one["action"] for one in events] == ["trigger", "resolve"]
    assert len({one["dedup_key"] for one in events}) == 1
    assert all(one["key_is_right"] for one in events)
    assert "R39" in str(events[0]["payload"])
    alerts = [alert for alert in lab.events(since, "alert") if alert["alertname"] == "WatchdogActed"]
    assert judge.pairing.name in {alert["labels"]["pairing"] for alert in alerts}


@pytest.mark.parametrize(("status", "which"), [(429, 1), (500, 1), (receiver.HANG, 0)])
def test_a_receiver_that_hangs_or_refuses_delays_no_start(judges: tuple[Judge, ...], status: int, which: int):
    """The process is back long before the receiver is, which is then told all the same."""
    lab, judge = judges[0].lab, judges[which]  # a budget of starts is one pairing's
    since = lab.now()
    with lab.pager().misbehaving("pagerduty", status):
        lab.inject("kill", pairing=judge.pairing.name)
        process = judge.wait_for_start(since, 60)
        judge.wait_for_heartbeat(process, 120)
    back = lab.now()
    lab.wait_for("pagerduty", since=back - 1, timeout_s=TOLD_WITHIN_S, answered=receiver.DOORS["pagerduty"])
