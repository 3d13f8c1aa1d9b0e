"""Schedules of faults as data that Hypothesis makes and shrinks.

They are dense: what follows within one renewal of something else is where protocols break.
"""

from __future__ import annotations

from hypothesis import strategies as st

from nova_watchdog.simulation.chance import value_of
from nova_watchdog.simulation.scenario import AT_ONCE, OF_ALL, OF_PAIRING, Fault, Kind, Scenario, with_faults
from simulation.plays import CONTROLLERS, PAIRINGS

# From one fault to the next: the same instant, the same request, the same renewal, the same deadline, later.
_GAPS_S = (0.0, 0.002, 0.03, 0.3, 1.0, 2.5, 3.0, 3.2, 6.0, 9.0, 14.0, 15.5, 17.9, 20.0, 35.0)
# Around what the protocol counts: a request, a renewal, D, W, and some of each.
_LASTS_S = (0.2, 1.0, 2.9, 3.3, 6.0, 8.0, 11.0, 13.0, 14.8, 15.1, 16.0, 17.8, 18.2, 22.0, 30.0, 45.0, 70.0)
_RATES = (0.999, 1.0, 1.001)
# The daemons begin at 0.5 s and are registered for W at 20 s: most schedules begin later, some do not.
_FIRST_S = (45.0, 46.1, 47.2, 12.0, 21.0, 3.0)
_LASTS_AT_LEAST_S = 60.0


def _rounded(least: float, most: float) -> st.SearchStrategy[float]:
    """Milliseconds, as the words of a fault have them."""
    return st.integers(int(least * 1000), int(most * 1000)).map(lambda ms: ms / 1000)


gaps_s = st.sampled_from(_GAPS_S) | _rounded(0.0, 6.0)
lasts_s = st.sampled_from(_LASTS_S) | _rounded(0.1, 40.0)


@st.composite
def _faults(draw: st.DrawFn) -> list[Fault]:
    at_s = draw(st.sampled_from(_FIRST_S))
    found = []
    for _ in range(draw(st.integers(2, 6))):
        kind = draw(st.sampled_from(list(Kind)))
        target = ""
        if kind in OF_PAIRING:
            target = draw(st.sampled_from(PAIRINGS))
        elif kind not in OF_ALL:
            target = draw(st.sampled_from(CONTROLLERS))
        fault_lasts_s = 0.0 if kind in AT_ONCE else draw(lasts_s)
        value = value_of(kind, draw(st.integers(0, 10)) / 10) if kind in _WITH_VALUE else 0.0
        found.append(Fault(kind, round(at_s, 3), target, fault_lasts_s, value))
        at_s += draw(gaps_s)
    return found


_WITH_VALUE = (Kind.UPGRADE, Kind.STORE_RESTORED)


@st.composite
def schedules(draw: st.DrawFn) -> Scenario:
    """Three controllers, two pairings, clocks that drift, and two to six faults close to one another."""
    rates = draw(st.tuples(*[st.sampled_from(_RATES)] * len(CONTROLLERS)))
    seed = draw(st.integers(0, 999))
    scenario = Scenario(CONTROLLERS, PAIRINGS, _LASTS_AT_LEAST_S, seed=seed, rates=rates)
    return with_faults(scenario, draw(_faults()))
