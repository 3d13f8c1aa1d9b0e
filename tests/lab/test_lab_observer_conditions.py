"""What systemd runs beside a unit's own program is not taken for the unit running."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab.client import Lab

pytestmark = [pytest.mark.lab, pytest.mark.failover]

_TIMES = 20
_SETTLE_S = 0.5


def test_a_start_that_is_refused_is_no_start(lab: Lab) -> None:
    """The condition is a process in the unit's control group, for some milliseconds."""
    unit = lab.pairings[0].unit
    (holder,) = lab.running(unit)
    standby = next(c.name for c in lab.topology.controller_list if c.name != holder)
    since = lab.now()
    for _ in range(_TIMES):
        lab.controller(standby).run(["systemctl", "start", unit], check=False)
    refused = lab.wait_for(
        "journal",
        since=since,
        timeout_s=10.0,
        controller=standby,
        unit=unit,
        predicate=lambda event: "not started" in event["message"],
    )
    assert refused["by"] == "unit"
    time.sleep(_SETTLE_S)
    assert not lab.events(since, "process.start", controller=standby, unit=unit)
    assert lab.overlaps(since) == []


def test_what_a_slow_stop_waits_for_is_no_second_process(lab: Lab) -> None:
    """One process ends, after the wait; the fixture starts it again where it is held."""
    pairing = lab.pairings[0]
    (holder,) = lab.running(pairing.unit)
    with lab.fault("unit-slow-stop", controller=holder, pairing=pairing.name, seconds=2) as fault:
        lab.controller(holder).run(["systemctl", "stop", pairing.unit])
        (run,) = lab.runs(pairing.unit, fault["before"])
        assert run.end_s is not None
        assert run.end_s - fault["t"] >= 2.0
