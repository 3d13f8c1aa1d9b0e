"""Two looks show the same of a pairing where all that is said of it is the same, their times aside."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.builders import OK, PAIRING, RECORD, REFUSED, RUNNING, killed, reading, services
from nova_watchdog.core.alike import shows_the_same
from nova_watchdog.core.model import (
    Answer,
    BusOutcome,
    BusView,
    ClusterView,
    ComputeOnBus,
    HostLoad,
    InventoryView,
    Observation,
    Unknown,
    WorkloadView,
)

HOST = PAIRING.host
BUS = ComputeOnBus(Answer.ANSWERED, 0.004, consumers=1, queued=0)
CLUSTER = ClusterView("domain-c1", True, "fullyAutomated", 3, 3, 0)  # noqa: FBT003
INVENTORY = InventoryView("uuid", {PAIRING.cluster: CLUSTER}, 1000.0, ())


def bus(compute: ComputeOnBus = BUS, other: ComputeOnBus = BUS) -> BusView:
    return BusView(BusOutcome.OK, "", Answer.ANSWERED, {HOST: compute, "another": other})


def seen(at_s: float = 200.0, **changed: Any) -> Observation:
    """Everything is fine, but for what is changed: a view, or why there is none."""
    views = {
        "unit": RUNNING,
        "vcenter": OK,
        "services": services(),
        "bus": bus(),
        "inventory": INVENTORY,
        "workload": WorkloadView({HOST: HostLoad(3, ())}),
    }
    return Observation(
        **{
            name: Unknown(view, at_s) if isinstance(view, str) else reading(view, at_s)
            for name, view in (views | changed).items()
        }
    )


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"unit": killed(150)},
        {"services": services(replace(RECORD, updated_at="t1"))},
        {"bus": bus(replace(BUS, took_s=0.1))},
        {"bus": bus(other=replace(BUS, consumers=2))},
        {"vcenter": replace(OK, clusters={**OK.clusters, "another": "domain-c9"})},
        {"services": replace(services(), computes={HOST: RECORD, "another": RECORD})},
        {"inventory": replace(INVENTORY, clusters={PAIRING.cluster: CLUSTER, "another": CLUSTER})},
        {"workload": WorkloadView({HOST: HostLoad(3, ()), "another": HostLoad(9, ())})},
    ],
)
def test_what_is_of_another_pairing_or_of_the_unit_is_no_news(changed):
    """The unit has its own events; a heartbeat, and how long a ping took, never are the same."""
    assert shows_the_same(PAIRING, seen(), seen(205.0, **changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"vcenter": REFUSED},
        {"vcenter": replace(OK, clusters={})},
        {"services": services(replace(RECORD, up=False))},
        {"services": services(replace(RECORD, disabled=True))},
        {"services": services(conductors_up=0)},
        {"services": replace(services(), hidden=frozenset({HOST}))},
        {"bus": bus(replace(BUS, consumers=2))},
        {"bus": BusView(BusOutcome.OK, "", Answer.ANSWERED)},
        {"bus": BusView(BusOutcome.BLOCKED, "")},
        {"inventory": replace(INVENTORY, certificate_expires_in_s=999.0)},
        {"inventory": replace(INVENTORY, clusters={PAIRING.cluster: replace(CLUSTER, connected=2)})},
        {"workload": WorkloadView({HOST: HostLoad(4, ())})},
        *({name: "503"} for name in ("vcenter", "services", "bus", "inventory", "workload")),
    ],
)
def test_any_change_of_what_is_said_of_the_pairing_is_news(changed):
    """Both ways."""
    assert not shows_the_same(PAIRING, seen(), seen(205.0, **changed))
    assert not shows_the_same(PAIRING, seen(**changed), seen(205.0))


def test_a_question_without_an_answer_is_the_same_for_the_same_reason():
    """Whenever it was asked."""
    assert shows_the_same(PAIRING, seen(bus="503"), seen(205.0, bus="503"))
    assert not shows_the_same(PAIRING, seen(bus="503"), seen(205.0, bus="no answer"))


def test_the_very_same_readings_are_not_compared():
    """A tick between two probes."""
    now = seen()
    assert shows_the_same(PAIRING, now, replace(now, unit=reading(killed(), 205.0)))
