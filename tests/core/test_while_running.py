"""A running nova-compute that does not work: told apart, and mostly left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.builders import (
    AUTO_DISABLED,
    OK,
    PAIRING,
    POLICY,
    RECORD,
    REFUSED,
    RUNNING,
    Bench,
    observation,
    reading,
    services,
)
from nova_watchdog.core.decide import EnableService, Wakeup
from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.model import (
    DRIVER_DISABLED_REASON,
    Mode,
    Observation,
    Unknown,
    VCenterOutcome,
    VCenterView,
)
from nova_watchdog.core.state import Phase

LATER = 150.0


def diagnosis_of(bench: Bench, seen: Observation, at_s: float) -> Diagnosis:
    return bench.see(seen, at_s).diagnosis.diagnosis


@pytest.mark.parametrize(
    ("vcenter", "expected"),
    [
        (REFUSED, Diagnosis.VCENTER_DOWN),
        (VCenterView(VCenterOutcome.LOGIN_REFUSED, "x"), Diagnosis.VCENTER_LOGIN_REFUSED),
        (VCenterView(VCenterOutcome.OK, "", "u", {}), Diagnosis.CLUSTER_GONE),
        (OK, Diagnosis.HEALTHY),
    ],
)
def test_vcenter_tells_itself_and_nothing_is_done(vcenter, expected):
    """nova-compute heals itself when vCenter is back."""
    bench = Bench()
    bench.healthy_at(LATER)
    decision = bench.see(observation(LATER + 1, vcenter=vcenter), LATER + 1)
    assert (decision.diagnosis.diagnosis, decision.actions) == (expected, ())


def test_an_unknown_canary_gives_no_verdict():
    """A failed probe is not a fault of vCenter."""
    bench = Bench()
    bench.healthy_at(LATER)
    seen = Observation(reading(RUNNING, LATER), Unknown("?", LATER), reading(services(), LATER))
    assert diagnosis_of(bench, seen, LATER) is Diagnosis.UNKNOWN


def test_no_answer_from_nova_is_no_verdict_at_first_and_blindness_later():
    """The first answer may take its time."""
    bench = Bench()
    unread = Unknown("not read yet", 90)
    first = Observation(reading(RUNNING, 95), reading(OK, 95), unread)
    assert diagnosis_of(bench, first, 95) is Diagnosis.UNKNOWN
    late_s = 90 + POLICY.services_max_age_s + 1
    late = Observation(reading(RUNNING, late_s), reading(OK, late_s), unread)
    assert diagnosis_of(bench, late, late_s) is Diagnosis.CONTROL_PLANE_BLIND


def test_conductors_that_are_all_down_are_told():
    """Heartbeats go through them."""
    bench = Bench()
    bench.healthy_at(LATER)
    seen = Observation(reading(RUNNING, LATER), reading(OK, LATER), reading(services(conductors_up=0), LATER))
    assert diagnosis_of(bench, seen, LATER) is Diagnosis.CONDUCTORS_DOWN


def test_a_heartbeat_that_stops_is_told_and_not_acted_upon():
    """Its cause is not proven: bus, conductor, hang."""
    bench = Bench()
    bench.healthy_at(LATER)
    late_s = LATER + POLICY.heartbeat_stale_s + 1
    same = replace(RECORD, updated_at=f"at {LATER:g}")
    bench.memory = replace(bench.memory, baseline=same)
    decision = bench.see(observation(late_s, record=same), late_s)
    assert (decision.rule.number, decision.actions) == ("R46", ())


def test_a_start_that_reports_nothing_is_starting_until_the_cap():
    """init_host over many instances takes long."""
    bench = Bench()
    bench.see(observation(101), 101)
    assert diagnosis_of(bench, observation(900), 900) is Diagnosis.STARTING
    late_s = 100 + POLICY.start_cap_s + 1
    assert diagnosis_of(bench, observation(late_s), late_s) is Diagnosis.NOT_REPORTING


def test_a_fresh_daemon_says_nothing_of_an_old_process_before_it_could_know():
    """A restarted daemon is not the start of nova-compute."""
    bench = Bench()
    bench.memory = replace(bench.memory, watching_since_s=5000)
    assert diagnosis_of(bench, observation(5001), 5001) is Diagnosis.UNKNOWN
    late_s = 5001 + POLICY.heartbeat_stale_s + 1
    assert diagnosis_of(bench, observation(late_s), late_s) is Diagnosis.NOT_REPORTING


def test_a_process_without_a_record_is_not_reporting():
    """Nova does not know the host, or another host name is configured."""
    bench = Bench()
    bench.see(observation(LATER, record=None), LATER)
    later_s = LATER + POLICY.heartbeat_stale_s + POLICY.start_cap_s
    assert diagnosis_of(bench, observation(later_s, record=None), later_s) is Diagnosis.NOT_REPORTING


def test_a_record_that_was_there_and_is_not_is_no_verdict():
    """A cell that is down leaves its records out; a deleted service looks the same."""
    bench = Bench()
    bench.healthy_at(LATER)
    assert diagnosis_of(bench, observation(LATER, record=None), LATER) is Diagnosis.CELL_DOWN


def test_a_write_to_the_record_is_no_heartbeat():
    """Disabling a dead service advances updated_at too."""
    bench = Bench()
    bench.see(observation(101), 101)
    disabled = replace(RECORD, disabled=True, disabled_reason="audit", updated_at="t1")
    assert diagnosis_of(bench, observation(110, record=disabled), 110) is Diagnosis.STARTING
    assert bench.memory.heartbeat_at_s is None


@pytest.mark.parametrize("reason", ["", "audit", DRIVER_DISABLED_REASON + " "])
def test_an_operators_disable_is_respected(reason):
    """Only exactly the driver's text is the driver's."""
    bench = Bench()
    bench.healthy_at(LATER)
    record = replace(RECORD, disabled=True, disabled_reason=reason, updated_at="t9")
    decision = bench.see(observation(LATER + 1, record=record), LATER + 1)
    assert (decision.rule.number, decision.actions) == ("R65", ())


def test_forced_down_is_respected():
    """An operator's word, whatever else is true."""
    bench = Bench()
    bench.healthy_at(LATER)
    record = replace(AUTO_DISABLED, forced_down=True)
    assert bench.see(observation(LATER, record=record), LATER).rule.number == "R66"


def beat(bench: Bench, from_s: float, to_s: float, record=AUTO_DISABLED, vcenter=OK):
    """Ten-second heartbeats of a disabled service."""
    at_s = from_s
    while at_s <= to_s:
        decision = bench.see(
            observation(at_s, vcenter=vcenter, record=replace(record, updated_at=f"b{at_s}")), at_s
        )
        at_s += 10
    return decision


def test_the_drivers_own_disable_is_given_time_to_heal():
    """It enables itself within 92 s of vCenter's return."""
    bench = Bench()
    beat(bench, 110, 200, vcenter=REFUSED)
    decision = beat(bench, 210, 210 + POLICY.stuck_disabled_hold_s - 10)
    assert (decision.rule.number, decision.actions) == ("R60", ())


def test_a_stuck_disable_is_ended_once_and_tried_again_after_a_pause():
    """Exactly the driver's reason, after the hold-down."""
    bench = Bench()
    beat(bench, 110, 200, vcenter=REFUSED)
    late_s = 210 + POLICY.stuck_disabled_hold_s
    decision = beat(bench, 210, late_s)
    wanted = EnableService(PAIRING.host, only_if_reason=DRIVER_DISABLED_REASON)
    assert (decision.rule.number, decision.actions) == ("R64", (wanted,))
    decision = beat(bench, late_s + 10, late_s + 20)
    assert decision.rule.number == "R63"
    assert decision.actions == (Wakeup(late_s + POLICY.enable_retry_s),)
    assert beat(bench, late_s + 30, late_s + 30).rule.number == "R64"


def test_a_disable_older_than_the_process_is_stuck_at_once():
    """The flag that would end it died with the process that set it."""
    bench = Bench()
    bench.see(observation(195, record=AUTO_DISABLED), 195)
    restarted = replace(RUNNING, started_at_s=200.0, invocation_id="inv-2")
    bench.see(observation(201, restarted, record=replace(AUTO_DISABLED, updated_at="a")), 201)
    decision = bench.see(observation(212, restarted, record=replace(AUTO_DISABLED, updated_at="b")), 212)
    assert decision.rule.number == "R64"


def test_observe_leaves_a_stuck_disable_alone():
    """And says which command ends it."""
    bench = Bench(pairing=replace(PAIRING, mode=Mode.OBSERVE))
    decision = beat(bench, 110, 120 + POLICY.stuck_disabled_hold_s)
    assert (decision.rule.number, decision.actions) == ("R61", ())


def test_an_operators_disable_stands_when_the_driver_writes_over_it():
    """It does so in each outage; os-services then shows the driver's reason alone."""
    bench = Bench()
    bench.healthy_at(LATER)
    mine = replace(RECORD, disabled=True, disabled_reason="audit", updated_at="t1")
    bench.see(observation(LATER + 5, record=mine), LATER + 5)
    decision = beat(bench, LATER + 10, LATER + 400)
    assert decision.diagnosis.diagnosis is Diagnosis.DISABLED_BY_OPERATOR
    assert bench.state.operator_disabled
    beat(bench, LATER + 410, LATER + 410, record=RECORD)
    assert not bench.state.operator_disabled


def test_enabled_again_forgets_when_it_was_disabled():
    """The hold-down begins anew each time."""
    bench = Bench()
    beat(bench, 110, 200)
    beat(bench, 210, 210, record=RECORD)
    assert bench.memory.auto_disabled_since_s is None
    assert bench.see(observation(211, record=None), 211).diagnosis.diagnosis is Diagnosis.CELL_DOWN


def test_recovering_ends_only_with_a_proof():
    """vCenter going away does not prove a start."""
    bench = Bench(Phase.RECOVERING)
    unproven = bench.see(observation(150, vcenter=REFUSED), 150)
    assert unproven.state.phase is Phase.RECOVERING
    assert bench.healthy_at(160).state.phase is Phase.WATCHING
