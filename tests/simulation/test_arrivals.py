"""Pairings that lose their controller together, and arrive together where they go."""

from __future__ import annotations

import asyncio

import pytest

from nova_watchdog.core.snapshot import Transition
from nova_watchdog.core.state import PairingState, Phase
from nova_watchdog.ports import StoreUnavailableError
from nova_watchdog.runtime.ledger import Ledger
from nova_watchdog.simulation.run import Outcome
from nova_watchdog.simulation.scenario import Scenario, parse_fault, with_faults
from simulation.plays import at_s, play_well

_CONTROLLERS = ("ctl1", "ctl2")
# `a` and `c` on ctl1, all at one vCenter.
_PAIRINGS = ("a", "b", "c")
_AT_S = 100.0
_SOON_S = 3.0
_FAILS_FOR_S = 1.5
# A process reports 10 s after its start at the earliest; after that nobody waits for it any more.
_SETTLED_S = 9.0


def _played(*words: str) -> Outcome:
    scenario = Scenario(_CONTROLLERS, _PAIRINGS, lasts_s=60.0, seed=0)
    return play_well(
        with_faults(scenario, [parse_fault(one, _CONTROLLERS, _PAIRINGS) for one in words]), to_the_end=True
    )


@pytest.mark.parametrize("fault", ["kill ctl1 at 100s for 120s", "cut ctl1 at 100s for 120s"])
def test_they_start_at_once(fault: str) -> None:
    """Whoever lost them is what they share, and is dead: nobody waits for the other."""
    outcome = _played(fault)
    runs_s = [at_s(outcome, f"{name} nova-compute runs", "ctl2", after_s=_AT_S) for name in "ac"]
    assert abs(runs_s[0] - runs_s[1]) < _SOON_S


def test_what_crashes_then_waits_as_ever() -> None:
    """One after the other: that they came together is over with their first start."""
    outcome = _played("kill ctl1 at 100s for 300s", "crash a at 140s", "crash c at 140.1s")
    runs_s = [at_s(outcome, f"{name} nova-compute runs", "ctl2", after_s=140.0) for name in "ac"]
    assert abs(runs_s[0] - runs_s[1]) > _SETTLED_S


def test_a_move_that_came_to_nothing_is_no_arrival() -> None:
    """They never left: started again one after the other, where both were stopped for it."""
    outcome = _played(
        "slow-stops a at 69s for 300s",
        "slow-stops c at 69s for 300s",
        "switchover a at 70s",
        "switchover c at 70.1s",
        "kill ctl2 at 72s for 400s",
    )
    dead_s = at_s(outcome, "c nova-compute is dead", "ctl1")
    runs_s = [at_s(outcome, f"{name} nova-compute runs", "ctl1", after_s=dead_s - 1.0) for name in "ac"]
    assert abs(runs_s[0] - runs_s[1]) > _SETTLED_S


def test_a_record_that_is_not_written_for_a_moment_costs_no_arrival(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was done yet: all start when it is written, and none waits for another."""
    save, began_s = Ledger.save, list[float]()

    async def fails_at_first(self: Ledger, state: PairingState, transitions: tuple[Transition, ...]) -> None:
        if state.phase is Phase.RECOVERING:
            now_s = asyncio.get_running_loop().time()
            began_s.append(now_s)
            if now_s - began_s[0] < _FAILS_FOR_S:
                raise StoreUnavailableError("no space left on the disk")
        await save(self, state, transitions)

    monkeypatch.setattr(Ledger, "save", fails_at_first)
    outcome = _played("kill ctl1 at 100s for 120s")
    runs_s = [at_s(outcome, f"{name} nova-compute runs", "ctl2", after_s=_AT_S) for name in "ac"]
    assert abs(runs_s[0] - runs_s[1]) < _SOON_S
    assert began_s[-1] - began_s[0] > _FAILS_FOR_S
