"""Probes keep to their deadlines, and the fleet tells systemd only what is true."""

from __future__ import annotations

import asyncio

import pytest

from fakes.clock import FakeClock
from fakes.manager import FakeManager
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.core.model import Reading, Unknown
from nova_watchdog.ports import ProbeError
from nova_watchdog.runtime import fleet as fleet_module
from nova_watchdog.runtime.fleet import Fleet
from nova_watchdog.runtime.probe import Probe
from runtime.bench import Bench


def probe_of(read, *, interval_s: float = 3600.0, deadline_s: float = 5.0) -> Probe[int]:
    return Probe(
        "test",
        "target",
        read,
        SystemClock(),
        interval_s=interval_s,
        deadline_s=deadline_s,
        judge=lambda value: (value > 0, f"is {value}"),
    )


async def until(condition) -> None:
    """Wait for a condition, with a generous bound."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  what is waited for sets no event
            await asyncio.sleep(0.005)


async def test_a_probe_that_hangs_is_unknown_after_its_deadline():
    """Unknown, with the reason; the next one gets its own chance."""

    async def hang() -> int:
        await asyncio.Event().wait()
        return 1

    probe = probe_of(hang, deadline_s=0.01)
    await probe.take()
    assert isinstance(probe.observed, Unknown)
    assert "no answer within" in probe.observed.reason
    assert (probe.snapshot.runs, probe.snapshot.failures) == (1, 1)


async def test_a_probe_that_cannot_tell_is_unknown_with_its_reason():
    """The adapter's words."""

    async def fail() -> int:
        raise ProbeError("HTTP 503")

    probe = probe_of(fail)
    await probe.take()
    assert isinstance(probe.observed, Unknown)
    assert probe.observed.reason == probe.snapshot.detail == "HTTP 503"


async def test_a_value_may_be_a_failure_and_is_a_reading_all_the_same():
    """vCenter refused the connection: that is known."""

    async def zero() -> int:
        return 0

    probe = probe_of(zero)
    await probe.take()
    assert isinstance(probe.observed, Reading)
    assert not probe.snapshot.ok
    assert probe.snapshot.last_success_wall_s is None


async def test_a_request_brings_a_reading_before_the_interval_ends():
    """That is how a death is followed by a canary at once."""
    count = 0

    async def read() -> int:
        nonlocal count
        count += 1
        return count

    probe = probe_of(read)
    woken: list[int] = []
    probe.subscribe(lambda: woken.append(count))
    running = asyncio.create_task(probe.run())
    await until(lambda: count == 1)
    probe.request()
    await until(lambda: woken == [1, 2])
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_defect_in_a_probe_is_not_swallowed():
    """It ends the daemon: half a watchdog is worse than a restarted one."""

    async def broken() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await probe_of(broken).take()


@pytest.fixture
def beat_s(monkeypatch):
    """How often the fleet tells the manager: in real time, so the tests shorten it."""
    monkeypatch.setattr(fleet_module, "_BEAT_S", 0.05)
    return 0.05


@pytest.mark.usefixtures("beat_s")
async def test_the_fleet_is_ready_after_every_pairing_was_looked_at_and_alive_while_all_move():
    """READY=1 and WATCHDOG=1 are earned."""
    bench = await Bench().healthy()
    manager = FakeManager()
    fleet = Fleet("ctl1", "0", bench.clock, manager)
    await fleet.take([bench.vcenter_probe, bench.nova_probe], [bench.loop])
    running = asyncio.create_task(fleet.run())
    await until(lambda: ("alive", "1 healthy") in manager.told)
    assert manager.told[0] == ("ready", "1 healthy")
    running.cancel()
    await asyncio.wait((running,))


@pytest.mark.parametrize(("within_s", "told"), [(200.0, ["ready", "alive"]), (100.0, ["ready"])])
async def test_another_loop_that_hangs_stops_the_heartbeat_of_the_daemon(beat_s, within_s, told):
    """One that keeps holds, say: a daemon without it looks and does nothing."""
    bench = await Bench().healthy()
    manager, round_s = FakeManager(), bench.clock.now_s() - 150.0
    fleet = Fleet("ctl1", "0", bench.clock, manager)
    fleet.lives_with(lambda: round_s, within_s)
    await fleet.take([], [bench.loop])
    running = asyncio.create_task(fleet.run())
    await until(lambda: len(manager.told) >= len(told))
    await asyncio.sleep(6 * beat_s)
    assert list(dict.fromkeys(what for what, _ in manager.told)) == told
    running.cancel()
    await asyncio.wait((running,))


async def test_a_pairing_that_hangs_stops_the_heartbeat_of_the_daemon(beat_s):
    """systemd then ends the daemon and starts a new one."""
    bench = await Bench().healthy()
    other = await Bench().healthy()
    manager = FakeManager()
    fleet = Fleet("ctl1", "0", bench.clock, manager)

    async def hang(_unit: str):
        await asyncio.Event().wait()

    bench.systemd.read = hang  # type: ignore[method-assign,assignment]
    bench.systemd.lose_bus()
    await fleet.take([], [bench.loop, other.loop])
    await bench.clock.advance(3600)
    running = asyncio.create_task(fleet.run())
    await until(lambda: bool(manager.told))
    await asyncio.sleep(6 * beat_s)
    assert [what for what, _ in manager.told] == ["ready"]
    running.cancel()
    await asyncio.wait((running,))


async def test_the_fleets_picture_holds_every_pairing_and_counts_actions():
    """What telemetry reads."""
    bench = await Bench().healthy()
    fleet = Fleet("ctl1", "0", FakeClock(), FakeManager())
    await fleet.take([bench.vcenter_probe], [bench.loop])
    count = fleet.counter_for("cluster-a")
    count("R39", "start", "done")
    count("R39", "start", "done")
    seen = fleet.snapshot()
    assert set(seen.pairings) == {"cluster-a"}
    assert seen.actions == {("cluster-a", "R39", "start", "done"): 2}
    assert [p.kind for p in seen.probes] == ["vcenter"]


@pytest.mark.usefixtures("beat_s")
async def test_a_fleet_that_takes_others_ends_what_is_gone_and_leaves_the_rest_running():
    """A reload of the configuration touches nothing that did not change."""
    bench, other = await Bench().healthy(), await Bench().healthy()
    fleet = Fleet("ctl1", "0", bench.clock, FakeManager())
    await fleet.take([bench.vcenter_probe, other.vcenter_probe], [bench.loop, other.loop])
    running = asyncio.create_task(fleet.run())
    began = bench.vcenter_probe.snapshot.runs, other.vcenter_probe.snapshot.runs
    await until(lambda: other.vcenter_probe.snapshot.runs > began[1])
    await fleet.take([bench.vcenter_probe], [bench.loop])
    left = other.vcenter_probe.snapshot.runs
    seen = bench.vcenter_probe.snapshot.runs
    bench.vcenter_probe.request()
    await until(lambda: bench.vcenter_probe.snapshot.runs > seen)
    assert other.vcenter_probe.snapshot.runs == left
    assert fleet.loops == [bench.loop]
    running.cancel()
    await asyncio.wait((running,))
