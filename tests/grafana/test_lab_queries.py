"""Each panel's query on the lab's Prometheus, in the middle of a fault."""

from __future__ import annotations

from functools import partial

import pytest

from alerts.real_parts import until
from grafana.dashboards import annotation_queries, filled, queries
from lab.client import Lab

pytestmark = [pytest.mark.lab, pytest.mark.pager]

_PAGE_TIMEOUT_S = 120.0
_DOWN = 'ALERTS{alertname="PairingDown", alertstate="firing"}'
# The lab's daemon has neither receivers of events nor maintenance windows, unless a test gives it some, and
# without etcd it holds nothing.
_WITHOUT_THEIR_PART = {
    "daemons: Delivered",
    "daemons: Failed and dropped",
    "daemons: Waiting",
    "daemons: Skipped by the calendar",
    "daemons: Store",
    "daemons: Since the last renewal",
    "daemons: Renewals that fail",
    "daemons: Size of etcd",
    "daemons: Alarms of etcd",
    "fleet: Holder",
    "fleet: Standbys that are ready",
    "fleet: Deadline",
    "fleet: Takeovers",
    "pairing: Holder",
    "pairing: Claim",
    "pairing: Ready to take it over",
    "pairing: Deadline",
    "pairing: Moves",
    "pairing: Takeovers",
}


def test_every_panel_has_data_while_a_vcenter_is_away(lab: Lab) -> None:
    """After the alert has come. Nothing was done by the daemon then, so there are no annotations yet."""
    pager = lab.pager()
    pager.settle()
    with lab.fault("vcenter-refused") as fault:
        page = pager.wait_for_page("VCenterDown", since=fault["before"], timeout_s=_PAGE_TIMEOUT_S)
        until(partial(_has_data, lab, _DOWN), "the pairings' alerts fire behind it")
        pairing = lab.prometheus_query(_DOWN)[0]["labels"]["pairing"]
        chosen = {
            "$job": "nova-watchdog",
            "$instance": ".+",
            "$pairing": pairing,
            "$vcenter": f".*{page['labels']['vcenter']}.*",
            "$__rate_interval": "10s",
        }
        empty = [
            query.name for query in queries() if not lab.prometheus_query(filled(query.expression, chosen))
        ]
    assert set(empty) <= _WITHOUT_THEIR_PART
    pager.settle()


def test_an_action_is_marked(lab: Lab) -> None:
    """A nova-compute that was killed and started again is an annotation."""
    pager = lab.pager()
    pager.settle()
    chosen = {
        "$job": "nova-watchdog",
        "$instance": ".+",
        "$pairing": ".+",
        "$vcenter": ".+",
        "$__rate_interval": "10m",
    }
    with lab.fault("kill", pairing=lab.topology.pairings[0].name):
        for query in annotation_queries():
            expression = filled(query.expression, chosen)
            until(partial(_has_data, lab, expression), f"{query.name} has data")
    pager.settle()


def _has_data(lab: Lab, expression: str) -> bool:
    return bool(lab.prometheus_query(expression))
