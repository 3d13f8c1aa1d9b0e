"""What a controller says of itself: could it serve a pairing, and should it give it up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.here_bench import STANDBY
from nova_watchdog.core.facts import BusFact, NovaFact, UnitFact, VCenterFact
from nova_watchdog.core.hold.vantage import give_of, vantage_of
from nova_watchdog.core.state import PairingState, Phase


def test_a_controller_that_reaches_all_it_needs_could_serve():
    """The unit may be down, stopped, or run already; a bus that is not read is no reason against it."""
    for unit in (UnitFact.DOWN, UnitFact.STOPPED, UnitFact.UP, UnitFact.CHANGING):
        assert vantage_of(replace(STANDBY, unit=unit)).ready
    assert vantage_of(replace(STANDBY, vcenter=VCenterFact.OK_EARLIER)).ready
    assert vantage_of(replace(STANDBY, bus=BusFact.UNKNOWN)).ready
    assert vantage_of(STANDBY).reason == ""


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        *(({"unit": one}, "unit") for one in (UnitFact.UNKNOWN, UnitFact.MISSING)),
        *(
            ({"vcenter": one}, "vCenter")
            for one in VCenterFact
            if one not in (VCenterFact.OK, VCenterFact.OK_EARLIER)
        ),
        *(({"bus": one}, "message bus") for one in (BusFact.DOWN, BusFact.BLOCKED)),
        *(({"nova": one}, "Nova") for one in (NovaFact.BLIND, NovaFact.UNREAD)),
    ],
)
def test_a_controller_that_lacks_one_of_them_could_not_and_says_which(changed, says):
    """Unknown is not fine."""
    vantage = vantage_of(replace(STANDBY, **changed))
    assert not vantage.ready
    assert says in vantage.reason
    assert ";" not in vantage.reason


def test_all_that_is_lacking_is_told():
    """The remedy needs it."""
    vantage = vantage_of(replace(STANDBY, vcenter=VCenterFact.UNREACHABLE, bus=BusFact.DOWN))
    assert vantage.reason == "vCenter or the cluster is not reached; the message bus is not reached"


def test_before_the_first_look_it_is_not_ready():
    """And it says so."""
    assert vantage_of(None).reason == "not looked at yet"
    assert not vantage_of(None).ready


@pytest.mark.parametrize("phase", list(Phase))
def test_only_a_pairing_that_was_given_up_here_should_move(phase):
    """No human asked: it counts as a move. What was stopped on purpose stays."""
    give = give_of(PairingState(phase=phase))
    assert (give is not None) is (phase is Phase.GIVEN_UP)
    if give is not None:
        assert (give.to, give.by_human) == ("", False)
        assert "budget" in give.why
