"""What a controller says of itself: could it serve a pairing, and should it give it up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.builders import OK, PAIRING, REFUSED, RUNNING, observation
from core.here_bench import STANDBY
from nova_watchdog.core.facts import BusFact, HeartbeatFact, HoldFact, NovaFact, UnitFact, VCenterFact
from nova_watchdog.core.hold.moves import HoldPolicy
from nova_watchdog.core.hold.vantage import give_of, vantage_of
from nova_watchdog.core.memory import Memory, carried_over, remember
from nova_watchdog.core.model import (
    BusOutcome,
    BusView,
    Observation,
    Reading,
    Unknown,
    VCenterOutcome,
    VCenterView,
)
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
    assert len(vantage.failing) == 1


def test_all_that_is_lacking_is_told():
    """The remedy needs it."""
    vantage = vantage_of(replace(STANDBY, vcenter=VCenterFact.UNREACHABLE, bus=BusFact.DOWN))
    assert vantage.reason == "vCenter or the cluster is not reached; the message bus is not reached"
    assert vantage.failing == ("vcenter", "message-bus")


def test_before_the_first_look_it_is_not_ready():
    """And it says so."""
    assert vantage_of(None).reason == "not looked at yet"
    assert (vantage_of(None).ready, vantage_of(None).failing) == (False, ())


@pytest.mark.parametrize("phase", list(Phase))
def test_only_a_pairing_that_was_given_up_here_should_move(phase):
    """No human asked: it counts as a move. What was stopped on purpose stays."""
    give = give_of(PairingState(phase=phase))
    assert (give is not None) is (phase is Phase.GIVEN_UP)
    if give is not None:
        assert (give.to, give.by_human) == ("", False)
        assert "budget" in give.why
        assert give.has_failed


# --- served, and proven


SERVED = replace(STANDBY, unit=UnitFact.UP, heartbeat=HeartbeatFact.FRESH, hold=HoldFact.HELD)


def test_it_serves_where_it_is_held_runs_reports_and_reaches_its_vcenter():
    """Nothing less ends a move: the next one waits for it."""
    assert vantage_of(SERVED).serves
    for changed in (
        {"hold": HoldFact.ALONE},
        {"unit": UnitFact.CHANGING},
        {"vcenter": VCenterFact.UNREACHABLE},
        {"heartbeat": HeartbeatFact.AWAITED},
    ):
        assert not vantage_of(replace(SERVED, **changed)).serves


def test_a_bus_that_is_not_read_is_told_as_unproven():
    """It is no reason against it, and no proof."""
    assert vantage_of(replace(STANDBY, bus=BusFact.UNKNOWN)).unproven == ("message-bus",)
    assert vantage_of(STANDBY).unproven == ()


# --- the path is lost here


LOST = replace(SERVED, vcenter=VCenterFact.UNREACHABLE)
BUS_LOST = replace(SERVED, bus=BusFact.DOWN, heartbeat=HeartbeatFact.STALE)
LONG = Memory(0.0, vcenter_lost_held_s=60.0, bus_lost_held_s=60.0)
SHORT = Memory(0.0, vcenter_lost_held_s=59.9, bus_lost_held_s=59.9)
WATCHING = PairingState(phase=Phase.WATCHING)
POLICY = HoldPolicy()


def test_a_vcenter_that_is_not_reached_from_here_for_long_enough_is_a_reason_to_move():
    """Whether a standby reaches it is asked of its record, and for as long."""
    give = give_of(WATCHING, LOST, LONG, POLICY)
    assert give is not None
    assert (give.why, give.ready_for_s, give.has_failed) == ("the path to vCenter is lost here", 60.0, False)
    assert give_of(WATCHING, LOST, SHORT, POLICY) is None
    assert give_of(WATCHING, LOST, SHORT, HoldPolicy(path_lost_hold_s=45.0)) is not None
    assert give_of(WATCHING, LOST) is None
    assert give_of(WATCHING) is None


@pytest.mark.parametrize("vcenter", [one for one in VCenterFact if one is not VCenterFact.UNREACHABLE])
def test_a_refused_login_a_cluster_that_is_gone_and_the_unknown_are_no_lost_path(vcenter):
    """They would be the same elsewhere, or nobody knows."""
    assert give_of(WATCHING, replace(LOST, vcenter=vcenter), LONG, POLICY) is None


@pytest.mark.parametrize("unit", list(UnitFact))
def test_what_a_human_stopped_and_what_is_not_known_does_not_move(unit):
    """What is down moves, and what is just being stopped for it goes on."""
    moves = unit in (UnitFact.UP, UnitFact.DOWN, UnitFact.CHANGING)
    give = give_of(WATCHING, replace(LOST, unit=unit), LONG, POLICY)
    assert (give is not None) is moves
    assert give is None or give.begins is (unit is not UnitFact.CHANGING)


@pytest.mark.parametrize("phase", [Phase.NEW, Phase.STOPPED])
def test_what_nobody_wants_to_run_does_not_move(phase):
    """A human stopped it, or it is not ours."""
    assert give_of(PairingState(phase=phase), LOST, LONG, POLICY) is None


def test_a_bus_that_is_not_reached_counts_only_with_novas_word():
    """As long as Nova hears of it, nova-compute reaches the bus."""
    give = give_of(WATCHING, BUS_LOST, LONG, POLICY)
    assert give is not None
    assert (give.why, give.ready_for_s) == ("the path to the message bus is lost here", 60.0)
    assert give.proves == ("message-bus",)
    assert give_of(WATCHING, BUS_LOST, SHORT, POLICY) is None
    for heartbeat in (HeartbeatFact.FRESH, HeartbeatFact.UNSEEN, HeartbeatFact.ELSEWHERE):
        assert give_of(WATCHING, replace(BUS_LOST, heartbeat=heartbeat), LONG, POLICY) is None
    assert give_of(WATCHING, replace(BUS_LOST, heartbeat=HeartbeatFact.AWAITED), LONG, POLICY) is not None
    for nova in (one for one in NovaFact if one is not NovaFact.KNOWN):
        assert give_of(WATCHING, replace(BUS_LOST, nova=nova), LONG, POLICY) is None
    assert give_of(WATCHING, replace(BUS_LOST, bus=BusFact.BLOCKED), LONG, POLICY) is None
    down = replace(BUS_LOST, unit=UnitFact.DOWN, nova=NovaFact.BLIND)
    assert give_of(WATCHING, down, LONG, POLICY) is not None


# --- a start that never worked


NEVER = replace(SERVED, heartbeat=HeartbeatFact.STALE)
RECOVERING = PairingState(phase=Phase.RECOVERING)


def test_a_start_that_never_reported_is_given_back():
    """With all that it needs for a report at hand."""
    give = give_of(RECOVERING, NEVER, LONG, POLICY)
    assert give is not None
    assert (give.why, give.has_failed) == ("it was started here and never reported", True)
    assert give_of(WATCHING, NEVER, SHORT, POLICY) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"heartbeat": HeartbeatFact.AWAITED},
        {"heartbeat": HeartbeatFact.FRESH},
        {"unit": UnitFact.DOWN},
        {"vcenter": VCenterFact.UNREACHABLE},
        {"bus": BusFact.UNKNOWN},
        {"nova": NovaFact.CONDUCTORS_DOWN},
    ],
)
def test_a_start_that_may_still_come_up_is_left_alone(changed):
    """With many instances it takes minutes; without the bus it says nothing."""
    assert give_of(RECOVERING, replace(NEVER, **changed), SHORT, POLICY) is None


def test_a_start_whose_calls_to_vcenter_go_on_is_not_given_back():
    """It would begin anew elsewhere. A spent budget and a lost path are what they were."""
    assert give_of(RECOVERING, NEVER, LONG, POLICY, still_starts=True) is None
    assert give_of(PairingState(phase=Phase.GIVEN_UP), NEVER, LONG, POLICY, still_starts=True) is not None
    assert give_of(RECOVERING, LOST, LONG, POLICY, still_starts=True) is not None


# --- for how long


def at(seen_s: float, view: VCenterView | None, bus: BusOutcome | None = None) -> Observation:
    """A look at vCenter and the bus; None: no answer."""
    vcenter = Unknown("no answer", seen_s) if view is None else Reading(view, seen_s, seen_s)
    on_bus = Unknown("", seen_s) if bus is None else Reading(BusView(bus, ""), seen_s, seen_s)
    return replace(observation(seen_s, RUNNING), vcenter=vcenter, bus=on_bus)


def held(*looks: Observation) -> tuple[float, float]:
    """For how long vCenter and the bus were lost, after these looks."""
    memory = Memory(0.0)
    for one in looks:
        memory = remember(memory, PAIRING, one)
    return memory.vcenter_lost_held_s, memory.bus_lost_held_s


def test_a_path_is_lost_from_the_first_reading_that_says_so_to_the_last():
    """One that says nothing breaks it, and so does one that says otherwise."""
    down = BusOutcome.UNREACHABLE
    assert held(at(300, REFUSED, down)) == (0.0, 0.0)
    assert held(at(300, REFUSED, down), at(330, REFUSED, down), at(365, REFUSED, down)) == (65.0, 65.0)
    assert held(at(300, REFUSED, down), at(330, OK, BusOutcome.OK), at(365, REFUSED, down)) == (0.0, 0.0)
    assert held(at(300, REFUSED, down), at(330, None), at(365, REFUSED, down)) == (0.0, 0.0)
    refused = VCenterView(VCenterOutcome.LOGIN_REFUSED, "")
    assert held(at(300, refused, BusOutcome.LOGIN_REFUSED), at(365, refused, BusOutcome.BLOCKED)) == (0, 0)


def test_another_vcenter_or_bus_begins_anew():
    """After a reload."""
    lost = Memory(
        0.0, vcenter_lost_since_s=1.0, vcenter_lost_held_s=60.0, bus_lost_since_s=1.0, bus_lost_held_s=60.0
    )
    moved = carried_over(lost, PAIRING, replace(PAIRING, vcenter="vc2", bus="rabbit://2"))
    assert (moved.vcenter_lost_since_s, moved.vcenter_lost_held_s) == (None, 0.0)
    assert (moved.bus_lost_since_s, moved.bus_lost_held_s) == (None, 0.0)
    assert carried_over(lost, PAIRING, PAIRING) == lost
