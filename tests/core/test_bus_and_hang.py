"""The message bus, pings, and the only proof of a hung process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.builders import (
    PAIRING,
    POLICY,
    RECORD,
    RUNNING,
    Bench,
    killed,
    observation,
    reading,
)
from core.session_bench import HERE, SESSION
from nova_watchdog.core.breaker import Breaker, Peer, arrives, breaker_of, has_own_account, is_suspect
from nova_watchdog.core.decide import KillUnit, RequestReadings
from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.memory import Memory
from nova_watchdog.core.model import (
    Answer,
    BusOutcome,
    BusView,
    ComputeOnBus,
    InventoryView,
    Observation,
    Reading,
    Unknown,
    VCenterSession,
)
from nova_watchdog.core.state import Phase, Start

STALE_S = POLICY.heartbeat_stale_s + 5
HOST = PAIRING.host


def bus(
    ping: Answer = Answer.ANSWERED,
    conductor: Answer = Answer.ANSWERED,
    outcome: BusOutcome = BusOutcome.OK,
    consumers: int | None = 1,
    queued: int | None = 0,
) -> BusView:
    """One look at the bus with one nova-compute."""
    took_s = 0.01 if ping is Answer.ANSWERED else None
    return BusView(outcome, "", conductor, {HOST: ComputeOnBus(ping, took_s, consumers, queued)})


def inventory(sessions: tuple[VCenterSession, ...] | None, at_s: float) -> Reading[InventoryView]:
    """Nova's sessions, None: without the privilege to list them."""
    return reading(InventoryView("uuid", {}, None, sessions, HERE), at_s)


def seen(at_s: float, view: BusView | None, updated_at: str = "same", **changes: Any) -> Observation:
    """Everything fine but for what the bus shows; the record advances where `updated_at` does."""
    base = observation(at_s, record=replace(RECORD, updated_at=updated_at))
    return replace(base, **({"bus": reading(view, at_s)} if view else {}), **changes)


class Night(Bench):
    """A healthy pairing whose heartbeat stands still from 200 s on, unless told otherwise."""

    def __init__(self, phase: Phase = Phase.WATCHING) -> None:
        super().__init__(phase)
        self.healthy_at(199)

    def go_on(self, view: BusView, until_s: float, *, beats: bool = False):
        """A look every 10 s, from 200 s on."""
        decision = None
        at_s = 200.0
        while at_s <= until_s:
            updated = f"b{at_s}" if beats else "at 199"
            decision = self.see(seen(at_s, view, updated), at_s)
            at_s += 10
        return decision


@pytest.mark.parametrize(
    ("sessions", "row"),
    [((SESSION,), "D45"), ((replace(SESSION, idle_s=500.0),), "D44"), ((), "D44"), (None, "D44")],
)
def test_what_never_reported_is_not_hung_while_its_calls_to_vcenter_go_on(sessions, row):
    """It answers no ping before it has walked over its instances. It is told all the same."""
    bench = Bench()
    cap_s = RUNNING.started_at_s + POLICY.start_cap_s
    for at_s in (cap_s - 10 - POLICY.hang_hold_s, cap_s - 10, cap_s + 10):
        looked = seen(at_s, bus(Answer.UNANSWERED), "at 99")
        decision = bench.see(replace(looked, inventory=inventory(sessions, at_s)), at_s)
    assert decision.diagnosis.number == row
    later_s = RUNNING.started_at_s + 2 * POLICY.start_cap_s
    looked = seen(later_s, bus(Answer.UNANSWERED), "at 99")
    decision = bench.see(replace(looked, inventory=inventory(sessions, later_s)), later_s)
    assert decision.diagnosis.number == "D44"


def test_no_ping_and_no_heartbeat_on_a_proven_bus_is_a_hang_and_is_killed():
    """The only inference that leads to an action, once its readings have said it twice."""
    night = Night()
    at_s = 200 + POLICY.hang_hold_s
    decision = night.go_on(bus(Answer.UNANSWERED), at_s)
    assert decision.diagnosis.diagnosis is Diagnosis.PROCESS_HUNG
    again = night.see(seen(at_s + 1, bus(Answer.UNANSWERED), "at 199"), at_s + 1)
    assert again.rule.number == "R57"
    decision = again
    assert decision.actions == (KillUnit(RUNNING_UNIT, expected_invocation=RUNNING.invocation_id),)


RUNNING_UNIT = PAIRING.unit


def test_a_verdict_on_old_readings_asks_again_before_anything_is_killed():
    """The process may have come back since they were taken."""
    night = Night()
    night.go_on(bus(Answer.UNANSWERED), 250)
    old = replace(seen(260, None, "at 199"), bus=reading(bus(Answer.UNANSWERED), 260))
    decision = night.see(old, 265)
    assert decision.diagnosis.diagnosis is Diagnosis.PROCESS_HUNG
    assert (decision.rule.number, decision.actions) == ("R56", (RequestReadings(),))
    back = night.see(seen(270, bus(), "at 199"), 270)
    assert back.diagnosis.diagnosis is Diagnosis.NOT_REPORTING
    assert back.state.hung_since_s is None


def test_what_was_read_while_a_neighbour_held_the_kill_proves_nothing_at_its_end():
    """The process may have come back with whatever ended the hold."""
    night = Night()
    night.breaker = Breaker.SHARED
    night.go_on(bus(Answer.UNANSWERED), 280)
    night.breaker = Breaker.CLOSED
    old = replace(seen(285, None, "at 199"), bus=reading(bus(Answer.UNANSWERED), 280))
    assert night.see(old, 285).rule.number == "R56"
    assert night.see(seen(286, bus(Answer.UNANSWERED), "at 199"), 286).rule.number == "R57"


def test_a_hang_is_told_only_after_the_hold_down():
    """Ten seconds before, it is not proven."""
    decision = Night().go_on(bus(Answer.UNANSWERED), 200 + POLICY.hang_hold_s - 10)
    assert decision.diagnosis.diagnosis is not Diagnosis.PROCESS_HUNG


def test_a_hung_process_that_was_killed_is_started_by_the_usual_rules():
    """Kill and start are two decisions, and the second one needs its own proof."""
    night = Night()
    night.go_on(bus(Answer.UNANSWERED), 260)
    decision = night.see(seen(262, bus(), unit=reading(killed(261), 262)), 262)
    assert decision.diagnosis.diagnosis is Diagnosis.PROCESS_DOWN
    assert decision.rule.number == "R39"


def test_a_kill_is_not_repeated_at_once():
    """It was refused, perhaps: not again within the pause."""
    night = Night()
    night.go_on(bus(Answer.UNANSWERED), 270)
    assert night.see(seen(271, bus(Answer.UNANSWERED), "at 199"), 271).rule.number == "R55"


def test_a_hung_process_is_left_alone_when_no_start_is_left():
    """Killing what could not be brought back would only make it worse."""
    night = Night()
    night.state = replace(
        night.state, starts=tuple(Start(190.0, charged=True) for _ in range(POLICY.restart_budget))
    )
    assert night.go_on(bus(Answer.UNANSWERED), 260).rule.number == "R54"


@pytest.mark.parametrize(("breaker", "rule"), [(Breaker.SHARED, "R52"), (Breaker.BUSY, "R53")])
def test_two_suspects_have_a_shared_cause(breaker, rule):
    """And one action at a time."""
    night = Night()
    night.breaker = breaker
    decision = night.go_on(bus(Answer.UNANSWERED), 260)
    assert (decision.rule.number, decision.actions) == (rule, ())


def test_a_process_that_reports_but_does_not_answer_is_slow_and_lives():
    """A kill would destroy what it works on."""
    decision = Night().go_on(bus(Answer.UNANSWERED), 300, beats=True)
    assert decision.diagnosis.diagnosis is Diagnosis.UNRESPONSIVE
    assert (decision.rule.number, decision.actions) == ("R47", ())


def test_a_process_that_answers_but_does_not_report_is_no_hang():
    """Its heartbeat is lost on the way."""
    decision = Night().go_on(bus(), 300)
    assert decision.diagnosis.diagnosis is Diagnosis.NOT_REPORTING
    assert decision.actions == ()


def test_a_silent_conductor_leaves_no_verdict():
    """Heartbeats go through it, so they stand still without the process's fault."""
    view = bus(Answer.UNANSWERED, conductor=Answer.UNANSWERED)
    decision = Night().go_on(view, 300)
    assert decision.diagnosis.diagnosis is Diagnosis.CONDUCTORS_DOWN
    assert decision.actions == ()


@pytest.mark.parametrize(
    ("outcome", "diagnosis"),
    [
        (BusOutcome.BLOCKED, Diagnosis.BUS_BLOCKED),
        (BusOutcome.UNREACHABLE, Diagnosis.BUS_DOWN),
        (BusOutcome.LOGIN_REFUSED, Diagnosis.BUS_DOWN),
    ],
)
def test_a_bus_that_is_not_proven_gives_no_verdict_on_the_process(outcome, diagnosis):
    """An alarm blocks publishing while everything else passes."""
    decision = Night().go_on(bus(Answer.UNASKED, outcome=outcome), 300)
    assert decision.diagnosis.diagnosis is diagnosis
    assert decision.actions == ()


def test_one_answer_ends_the_suspicion():
    """A hang has no pauses."""
    night = Night()
    night.go_on(bus(Answer.UNANSWERED), 240)
    night.see(seen(245, bus(), "at 199"), 245)
    decision = night.see(seen(260, bus(Answer.UNANSWERED), "at 199"), 260)
    assert decision.diagnosis.diagnosis is Diagnosis.NOT_REPORTING


def test_an_unproven_bus_breaks_a_run_of_unanswered_pings():
    """No witness, no verdict; and none by adding up both sides of the gap."""
    night = Night()
    night.go_on(bus(Answer.UNANSWERED), 240)
    night.see(seen(250, bus(outcome=BusOutcome.UNREACHABLE), "at 199"), 250)
    decision = night.see(seen(262, bus(Answer.UNANSWERED), "at 199"), 262)
    assert decision.diagnosis.diagnosis is Diagnosis.NOT_REPORTING


def test_a_round_at_the_bus_that_could_not_tell_breaks_a_run_too():
    """A reading that failed is no witness either."""
    night = Night()
    night.go_on(bus(Answer.UNANSWERED), 240)
    night.see(seen(250, None, "at 199", bus=Unknown("py-amqp failed", 250)), 250)
    decision = night.see(seen(262, bus(Answer.UNANSWERED), "at 199"), 262)
    assert decision.diagnosis.diagnosis is Diagnosis.NOT_REPORTING


def test_a_ping_that_was_sent_before_the_process_began_says_nothing_of_it():
    """It was unanswered by the one before."""
    night = Night()
    young = replace(RUNNING, started_at_s=250.0, invocation_id="inv-2")
    night.see(seen(255, None, unit=reading(young, 255), bus=reading(bus(Answer.UNANSWERED), 240)), 255)
    assert night.memory.unanswered_since_s is None


def test_a_host_that_the_bus_does_not_know_is_no_hang():
    """No queue: nothing was delivered to anybody."""
    view = BusView(BusOutcome.OK, "", Answer.ANSWERED, {})
    decision = Night().go_on(view, 300)
    assert decision.diagnosis.diagnosis is Diagnosis.NOT_REPORTING


@pytest.mark.parametrize(
    "view", [bus(outcome=BusOutcome.UNREACHABLE), bus(outcome=BusOutcome.BLOCKED)], ids=["down", "blocked"]
)
def test_a_dead_process_waits_for_the_bus(view):
    """It would start, connect to nothing, and use up the budget."""
    decision = Night().see(seen(210, view, unit=reading(killed(205), 210)), 210)
    assert decision.diagnosis.diagnosis is Diagnosis.WAITING_FOR_DEPENDENCY
    assert decision.state.phase is Phase.WAITING


def test_a_dead_process_waits_for_a_conductor():
    """nova-compute cannot begin without one."""
    night = Night()
    for at_s in (200, 210, 220):
        decision = night.see(
            seen(at_s, bus(conductor=Answer.UNANSWERED), unit=reading(killed(195), at_s)), at_s
        )
    assert decision.diagnosis.number == "D09"


def peer(
    name: str, *, vcenter: str = PAIRING.vcenter, on_bus: str = "", suspect: bool = False,
    settled: bool = True, acted_at_s: float | None = None,
) -> Peer:  # fmt: skip
    """Another pairing."""
    return Peer(replace(PAIRING, name=name, vcenter=vcenter, bus=on_bus), suspect, settled, acted_at_s)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (peer("b"), Breaker.CLOSED),
        (peer("b", suspect=True), Breaker.SHARED),
        (peer("b", vcenter="vc2", suspect=True), Breaker.CLOSED),
        (peer("b", vcenter="vc2", on_bus="rabbit://x", suspect=True), Breaker.SHARED),
        (peer("b", settled=False, acted_at_s=95.0), Breaker.BUSY),
        (peer("b", settled=False, acted_at_s=50.0), Breaker.CLOSED),
        (peer("b", settled=True, acted_at_s=95.0), Breaker.CLOSED),
        (peer("b", suspect=True, settled=False, acted_at_s=95.0), Breaker.BUSY),
        (peer(PAIRING.name, suspect=True), Breaker.CLOSED),
    ],
)
def test_the_breaker_looks_at_who_shares_a_vcenter_or_a_bus(other, expected):
    """Two without anything in common do not hold each other up."""
    mine = replace(PAIRING, bus="rabbit://x")
    assert breaker_of(mine, [other], POLICY, 100.0) is expected


_TAKEN = Holding(Claim.MINE, until_s=230.0, since_s=100.0, dead_since_s=98.0, came=True, epoch=7)


@pytest.mark.parametrize(
    ("holding", "ended_at_s", "acted_at_s", "expected"),
    [
        (_TAKEN, 0.0, None, True),
        (_TAKEN, 40.0, 30.0, True),
        (_TAKEN, 0.0, 100.0, False),
        (_TAKEN, 100.0, None, False),
        (replace(_TAKEN, came=False), 0.0, None, False),
        (replace(_TAKEN, claim=Claim.HELD), 0.0, None, False),
        (None, 0.0, None, False),
    ],
)
def test_a_pairing_arrives_until_it_is_started_or_ends_here(holding, ended_at_s, acted_at_s, expected):
    """Under the hold that was taken from a dead holder, and under no other."""
    memory = Memory(10.0, process_ended_at_s=ended_at_s)
    assert arrives(holding, memory, acted_at_s) is expected


def test_a_pairing_that_runs_here_does_not_arrive():
    """Somebody started it: from now on it is one like the others."""
    assert not arrives(_TAKEN, Memory(10.0, process_lives=True), None)


@pytest.mark.parametrize(
    ("arriving", "arrived", "expected"),
    [(True, True, Breaker.CLOSED), (True, False, Breaker.BUSY), (False, True, Breaker.BUSY)],
)
def test_what_arrives_waits_for_all_but_those_that_arrived(arriving, arrived, expected):
    """They share the controller that they lost."""
    other = replace(peer("b", settled=False, acted_at_s=95.0), arrived=arrived)
    assert breaker_of(PAIRING, [other], POLICY, 100.0, arriving=arriving) is expected


def test_an_account_is_its_own_where_no_other_pairing_has_it():
    """The pairing itself is among its peers; the key of a vCenter names the account."""
    assert has_own_account(PAIRING, [peer(PAIRING.name), peer("b", vcenter="vc2")])
    assert not has_own_account(PAIRING, [peer(PAIRING.name), peer("b")])


def test_what_arrives_minds_whoever_is_suspect():
    """That is another cause, and a shared one."""
    assert breaker_of(PAIRING, [peer("b", suspect=True)], POLICY, 100.0, arriving=True) is Breaker.SHARED


def test_whoever_may_be_about_to_be_judged_by_inference_is_suspect():
    """Also before its hold-down is over; a dead process is a fact and no suspicion."""
    fine = Bench().memory
    assert is_suspect(Diagnosis.NOT_REPORTING, fine)
    assert is_suspect(Diagnosis.HEALTHY, replace(fine, unanswered_since_s=5.0))
    assert not is_suspect(Diagnosis.PROCESS_DOWN, fine)


def test_a_start_waits_for_the_start_of_a_neighbour():
    """One at a time for each vCenter and each bus."""
    bench = Bench()
    bench.healthy_at(150)
    bench.breaker = Breaker.BUSY
    decision = bench.see(observation(200.1, killed(200)), 200.1)
    assert (decision.rule.number, decision.actions) == ("R36", ())
