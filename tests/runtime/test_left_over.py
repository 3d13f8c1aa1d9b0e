"""What is left of a dead unit still runs: nothing is released or taken over it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from nova_watchdog.core.hold.rules import HereFact
from nova_watchdog.core.model import Mode, Pairing, UnitState
from nova_watchdog.runtime.hands import Hands
from nova_watchdog.runtime.hold_ports import KeeperPorts
from nova_watchdog.simulation.parts.unit_states import NEVER_STARTED, obstacle_to_start

PAIRING = Pairing("a", "nova-compute@a.service", "host-a", "vc/u", "cluster-a", Mode.PROTECT)


class OneUnit:
    """Shows one state."""

    def __init__(self, state: UnitState) -> None:
        self._state = state

    async def read(self, unit: str) -> UnitState:
        """The state, of whatever unit."""
        del unit
        return self._state


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({}, HereFact.DEAD),
        ({"left_over": True}, HereFact.RUNS),
        ({"main_pid": 7}, HereFact.RUNS),
        ({"job": "start"}, HereFact.UNSURE),
    ],
)
async def test_a_unit_is_dead_only_with_an_empty_control_group(
    changes: dict[str, object], fact: HereFact
) -> None:
    """A child that outlived its unit goes on with nova-compute's work."""
    state = replace(NEVER_STARTED, **changes)  # type: ignore[arg-type]
    ports = cast("KeeperPorts", SimpleNamespace(units=OneUnit(state)))
    assert await Hands(ports).here(PAIRING) is fact


def test_a_unit_with_something_left_over_is_not_started() -> None:
    """The simulated systemd refuses as the adapter does."""
    assert (
        obstacle_to_start(replace(NEVER_STARTED, left_over=True), "") == "processes of its last run are left"
    )
