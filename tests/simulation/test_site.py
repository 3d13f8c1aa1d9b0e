"""The simulated daemon is the real one: what its keeper asks and tells goes by the real way."""

from __future__ import annotations

from nova_watchdog.core.hold.rules import TABLE
from nova_watchdog.simulation.site import Intervals
from nova_watchdog.simulation.world import SimulatedWorld
from simulation.plays import said

_SETTLED_S = 30.0


def test_what_the_keeper_does_is_in_the_pairing_s_history_and_told_once() -> None:
    """As the rule of holding that it is, not again as an edge of the pairing's diagnosis."""
    world = SimulatedWorld(said(), Intervals())
    try:
        world.timeline.run_until(_SETTLED_S)
        shown = world.sites["ctl1"].loops["a"].snapshot
    finally:
        world.close()
    assert shown is not None
    why = next(rule.why for rule in TABLE if rule.number == "H20")
    assert ("claim", f"H20: {why}: done") in [(one.action, one.why) for one in shown.transitions]
    told = [str(line).split(None, 2)[2] for line in world.trace.lines if why in str(line)]
    assert told == [f"a H20 {why}", f"b H20 {why}"]
