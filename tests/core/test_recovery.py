"""A process dies: what the core does, reading by reading."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from core.builders import (
    OK,
    PAIRING,
    POLICY,
    RECORD,
    REFUSED,
    RUNNING,
    Bench,
    killed,
    observation,
    reading,
    services,
    stopped,
)
from nova_watchdog.core.budget import starts_left
from nova_watchdog.core.decide import RequestReadings, StartUnit
from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.model import (
    LoadState,
    Mode,
    Observation,
    StopCause,
    Unknown,
    VCenterOutcome,
    VCenterView,
)
from nova_watchdog.core.state import PairingState, Phase, Start


def starts(decision) -> list[StartUnit]:
    return [a for a in decision.actions if isinstance(a, StartUnit)]


def test_a_killed_process_is_started_at_once_when_a_canary_after_its_death_passes():
    """The main job: one start, charged, naming the invocation that was judged."""
    bench = Bench()
    bench.healthy_at(150)
    decision = bench.see(observation(200.1, killed(200)), 200.1)
    assert decision.diagnosis.diagnosis is Diagnosis.PROCESS_DOWN
    assert decision.rule.number == "R39"
    assert starts(decision) == [StartUnit(PAIRING.unit, "inv-1")]
    assert bench.state.phase is Phase.RECOVERING
    assert starts_left(bench.state, POLICY, 200.1) == POLICY.restart_budget - 1


def test_a_canary_from_before_the_death_proves_nothing():
    """It is asked for anew instead."""
    bench = Bench()
    seen = Observation(reading(killed(200), 200), reading(OK, 199.9), reading(services(), 199.9))
    decision = bench.see(seen, 200.0)
    assert decision.actions == (RequestReadings(),)
    assert decision.rule.number == "R33"
    assert bench.state.phase is Phase.WATCHING


def test_an_unknown_canary_starts_nothing():
    """Unknown is not down, and it is not fine either."""
    bench = Bench()
    seen = Observation(reading(killed(), 200), Unknown("no thread", 200), reading(services(), 200))
    assert not starts(bench.see(seen, 200))


def test_a_stale_canary_counts_as_unknown():
    """A reading that is too old proves nothing."""
    bench = Bench()
    seen = Observation(reading(killed(), 200), reading(OK, 201), reading(services(), 201))
    assert not starts(bench.see(seen, 201 + POLICY.vcenter_max_age_s + 1))


@pytest.mark.parametrize(
    "vcenter",
    [
        REFUSED,
        VCenterView(VCenterOutcome.LOGIN_REFUSED, "InvalidLogin"),
        VCenterView(VCenterOutcome.OK, "", "uuid", {"another": "domain-c9"}),
    ],
)
def test_with_a_dependency_away_it_is_held_and_costs_nothing(vcenter):
    """No start into a vCenter that would refuse it."""
    bench = Bench()
    decision = bench.see(observation(200, killed(), vcenter), 200)
    assert decision.diagnosis.diagnosis is Diagnosis.WAITING_FOR_DEPENDENCY
    assert not starts(decision)
    assert bench.state.phase is Phase.WAITING
    assert starts_left(bench.state, POLICY, 200) == POLICY.restart_budget


def test_without_conductors_it_is_held():
    """nova-compute cannot work without one."""
    bench = Bench()
    seen = Observation(reading(killed(), 200), reading(OK, 200), reading(services(conductors_up=0), 200))
    assert bench.see(seen, 200).diagnosis.diagnosis is Diagnosis.WAITING_FOR_DEPENDENCY


def test_after_the_outage_it_starts_when_vcenter_held_and_the_budget_is_untouched():
    """The hold ends by itself."""
    bench = Bench()
    bench.see(observation(200, killed(), REFUSED), 200)
    back = bench.see(observation(230, killed()), 230)
    assert (back.rule.number, starts(back)) == ("R34", [])
    held = bench.see(observation(235, killed()), 235)
    assert held.rule.number == "R37"
    assert starts(held)
    assert starts_left(bench.state, POLICY, 235) == POLICY.restart_budget


def test_a_spent_budget_does_not_forbid_the_start_after_an_outage_but_its_pause_does():
    """The outage was not nova-compute's fault."""
    bench = Bench(Phase.WAITING)
    charged = tuple(Start(at_s, charged=True) for at_s in (190.0, 195.0, 200.0))
    bench.state = replace(bench.state, starts=charged, attempts=2)
    bench.see(observation(205, killed(204)), 205)
    assert bench.see(observation(211, killed(204)), 211).rule.number == "R35"
    decision = bench.see(observation(261, killed(204)), 261)
    assert (decision.rule.number, len(starts(decision))) == ("R37", 1)


def test_a_start_that_fails_because_vcenter_went_away_is_refunded():
    """Failures of a dependency cost no budget."""
    bench = Bench()
    bench.see(observation(200, killed()), 200)
    assert starts_left(bench.state, POLICY, 201) == POLICY.restart_budget - 1
    again = replace(killed(204), invocation_id="inv-2", started_at_s=200.5)
    decision = bench.see(observation(205, again, REFUSED), 205)
    assert decision.rule.number == "R20"
    assert starts_left(bench.state, POLICY, 205) == POLICY.restart_budget


def test_starts_after_outages_pause_too():
    """A flapping vCenter cannot make a storm of starts out of the ones that cost nothing."""
    bench = Bench()
    now_s, times = 200.0, []
    while now_s < 500:
        flapping = OK if int(now_s) % 20 < 12 else REFUSED
        if starts(bench.see(observation(now_s, killed(199), flapping), now_s)):
            times.append(now_s)
        now_s += 1
    gaps = [b - a for a, b in pairwise(times)]
    assert min(gaps[1:]) >= POLICY.restart_backoff_s[-1]


def test_a_process_that_cannot_start_spends_the_budget_and_then_all_is_quiet():
    """A broken nova.conf: as many starts as the budget has, with pauses, then a human."""
    bench = Bench()
    now_s, begun = 200.0, []
    for _ in range(3600):
        decision = bench.see(observation(now_s, killed(now_s - 0.5)), now_s)
        begun += [now_s] * len(starts(decision))
        now_s += 1
    assert len(begun) == POLICY.restart_budget
    gaps = [b - a for a, b in pairwise(begun)]
    assert gaps == [pytest.approx(10, abs=1), pytest.approx(60, abs=1)]
    assert bench.state.phase is Phase.GIVEN_UP
    assert "systemctl start" in decision.rule.remedy


def test_a_human_start_ends_given_up_and_stopped():
    """Whatever a human starts is watched again."""
    for phase in (Phase.GIVEN_UP, Phase.STOPPED, Phase.NEW, Phase.WAITING):
        bench = Bench(phase)
        bench.see(observation(300, replace(RUNNING, started_at_s=299)), 300)
        assert bench.state.phase is Phase.WATCHING


def test_whatever_runs_is_watched_even_before_there_is_a_verdict():
    """A kill in the first seconds of a fresh daemon, or right after a human's start, is mended too."""
    for phase in (Phase.NEW, Phase.STOPPED, Phase.GIVEN_UP):
        bench = Bench(phase)
        unread = Unknown("not read yet", 90)
        seen = Observation(reading(RUNNING, 95), unread, unread)
        assert bench.see(seen, 95).diagnosis.diagnosis is Diagnosis.UNKNOWN
        assert len(starts(bench.see(observation(96, killed(95.5)), 96))) == 1


def test_given_up_stays_given_up_when_a_dependency_fails_too():
    """A vCenter outage is no way around a spent budget."""
    bench = Bench(Phase.GIVEN_UP)
    bench.see(observation(300, killed(299), REFUSED), 300)
    assert bench.state.phase is Phase.GIVEN_UP
    assert not starts(bench.see(observation(400, killed(299)), 400))


def test_a_start_is_verified_only_by_a_heartbeat_of_the_new_process():
    """The record read first after the start may still show the old process's last report."""
    bench = Bench()
    bench.healthy_at(195)
    bench.see(observation(200, killed(199)), 200)
    fresh = replace(RUNNING, started_at_s=200.1, invocation_id="inv-2")
    old_report = replace(RECORD, updated_at="the old process's last report")
    decision = bench.see(observation(202, fresh, record=old_report), 202)
    assert decision.diagnosis.diagnosis is Diagnosis.STARTING
    assert bench.state.phase is Phase.RECOVERING
    new_report = replace(RECORD, updated_at="the new one's first")
    decision = bench.see(observation(212, fresh, record=new_report), 212)
    assert decision.diagnosis.diagnosis is Diagnosis.HEALTHY
    assert (bench.state.phase, bench.state.attempts) == (Phase.WATCHING, 0)


def test_a_reading_from_before_the_start_is_no_baseline():
    """The dead process may still report between that reading and its end."""
    bench = Bench(Phase.RECOVERING)
    fresh = replace(RUNNING, started_at_s=200.1, invocation_id="inv-2")
    early = reading(services(replace(RECORD, updated_at="early")), 199)
    bench.see(Observation(reading(fresh, 200.2), reading(OK, 200), early), 200.2)
    assert bench.memory.baseline is None
    last = replace(RECORD, updated_at="the old process's last report")
    bench.see(observation(202, fresh, record=last), 202)
    assert bench.memory.heartbeat_at_s is None


def test_a_stop_by_a_human_is_respected_also_after_its_cause_is_forgotten():
    """A restarted daemon only sees a failed unit; the phase remembers."""
    bench = Bench()
    decision = bench.see(observation(200, stopped()), 200)
    assert decision.diagnosis.diagnosis is Diagnosis.STOPPED_ON_PURPOSE
    assert bench.state.phase is Phase.STOPPED
    decision = bench.see(observation(300, killed()), 300)
    assert (decision.rule.number, starts(decision)) == ("R12", [])


def test_a_unit_never_seen_running_is_not_started():
    """Another controller may own it."""
    bench = Bench(Phase.NEW)
    never = replace(killed(0), stop_cause=StopCause.NEVER_RAN, started_at_s=0)
    decision = bench.see(observation(200, never), 200)
    assert (decision.rule.number, starts(decision)) == ("R10", [])
    assert not starts(bench.see(observation(201, stopped()), 201))
    assert bench.state.phase is Phase.NEW


def rebooted() -> Bench:
    """The record says that the pairing belongs here, and it has not run since boot."""
    bench = Bench(Phase.WATCHING)
    bench.state = PairingState(phase=Phase.WATCHING)
    return bench


NEVER = replace(killed(0), stop_cause=StopCause.NEVER_RAN, started_at_s=0)


def test_after_a_reboot_a_pairing_that_was_watched_is_started_once_nova_was_silent():
    """Two and a half report intervals without a report from anywhere."""
    bench = rebooted()
    assert bench.see(observation(200, NEVER), 200).rule.number == "R29"
    assert bench.see(observation(224, NEVER), 224).rule.number == "R29"
    assert len(starts(bench.see(observation(225, NEVER), 225))) == 1


def test_after_a_reboot_it_is_started_at_once_where_nova_itself_says_nobody_runs_it():
    """Nova counts the service as down."""
    bench = rebooted()
    down = replace(RECORD, up=False)
    assert len(starts(bench.see(observation(200, NEVER, record=down), 200))) == 1


def test_after_a_reboot_nothing_is_started_while_its_record_is_left_out():
    """A cell that is down leaves records out of the answer: that is unknown, not nobody."""
    bench = rebooted()
    for at_s in range(200, 300, 5):
        assert not starts(bench.see(observation(at_s, NEVER, record=None), at_s))


def test_after_a_reboot_nothing_is_started_while_nova_does_not_answer():
    """Unknown is not silent."""
    bench = rebooted()
    for at_s in range(200, 300, 5):
        seen = Observation(reading(NEVER, at_s), reading(OK, at_s), Unknown("away", at_s))
        assert not starts(bench.see(seen, at_s))


@pytest.mark.parametrize("phase", [Phase.WATCHING, Phase.NEW, Phase.STOPPED, Phase.GIVEN_UP])
def test_reports_from_elsewhere_forbid_a_start(phase):
    """A human moved the pairing by hand while this controller was off."""
    bench = Bench(phase)
    bench.state = replace(bench.state, seen_running=False)
    for at_s in range(200, 300, 5):
        beats = replace(RECORD, updated_at=f"beat {at_s // 10}")
        decision = bench.see(observation(at_s, NEVER, record=beats), at_s)
        assert not starts(decision)
    assert decision.diagnosis.diagnosis is Diagnosis.RUNNING_ELSEWHERE
    assert decision.rule.number == "R14"
    later_s = 300 + POLICY.heartbeat_stale_s
    decision = bench.see(observation(later_s, NEVER, record=beats), later_s)
    assert decision.diagnosis.diagnosis is not Diagnosis.RUNNING_ELSEWHERE


def test_the_last_words_of_a_killed_process_are_no_report_from_elsewhere():
    """They may still be on their way through RabbitMQ and a conductor."""
    bench = Bench(Phase.GIVEN_UP)
    for at_s, beat in ((200.5, "a"), (202, "b"), (206, "b"), (216, "b")):
        seen = observation(at_s, killed(200), record=replace(RECORD, updated_at=beat))
        assert bench.see(seen, at_s).diagnosis.diagnosis is Diagnosis.PROCESS_DOWN


def test_one_canary_has_not_settled_however_old_it_is():
    """It must keep passing."""
    bench = Bench(Phase.WAITING)
    for at_s in range(200, 215):
        seen = Observation(reading(killed(199), 199), reading(OK, 200), reading(services(), at_s))
        assert not starts(bench.see(seen, at_s))


def test_a_clean_end_that_nobody_saw_and_systemd_forgot_is_respected():
    """Stopped by a human while the daemon was away: the unit looks as if it had never run."""
    bench = Bench(Phase.WATCHING)
    bench.see(observation(150), 150)
    forgotten = replace(stopped(0), stop_cause=StopCause.NEVER_RAN, started_at_s=0, invocation_id="")
    decision = bench.see(observation(200, forgotten), 200)
    assert (decision.rule.number, starts(decision)) == ("R11", [])


def test_observe_says_so_and_does_nothing():
    """The mode for an untouched cloud."""
    bench = Bench(pairing=replace(PAIRING, mode=Mode.OBSERVE))
    decision = bench.see(observation(200, killed()), 200)
    assert (decision.rule.number, decision.actions) == ("R30", ())


def test_a_missing_unit_is_told_and_left_alone():
    """A name mistaken in the configuration."""
    bench = Bench()
    gone = replace(killed(), load=LoadState.NOT_FOUND)
    assert bench.see(observation(200, gone), 200).rule.number == "R02"


def test_a_unit_with_a_pending_job_is_left_to_systemd():
    """Somebody else's start or stop is under way."""
    bench = Bench()
    queued = replace(killed(), job="start")
    assert bench.see(observation(200, queued), 200).diagnosis.diagnosis is Diagnosis.CHANGING


def test_without_systemd_there_is_no_verdict():
    """The bus is lost: nothing is known, nothing is done."""
    bench = Bench()
    for vcenter in (REFUSED, OK):
        seen = Observation(Unknown("lost", 200), reading(vcenter, 200), reading(services(), 200))
        decision = bench.see(seen, 200)
        assert (decision.diagnosis.diagnosis, decision.actions) == (Diagnosis.UNKNOWN, ())
