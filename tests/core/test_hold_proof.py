"""A hold that begins: what its last holder knew is taken over, and that nobody runs it is proven."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.builders import OK, PAIRING, RECORD, RUNNING, killed, observation, reading, services
from core.here_bench import ELSEWHERE, NEVER, TAKEN, Here, beat, standby, starts
from nova_watchdog.core.decide import RequestReadings
from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.facts import HeartbeatFact
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.memory import Memory, remember
from nova_watchdog.core.model import Observation
from nova_watchdog.core.state import Phase

# --- proof of life: reports from elsewhere


def test_after_a_takeover_it_is_started_at_once_though_the_holder_reported_to_its_end():
    """Its last report is young, and was sent before it must have been dead."""
    bench = standby(*((float(at_s), f"beat {at_s // 10}") for at_s in range(190, 214, 3)))
    bench.holding = TAKEN
    decision = bench.see(beat(219.0, "beat 21"), 219.0)
    assert decision.facts.heartbeat is not HeartbeatFact.ELSEWHERE
    assert len(starts(decision)) == 1


def test_a_canary_of_before_the_holders_death_proves_nothing_for_the_start():
    """vCenter may have gone with it: where all arrive at once, all would start into that."""
    for began_at_s, row in ((214.9, "R33"), (215.0, "R39")):
        bench = standby((205.0, "a"))
        bench.holding = TAKEN
        decision = bench.see(replace(beat(219.0, "a"), vcenter=reading(OK, began_at_s)), 219.0)
        assert decision.rule.number == row
        assert (RequestReadings() in decision.actions) is (row == "R33")


def test_a_report_that_came_after_the_holders_death_forbids_the_start():
    """Nova showed the old record when it was already dead: somebody else has reported since."""
    bench = standby((200.0, "a"), (210.0, "b"), (216.0, "b"))
    bench.holding = TAKEN
    decision = bench.see(beat(219.0, "c"), 219.0)
    assert decision.diagnosis.diagnosis is Diagnosis.RUNNING_ELSEWHERE
    assert (decision.rule.number, decision.actions) == ("R14", ())
    # And for as long as such a report is young.
    assert not starts(bench.see(beat(250.0, "c"), 250.0))
    assert starts(bench.see(beat(265.0, "c"), 265.0))


def test_it_counts_from_the_last_reading_that_still_showed_the_old_report():
    """The reading began a moment too early: the report may be the dead holder's own."""
    for read_at_s, counts in ((214.999, False), (215.0, True)):
        bench = standby((205.0, "a"), (read_at_s, "a"))
        bench.holding = TAKEN
        decision = bench.see(beat(219.0, "b"), 219.0)
        assert (decision.diagnosis.diagnosis is Diagnosis.RUNNING_ELSEWHERE) is counts
        assert bool(starts(decision)) is not counts


def test_a_reading_that_took_long_counts_from_its_beginning():
    """It began before the holder was dead and ended after."""
    bench = standby((205.0, "a"))
    slow = services(replace(RECORD, updated_at="a"))
    seen = beat(217.0, "a")
    bench.see(replace(seen, services=replace(reading(slow, 214.0), ended_at_s=217.0)), 217.0)
    assert (bench.memory.silent_read_at_s, bench.memory.elsewhere_at_s) == (214.0, None)
    bench.holding = TAKEN
    assert starts(bench.see(beat(219.0, "b"), 219.0))
    assert (bench.memory.elsewhere_at_s, bench.memory.elsewhere_after_s) == (219.0, 214.0)
    assert bench.memory.silent_read_at_s == 219.0


def test_a_standby_that_came_late_waits_for_nobody_whose_death_is_known():
    """It has seen one report only, and the transaction has shown the rest."""
    bench = Here(TAKEN, Phase.NEW)
    assert starts(bench.see(beat(219.0, "a"), 219.0))


@pytest.mark.parametrize(
    "holding", [None, Holding(Claim.NOBODY), ELSEWHERE, replace(TAKEN, dead_since_s=None)]
)
def test_without_a_known_death_every_report_from_elsewhere_counts(holding):
    """Whoever it is, it is not one that is known to be dead."""
    bench = standby((200.0, "a"), (210.0, "b"))
    bench.holding = holding or replace(TAKEN, dead_since_s=None)
    decision = bench.see(beat(219.0, "b"), 219.0)
    assert decision.facts.heartbeat is HeartbeatFact.ELSEWHERE
    assert not starts(decision)


def test_the_memory_of_silence_is_of_the_time_without_a_process():
    """A process here ends it; the same observation twice changes nothing."""
    bench = standby((200.0, "a"), (210.0, "b"))
    before = bench.memory
    bench.see(beat(210.0, "b"), 210.0)
    assert bench.memory == before
    assert (before.elsewhere_at_s, before.elsewhere_after_s, before.silent_read_at_s) == (210.0, 200.0, 210.0)
    bench.see(beat(212.0, "b", replace(RUNNING, started_at_s=211.0)), 212.0)
    assert (bench.memory.silent, bench.memory.elsewhere_at_s) == (None, None)


def test_a_record_that_is_left_out_of_an_answer_moves_no_time():
    """A cell that is down: nothing was read."""
    bench = standby((200.0, "a"))
    bench.see(observation(205.0, NEVER, record=None), 205.0)
    assert bench.memory.silent_read_at_s == 200.0


# --- proof of life: the witness


OWN_AGAIN = replace(TAKEN, dead_since_s=None)


def test_what_was_its_own_before_waits_until_nova_was_silent():
    """Rebooted: its units are dead, and who else may have started one meanwhile only Nova tells."""
    bench = Here(OWN_AGAIN)
    rules = {at_s: bench.see(beat(at_s, "a"), at_s).rule.number for at_s in (219.0, 230.0, 243.9, 244.0)}
    assert rules == {219.0: "R29", 230.0: "R29", 243.9: "R29", 244.0: "R39"}


def test_what_was_its_own_before_is_started_at_once_where_nova_says_that_nobody_runs_it():
    """Nova counts the service as down."""
    bench = Here(OWN_AGAIN)
    down = observation(219.0, NEVER, record=replace(RECORD, up=False))
    assert starts(bench.see(down, 219.0))


def test_that_it_ran_here_in_an_earlier_hold_shows_nothing():
    """It was released and another one held it in between."""
    bench = Here(ELSEWHERE)
    bench.see(beat(150.0, "a", RUNNING), 150.0)
    bench.see(beat(160.0, "a", killed(155)), 160.0)
    bench.holding = OWN_AGAIN
    bench.memory = replace(bench.memory, silent_since_s=None)
    decision = bench.see(beat(219.0, "a", killed(155)), 219.0)
    assert bench.state.seen_running
    assert (decision.rule.number, starts(decision)) == ("R29", [])


def test_what_ran_and_ended_under_this_hold_is_started_at_once():
    """Nobody else could start one meanwhile. Also a first hold, of a process that is older than it."""
    for started_at_s in (100.0, 219.0):
        bench = Here(OWN_AGAIN)
        bench.see(beat(225.0, "a", replace(RUNNING, started_at_s=started_at_s)), 225.0)
        decision = bench.see(beat(230.5, "a", replace(killed(230), started_at_s=started_at_s)), 230.5)
        assert len(starts(decision)) == 1


def test_a_death_that_is_known_is_no_canary():
    """The other half of the proof is as ever."""
    bench = Here(TAKEN)
    seen = Observation(reading(killed(217), 219), reading(OK, 216), reading(services(), 219))
    assert bench.see(seen, 219.0).rule.number == "R33"


def test_a_report_right_after_the_start_is_not_the_new_processs():
    """The dead one's last words, or somebody else's: nova-compute waits for 5 s before its first one."""
    for after_s, counts in ((4.9, False), (5.0, True)):
        memory = Memory(0.0)
        began_s = RUNNING.started_at_s
        for at_s, text in ((began_s + 1.0, "before"), (began_s + after_s, "report")):
            seen = observation(at_s, RUNNING, record=replace(RECORD, updated_at=text))
            memory = remember(memory, PAIRING, seen)
        assert (memory.heartbeat_at_s is not None) is counts
