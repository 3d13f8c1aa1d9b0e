"""The controller reboots: what was watched is started again, unless it runs somewhere else."""

from __future__ import annotations

from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.state import Phase
from runtime.bench import HOST, POLICY, UNIT, Bench


def reboot(bench: Bench) -> None:
    """A new boot: nothing has run yet, and the daemon starts fresh."""
    bench.clock._boot_id = "boot-2"
    bench.systemd.add(UNIT)
    bench.systemd.starts.clear()
    bench.boot()


async def test_what_was_watched_is_started_again_once_nova_was_silent():
    """Nobody else runs it."""
    bench = await Bench().healthy()
    reboot(bench)
    await bench.pass_time(20)
    assert not bench.systemd.starts
    assert await bench.pass_time(60) is Diagnosis.HEALTHY
    assert len(bench.systemd.starts) == 1


async def test_moved_by_hand_while_this_controller_was_off_it_is_not_started_here():
    """Another controller's nova-compute reports: a second one would destroy builds in flight."""
    bench = await Bench().healthy()
    reboot(bench)
    for second in range(90):
        await bench.clock.advance(1)
        if second % 10 == 0:
            bench.nova.beat(HOST)
        await bench.round()
    assert not bench.systemd.starts
    assert bench.diagnosis is Diagnosis.RUNNING_ELSEWHERE


async def test_what_was_given_up_gets_a_new_chance():
    """Whoever rebooted the machine has acted."""
    bench = await Bench().healthy()
    bench.systemd.let_starts_die(1)
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(300)
    assert (bench.phase, len(bench.systemd.starts)) == (Phase.GIVEN_UP, POLICY.restart_budget)
    bench.systemd.let_starts_die(None)
    reboot(bench)
    assert await bench.pass_time(80) is Diagnosis.HEALTHY


async def test_what_a_human_stopped_stays_stopped():
    """A reboot is no wish to start it."""
    bench = await Bench().healthy()
    bench.systemd.stop_by_human(UNIT)
    await bench.pass_time(5)
    reboot(bench)
    await bench.pass_time(90)
    assert not bench.systemd.starts
