"""What somebody does to the unit while a decision about it is being written to the store."""

from __future__ import annotations

from nova_watchdog.core.diagnose import Diagnosis
from runtime.bench import UNIT, Bench


async def test_a_stop_of_a_dead_unit_during_the_write_is_respected():
    """The disk may take seconds. The invocation is still the one that was judged, so the port cannot tell."""
    bench = await Bench().healthy()
    commit = bench.store.commit

    async def slow_commit(expected, puts):
        revision = await commit(expected, puts)
        if puts["pairings/cluster-a"]["phase"] == "recovering":
            bench.systemd.stop_by_human(UNIT)
        return revision

    bench.store.commit = slow_commit  # type: ignore[method-assign]
    bench.systemd.kill_by_human(UNIT)
    assert await bench.pass_time(60) is Diagnosis.STOPPED_ON_PURPOSE
    assert not bench.systemd.starts
    assert bench.actions == {("R39", "start", "refused"): 1}


async def test_a_signal_that_changes_nothing_does_not_cost_the_start():
    """systemd sends several signals for one end; the late ones say nothing new."""
    bench = await Bench().healthy()
    commit = bench.store.commit

    async def commit_and_signal(expected, puts):
        revision = await commit(expected, puts)
        bench.systemd._wake(UNIT)
        return revision

    bench.store.commit = commit_and_signal  # type: ignore[method-assign]
    bench.systemd.kill_by_human(UNIT)
    assert await bench.pass_time(25) is Diagnosis.HEALTHY
    assert bench.actions == {("R39", "start", "done"): 1}


async def test_a_bus_lost_during_the_write_refuses_the_start():
    """What the unit is now cannot be told, so nothing is done on the strength of what it was."""
    bench = await Bench().healthy()
    commit = bench.store.commit

    async def commit_and_lose(expected, puts):
        revision = await commit(expected, puts)
        if puts["pairings/cluster-a"]["phase"] == "recovering":
            bench.systemd.lose_bus()
        return revision

    bench.store.commit = commit_and_lose  # type: ignore[method-assign]
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(5)
    assert not bench.systemd.starts
