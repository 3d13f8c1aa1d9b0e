"""The loop of one pairing among the fakes: the nights of the issue, in virtual time."""

from __future__ import annotations

import logging

import pytest

from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.model import Mode
from nova_watchdog.core.state import Phase
from runtime.bench import HOST, POLICY, UNIT, Bench


async def test_a_killed_process_is_started_in_the_same_round_and_verified():
    """One start, by rule R39, and healthy only with a heartbeat of the new process."""
    bench = await Bench().healthy()
    bench.systemd.kill_by_human(UNIT)
    await bench.round()
    assert len(bench.systemd.starts) == 1
    assert await bench.pass_time(25) is Diagnosis.HEALTHY
    assert bench.actions == {("R39", "start", "done"): 1}
    assert "R45" in bench.rules
    assert len(bench.systemd.starts) == 1


@pytest.mark.parametrize("outage", ["cut", "refuse_login"])
async def test_an_outage_of_vcenter_changes_nothing_and_heals_by_itself(outage):
    """nova-compute is left alone."""
    bench = await Bench().healthy()
    getattr(bench.vcenter, outage)()
    await bench.pass_time(60)
    assert bench.seen[-1] in (Diagnosis.VCENTER_DOWN, Diagnosis.VCENTER_LOGIN_REFUSED)
    bench.vcenter.heal()
    assert await bench.pass_time(5) is Diagnosis.HEALTHY
    assert not bench.systemd.starts


async def test_killed_during_an_outage_it_starts_after_it_and_is_enabled():
    """No start while vCenter is away, none charged, and the driver's stuck disable is ended."""
    bench = await Bench().healthy()
    bench.vcenter.cut()
    await bench.pass_time(20)
    bench.nova.disable_by_driver(HOST)
    await bench.pass_time(5)
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(60)
    assert not bench.systemd.starts
    bench.vcenter.heal()
    assert await bench.pass_time(40) is Diagnosis.HEALTHY
    assert len(bench.systemd.starts) == 1
    assert bench.nova.enabled == [HOST]
    assert bench.loop.snapshot is not None
    assert bench.loop.snapshot.starts_left == POLICY.restart_budget


async def test_an_operators_disable_during_the_outage_is_respected():
    """The reason is not the driver's."""
    bench = await Bench().healthy()
    bench.vcenter.cut()
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(5)
    bench.nova.disable_by_operator(HOST)
    bench.vcenter.heal()
    assert await bench.pass_time(60) is Diagnosis.DISABLED_BY_OPERATOR
    assert not bench.nova.enabled


async def test_a_start_that_always_dies_spends_the_budget_and_then_is_quiet(caplog):
    """And the log says what a human must do."""
    bench = await Bench().healthy()
    bench.systemd.let_starts_die(1)
    bench.systemd.kill_by_human(UNIT)
    with caplog.at_level(logging.INFO, "nova_watchdog"):
        await bench.pass_time(300)
    assert len(bench.systemd.starts) == POLICY.restart_budget
    assert bench.phase is Phase.GIVEN_UP
    given_up = [r.getMessage() for r in caplog.records if "rule=R38" in r.getMessage()]
    assert len(given_up) == 1
    assert f"systemctl start {UNIT}" in given_up[0]
    bench.systemd.let_starts_die(None)
    bench.systemd.start_by_human(UNIT)
    assert await bench.pass_time(25) is Diagnosis.HEALTHY


async def test_a_stop_by_a_human_is_respected_over_a_restart_of_the_daemon():
    """Also when the daemon was away when it happened, and systemd forgot the unit."""
    bench = await Bench().healthy()
    bench.systemd.stop_by_human(UNIT)
    await bench.pass_time(30)
    assert (bench.diagnosis, bench.systemd.starts) == (Diagnosis.STOPPED_ON_PURPOSE, [])
    bench.boot()
    bench.systemd.daemon_was_away()
    await bench.pass_time(30)
    assert not bench.systemd.starts


async def test_a_restarted_daemon_picks_the_state_up_and_touches_nothing():
    """Its record and the unit tell all it needs."""
    bench = await Bench().healthy()
    bench.boot()
    assert await bench.pass_time(15) is Diagnosis.HEALTHY
    assert not bench.systemd.starts
    assert bench.phase is Phase.WATCHING
    assert not {Diagnosis.STARTING, Diagnosis.NOT_REPORTING} & set(bench.seen)


async def test_a_spent_budget_stays_spent_over_a_restart_of_the_daemon():
    """A crash loop of the daemon must not become one of nova-compute."""
    bench = await Bench().healthy()
    bench.systemd.let_starts_die(1)
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(60)
    for _ in range(5):
        bench.boot()
        await bench.pass_time(60)
    assert len(bench.systemd.starts) == POLICY.restart_budget


async def test_nothing_is_done_that_cannot_be_recorded():
    """Record, then act: with the store away a start would be forgotten by the budget."""
    bench = await Bench().healthy()
    bench.store.cut()
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(30)
    assert not bench.systemd.starts
    bench.store.heal()
    assert await bench.pass_time(30) is Diagnosis.HEALTHY
    assert len(bench.systemd.starts) == 1


async def test_a_store_that_is_back_is_no_problem_any_more_even_with_nothing_to_write():
    """The pairing returned to what its record says while the store was away."""
    bench = await Bench().healthy()
    bench.store.cut("disk full")
    bench.vcenter.cut()
    await bench.pass_time(10)
    assert bench.loop.snapshot is not None
    assert bench.loop.snapshot.store_problem == "disk full"
    bench.vcenter.heal()
    await bench.pass_time(5)
    bench.store.heal()
    await bench.pass_time(5)
    assert bench.loop.snapshot.store_problem == ""


async def test_without_a_readable_record_the_pairing_is_only_observed(caplog):
    """A foreign record is not overwritten, and the reason is logged once."""
    bench = await Bench().healthy()
    await bench.store.commit({}, {"pairings/cluster-a": {"format": 99}})
    bench.boot()
    bench.systemd.kill_by_human(UNIT)
    with caplog.at_level(logging.ERROR, "nova_watchdog"):
        await bench.pass_time(30)
    assert not bench.systemd.starts
    assert bench.records.read("")["pairings/cluster-a"].value == {"format": 99}
    assert len([r for r in caplog.records if "store-unavailable" in r.getMessage()]) == 1


async def test_a_record_that_somebody_else_wrote_is_read_anew():
    """A lost compare is no error, and nothing is done on the strength of the old one."""
    bench = await Bench().healthy()
    key = "pairings/cluster-a"
    await bench.store.commit({}, {key: dict(bench.records.read("")[key].value)})
    bench.systemd.kill_by_human(UNIT)
    assert await bench.pass_time(25) is Diagnosis.HEALTHY
    assert len(bench.systemd.starts) == 1


async def test_a_refused_start_is_told_with_its_reason_and_counts():
    """polkit says no: bounded tries, then a human."""
    bench = await Bench().healthy()
    bench.systemd.refuse_starts("polkit said no")
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(120)
    assert bench.actions == {("R39", "start", "refused"): POLICY.restart_budget}
    assert bench.loop.snapshot is not None
    assert "polkit said no" in bench.loop.snapshot.last_action
    assert bench.phase is Phase.GIVEN_UP


async def test_an_unanswered_start_is_unknown_and_not_failed():
    """It may have happened; the next look tells."""
    bench = await Bench().healthy()
    bench.systemd.answer_starts(answers=False)
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(25)
    assert bench.actions == {("R39", "start", "result-unknown"): 1}
    assert bench.diagnosis is Diagnosis.HEALTHY


async def test_a_lost_bus_gives_no_verdict_and_no_action():
    """Afterwards all is as before."""
    bench = await Bench().healthy()
    bench.systemd.lose_bus()
    assert await bench.pass_time(30) is Diagnosis.UNKNOWN
    bench.systemd.find_bus()
    assert await bench.pass_time(5) is Diagnosis.HEALTHY


async def test_observe_does_nothing_at_all():
    """Neither to systemd nor to Nova."""
    bench = await Bench(Mode.OBSERVE).healthy()
    bench.systemd.kill_by_human(UNIT)
    assert await bench.pass_time(60) is Diagnosis.PROCESS_DOWN
    assert not bench.systemd.starts
    assert not bench.actions


async def test_each_edge_is_one_line_with_rule_and_why(caplog):
    """Quiet in between."""
    bench = await Bench().healthy()
    caplog.clear()
    with caplog.at_level(logging.INFO, "nova_watchdog"):
        await bench.pass_time(60)
        assert not caplog.records
        bench.vcenter.cut("connection refused")
        await bench.pass_time(60)
    (line,) = [r.getMessage() for r in caplog.records]
    for part in ("event=edge", "rule=R40", "diagnosis=vcenter-down", "why=", "connection refused"):
        assert part in line


async def test_the_unit_is_read_on_a_signal_and_never_by_poll():
    """Ticks without a signal do not ask systemd."""
    bench = await Bench().healthy()
    reads = 0
    real = bench.systemd.read

    async def counting(unit: str):
        nonlocal reads
        reads += 1
        return await real(unit)

    bench.systemd.read = counting  # type: ignore[method-assign]
    for _ in range(50):
        await bench.round()
    assert reads == 0
    bench.systemd.stop_by_human(UNIT)
    await bench.loop.tick()
    assert reads == 1
