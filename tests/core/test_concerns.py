"""What is not as it should be around a pairing, each concern shown and not shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.builders import OK, PAIRING, POLICY, RECORD, RUNNING, Bench, killed, observation, reading
from nova_watchdog.core.concerns import Concern, worries_of
from nova_watchdog.core.diagnose import Condition, Diagnosis, condition_of
from nova_watchdog.core.memory import Memory
from nova_watchdog.core.model import (
    Answer,
    BusOutcome,
    BusView,
    ClusterView,
    ComputeOnBus,
    Datastore,
    HostLoad,
    InventoryView,
    Observation,
    VCenterSession,
    WorkloadView,
)

DAY_S = 86400.0
SHARED = Datastore("vsan-1", "vsan", 1000, 500, accessible=True, in_maintenance=False, mounted_on=3)
CLUSTER = ClusterView("domain-c1", True, "fullyAutomated", 3, 3, 0, (SHARED,))  # noqa: FBT003
AT_S = 1000.0


def nova_session(idle_s: float, agent: str = "python-requests/2.31") -> VCenterSession:
    """A session as oslo.vmware makes it."""
    return VCenterSession("192.0.2.1", agent, idle_s, 42, 900.0)


def inventory(cluster: ClusterView | None = CLUSTER, **changes: Any) -> InventoryView:
    """A vCenter with that cluster."""
    clusters = {"DC0_C0": cluster} if cluster else {}
    return replace(InventoryView("uuid", clusters, 300 * DAY_S, (nova_session(5.0),)), **changes)


def with_readings(**readings: Any) -> Observation:
    """A healthy pairing beside these slow readings."""
    found = {name: reading(value, AT_S) for name, value in readings.items()}
    return replace(observation(AT_S), **found)


def settled() -> Memory:
    """A process that has run and reported for long, with vCenter fine for long."""
    return Memory(
        watching_since_s=0.0, process_started_at_s=100.0, heartbeat_at_s=AT_S - 5, vcenter_held_s=800.0
    )


def concerns(seen: Observation, memory: Memory | None = None, pairing=PAIRING) -> set[Concern]:
    """The words alone."""
    return {w.concern for w in worries_of(pairing, seen, memory or settled(), POLICY, AT_S)}


def test_a_good_cluster_worries_nobody():
    """The baseline of all that follows."""
    assert concerns(with_readings(inventory=inventory())) == set()


@pytest.mark.parametrize(
    ("cluster", "concern"),
    [
        (replace(CLUSTER, drs_enabled=False), Concern.DRS_OFF),
        (replace(CLUSTER, drs_behavior="manual"), Concern.DRS_NOT_AUTOMATED),
        (replace(CLUSTER, datastores=()), Concern.DATASTORE_MISSING),
        (replace(CLUSTER, datastores=(replace(SHARED, kind="cifs"),)), Concern.DATASTORE_MISSING),
        (replace(CLUSTER, datastores=(replace(SHARED, accessible=False),)), Concern.DATASTORE_INACCESSIBLE),
        (
            replace(CLUSTER, datastores=(replace(SHARED, in_maintenance=True),)),
            Concern.DATASTORE_INACCESSIBLE,
        ),
        (replace(CLUSTER, datastores=(replace(SHARED, mounted_on=2),)), Concern.DATASTORE_NOT_SHARED),
        (replace(CLUSTER, datastores=(replace(SHARED, free_bytes=40),)), Concern.DATASTORE_FULL),
        (replace(CLUSTER, in_maintenance=3), Concern.NO_USABLE_HOST),
    ],
)
def test_each_trouble_of_a_cluster_has_its_word(cluster, concern):
    """One at a time."""
    assert concerns(with_readings(inventory=inventory(cluster))) == {concern}


def test_a_host_that_vcenter_lost_is_told():
    """The datastore is measured against the hosts that are there."""
    cluster = replace(CLUSTER, connected=2, datastores=(replace(SHARED, mounted_on=2),))
    assert concerns(with_readings(inventory=inventory(cluster))) == {Concern.HOST_DISCONNECTED}


def test_only_the_datastores_of_the_regex_count():
    """nova never looks at the others."""
    local = replace(SHARED, name="local-esx1", mounted_on=1)
    cluster = replace(CLUSTER, datastores=(SHARED, local))
    assert concerns(with_readings(inventory=inventory(cluster))) == {Concern.DATASTORE_NOT_SHARED}
    mine = replace(PAIRING, datastore_regex="vsan.*")
    assert concerns(with_readings(inventory=inventory(cluster)), pairing=mine) == set()
    none = replace(PAIRING, datastore_regex="nfs.*")
    found = worries_of(none, with_readings(inventory=inventory(cluster)), settled(), POLICY, AT_S)
    assert [w.detail for w in found] == ["the cluster has no datastore matching nfs.*"]


@pytest.mark.parametrize(
    ("in_s", "words"), [(3 * DAY_S, "expires in 3.0 days"), (-2 * DAY_S, "expired 2.0 days ago")]
)
def test_a_certificate_is_told_before_and_after_its_end(in_s, words):
    """With the number of days."""
    seen = with_readings(inventory=inventory(certificate_expires_in_s=in_s))
    (worry,) = worries_of(PAIRING, seen, settled(), POLICY, AT_S)
    assert worry.concern is Concern.CERTIFICATE_EXPIRING
    assert words in worry.detail


def test_a_vcenter_without_tls_has_no_certificate_to_worry_about():
    """None is not "expired"."""
    assert concerns(with_readings(inventory=inventory(certificate_expires_in_s=None))) == set()


def test_a_missing_cluster_is_the_diagnosis_business():
    """No concern doubles it."""
    assert concerns(with_readings(inventory=inventory(None))) == set()


@pytest.mark.parametrize("sessions", [(), (nova_session(500.0),), (nova_session(5.0, agent="govc"),)])
def test_a_nova_compute_that_does_not_call_vcenter_is_told(sessions):
    """It polls every 60 s; another program's session of the same account does not count."""
    assert concerns(with_readings(inventory=inventory(sessions=sessions))) == {Concern.VCENTER_IDLE}


@pytest.mark.parametrize(
    "memory",
    [
        replace(settled(), heartbeat_at_s=None),
        replace(settled(), heartbeat_at_s=AT_S - 100),
        replace(settled(), vcenter_held_s=60.0),
        replace(settled(), process_started_at_s=AT_S - 100),
    ],
    ids=["no heartbeat", "stale heartbeat", "vcenter just back", "young process"],
)
def test_silence_towards_vcenter_counts_only_while_its_witnesses_are_fine(memory):
    """With the control plane cut nova-compute calls nobody."""
    idle = inventory(sessions=(nova_session(500.0),))
    assert concerns(with_readings(inventory=idle), memory) == set()


def test_a_dead_process_has_no_silence():
    """It is down; that is all there is to say."""
    idle = replace(with_readings(inventory=inventory(sessions=())), unit=reading(killed(), AT_S))
    assert concerns(idle) == set()


def test_sessions_that_may_not_be_listed_show_nothing():
    """Unknown is not idle."""
    assert concerns(with_readings(inventory=inventory(sessions=None))) == set()


@pytest.mark.parametrize(("age_s", "expected"), [(60.0, set()), (3600.0, {Concern.BUILDS_STUCK})])
def test_builds_that_do_not_move_are_told(age_s, expected):
    """By Nova's own clock."""
    view = WorkloadView({PAIRING.host: HostLoad(7, ("domain-c1.uuid",), (age_s,))})
    assert concerns(with_readings(workload=view)) == expected


def test_a_host_without_load_has_no_builds():
    """Nova has no hypervisor of it yet."""
    assert concerns(with_readings(workload=WorkloadView({}))) == set()


def on_bus(consumers: int | None = 1, queued: int | None = 0, outcome: BusOutcome = BusOutcome.OK) -> BusView:
    """The pairing's queue."""
    compute = ComputeOnBus(Answer.ANSWERED, 0.01, consumers, queued)
    return BusView(outcome, "", Answer.ANSWERED, {PAIRING.host: compute})


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (on_bus(queued=500), {Concern.RPCS_QUEUED}),
        (on_bus(queued=None), set()),
        (on_bus(queued=500, outcome=BusOutcome.BLOCKED), set()),
        (BusView(BusOutcome.OK, "", Answer.ANSWERED, {}), set()),
    ],
)
def test_rpcs_that_pile_up_are_told(view, expected):
    """A blocked bus explains itself."""
    assert concerns(with_readings(bus=view)) == expected


def test_two_consumers_are_told_only_when_they_stay():
    """RabbitMQ keeps the consumer of a lost process for minutes."""
    bench = Bench()
    for at_s in range(300, 500, 10):
        seen = replace(observation(at_s), bus=reading(on_bus(consumers=2), at_s))
        bench.memory = replace(bench.memory, process_started_at_s=RUNNING.started_at_s)
        bench.see(seen, at_s)
        held = {w.concern for w in worries_of(PAIRING, seen, bench.memory, POLICY, at_s)}
        assert held == ({Concern.TWO_CONSUMERS} if at_s >= 300 + POLICY.two_consumers_hold_s else set())


@pytest.mark.parametrize(
    ("readings", "diagnosis"),
    [
        ({"inventory": inventory(replace(CLUSTER, drs_enabled=False))}, Diagnosis.CLUSTER_DEGRADED),
        ({"bus": on_bus(queued=500)}, Diagnosis.DEGRADED),
        ({"inventory": inventory(), "bus": on_bus()}, Diagnosis.HEALTHY),
    ],
)
def test_a_pairing_that_works_with_a_concern_is_degraded_and_left_alone(readings, diagnosis):
    """The cluster's concerns outrank the others."""
    bench = Bench()
    bench.healthy_at(AT_S)
    late = {name: reading(value, AT_S + 1) for name, value in readings.items()}
    seen = replace(observation(AT_S + 1, record=replace(RECORD, updated_at="next")), **late)
    decision = bench.see(seen, AT_S + 1)
    assert decision.diagnosis.diagnosis is diagnosis
    assert decision.actions == ()


@pytest.mark.parametrize(
    ("node", "expected"),
    [("domain-c1.uuid", Diagnosis.HEALTHY), ("domain-c99.uuid", Diagnosis.CLUSTER_GONE)],
)
def test_a_cluster_made_anew_under_its_old_name_is_gone(node, expected):
    """Its moid is in the name that Nova knows it by."""
    bench = Bench()
    bench.healthy_at(AT_S)
    view = WorkloadView({PAIRING.host: HostLoad(7, (node,))})
    seen = replace(
        observation(AT_S + 1, vcenter=OK, record=replace(RECORD, updated_at="next")),
        workload=reading(view, AT_S + 1),
    )
    assert bench.see(seen, AT_S + 1).diagnosis.diagnosis is expected


def test_every_diagnosis_has_a_condition():
    """What is not named otherwise is a failure."""
    assert condition_of(Diagnosis.HEALTHY) is Condition.HEALTHY
    assert condition_of(Diagnosis.PROCESS_DOWN) is Condition.FAILED
    assert condition_of(Diagnosis.CONTROL_PLANE_BLIND) is Condition.UNKNOWN
    assert {condition_of(word) for word in Diagnosis} == set(Condition)
