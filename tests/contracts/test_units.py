"""The contract of systemd's units, on the fakes and on the adapter with a real systemd."""

from __future__ import annotations

import asyncio

import pytest

from contracts.simulated_worlds import SimulatedUnitsWorld
from contracts.units_worlds import FakeWorld, SystemdWorld, Wakes
from contracts.waiting import PATIENCE_S
from nova_watchdog.core.model import ActiveState, LoadState, StopCause
from nova_watchdog.ports import ActionRefusedError, ProbeError


@pytest.fixture(params=["fake", "simulated", pytest.param("systemd", marks=pytest.mark.lab)])
async def world(request):
    if request.param == "fake":
        made: FakeWorld | SimulatedUnitsWorld | SystemdWorld = FakeWorld()
    elif request.param == "simulated":
        made = SimulatedUnitsWorld()
    else:
        made = await SystemdWorld(request.getfixturevalue("controller")).open()
    yield made
    await made.close()


async def _started(world, **kind):
    """A unit that the port has started, its state, and its subscriber's count."""
    unit, wakes = await world.watch(**kind)
    await world.port.start(unit, expected_invocation=(await world.port.read(unit)).invocation_id)
    await world.eventually(lambda: wakes.count > 0)
    state = await _rest(world, unit)
    return unit, state, wakes


async def _rest(world, unit):
    """The unit's state once no job is pending."""
    async with asyncio.timeout(PATIENCE_S):
        while (state := await world.port.read(unit)).job is not None:  # noqa: ASYNC110 - a read is what tells
            await asyncio.sleep(0.01)
    return state


# --- reading


async def test_a_unit_that_never_ran_says_so(world):
    """Neither stopped by somebody nor crashed."""
    unit, _ = await world.watch()
    state = await world.port.read(unit)
    assert (state.load, state.active, state.stop_cause) == (
        LoadState.LOADED,
        ActiveState.INACTIVE,
        StopCause.NEVER_RAN,
    )
    assert (state.main_pid, state.started_at_s, state.invocation_id, state.job) == (0, 0.0, "", None)
    assert state.is_down


async def test_an_absent_unit_is_a_state_not_an_error(world):
    """Not found is what is known about it."""
    await world.watch()
    state = await world.port.read("contract-nobody-wrote@it.service")
    assert state.load is LoadState.NOT_FOUND
    assert state.is_down


async def test_a_masked_unit_is_a_state_not_an_error(world):
    """Masked by an administrator."""
    unit, _ = await world.watch()
    await world.mask(unit)
    assert (await world.port.read(unit)).load is LoadState.MASKED


async def test_a_running_unit_shows_its_process(world):
    """With the time of its start on the clock's own scale."""
    before_s = world.clock.now_s()
    unit, state, _ = await _started(world)
    assert state.active is ActiveState.ACTIVE
    assert state.has_process
    assert not state.is_down
    assert state.stop_cause is StopCause.RUNNING
    assert before_s - 0.01 <= state.started_at_s <= world.clock.now_s()
    assert state.invocation_id != ""
    assert (await world.port.read(unit)) == state


# --- waking


async def test_a_kill_wakes_the_subscriber(world):
    """By signal: nobody asks in between."""
    unit, _, wakes = await _started(world)
    wakes.count = 0
    await world.kill(unit)
    await world.eventually(lambda: wakes.count > 0)


async def test_every_subscriber_of_a_unit_is_woken_and_no_other(world):
    """Two for the same unit; a unit that nothing happened to stays quiet."""
    unit, wakes = await world.watch()
    second = Wakes()
    world.port.subscribe(unit, second)
    await world.start_by_human(unit)
    await world.eventually(lambda: wakes.count > 0 and second.count > 0)


async def test_reading_wakes_nobody(world):
    """Or a loop that reads when woken would never rest. Also of a unit that systemd has unloaded."""
    unit, _, wakes = await _started(world)
    await world.stop_by_human(unit)
    await world.eventually(lambda: wakes.count > 0)
    await _rest(world, unit)
    wakes.count = 0
    for _ in range(30):
        await world.port.read(unit)
    assert wakes.count == 0


# --- who ended it


async def test_a_killed_process_ended_by_itself(world):
    """kill -9: the unit is failed, and the signal shows."""
    unit, _, _ = await _started(world)
    await world.kill(unit)
    state = await world.port.read(unit)
    assert (state.active, state.stop_cause) == (ActiveState.FAILED, StopCause.BY_ITSELF)
    assert (state.result, state.detail) == ("signal", "signal=KILL")
    assert state.is_down
    assert state.main_pid == 0


async def test_an_exit_with_an_error_ended_by_itself(world):
    """The exit code shows."""
    unit, _, _ = await _started(world)
    await world.exit(unit, 3)
    state = await world.port.read(unit)
    assert (state.active, state.stop_cause) == (ActiveState.FAILED, StopCause.BY_ITSELF)
    assert state.detail == "exit-code=3"


async def test_a_clean_exit_without_a_job_ended_by_itself(world):
    """Exit code 0, but nobody asked for it."""
    unit, _, _ = await _started(world)
    await world.exit(unit, 0)
    state = await world.port.read(unit)
    assert (state.active, state.stop_cause) == (ActiveState.INACTIVE, StopCause.BY_ITSELF)


async def test_a_stop_by_a_human_is_a_foreign_job(world):
    """However short it was."""
    unit, _, _ = await _started(world)
    await world.stop_by_human(unit)
    state = await world.port.read(unit)
    assert (state.active, state.stop_cause) == (ActiveState.INACTIVE, StopCause.FOREIGN_JOB)


async def test_a_stop_that_had_to_kill_is_a_foreign_job_too(world):
    """systemd lost patience, the unit is failed, and it was a human's wish all the same."""
    unit, _, _ = await _started(world, is_stubborn=True)
    await world.begin_stubborn_stop(unit)
    await world.end_stubborn_stop(unit)
    state = await world.port.read(unit)
    assert (state.active, state.stop_cause) == (ActiveState.FAILED, StopCause.FOREIGN_JOB)
    assert state.detail == "result=timeout signal=KILL"


async def test_a_stop_under_way_shows_its_job(world):
    """The process is still there: not down, and not to be touched."""
    unit, _, wakes = await _started(world, is_stubborn=True)
    wakes.count = 0
    await world.begin_stubborn_stop(unit)
    await world.eventually(lambda: wakes.count > 0)
    state = await world.port.read(unit)
    assert (state.active, state.job) == (ActiveState.DEACTIVATING, "stop")
    assert state.has_process
    assert not state.is_down
    await world.end_stubborn_stop(unit)


async def test_a_stop_of_a_crashed_unit_is_a_wish_too(world):
    """Whoever stops what has crashed does not want it started again."""
    unit, _, _ = await _started(world)
    await world.kill(unit)
    assert (await world.port.read(unit)).stop_cause is StopCause.BY_ITSELF
    await world.stop_by_human(unit)
    assert (await world.port.read(unit)).stop_cause is StopCause.FOREIGN_JOB


async def test_a_later_start_clears_the_memory(world):
    """Restarted by a human, then crashed: that is a crash."""
    unit, _, _ = await _started(world)
    await world.restart_by_human(unit)
    state = await _rest(world, unit)
    assert (state.active, state.stop_cause) == (ActiveState.ACTIVE, StopCause.RUNNING)
    await world.kill(unit)
    assert (await world.port.read(unit)).stop_cause is StopCause.BY_ITSELF


async def test_a_clean_end_nobody_saw_counts_as_a_wish(world):
    """The daemon was not there: it is careful."""
    unit, _, _ = await _started(world)
    await world.stop_by_human(unit)
    await world.replace_daemon()
    assert (await world.port.read(unit)).stop_cause is StopCause.FOREIGN_JOB


async def test_a_failure_nobody_saw_ended_by_itself(world):
    """A failed unit tells its own story."""
    unit, _, _ = await _started(world)
    await world.kill(unit)
    await world.replace_daemon()
    assert (await world.port.read(unit)).stop_cause is StopCause.BY_ITSELF


async def test_what_runs_is_picked_up_by_a_new_daemon(world):
    """Untouched, with the same process and invocation."""
    unit, before, _ = await _started(world)
    await world.replace_daemon()
    assert await world.port.read(unit) == before


# --- starting


async def test_a_crashed_unit_can_be_started(world):
    """A new process, a new invocation."""
    unit, first, _ = await _started(world)
    await world.kill(unit)
    await world.port.start(unit, expected_invocation=first.invocation_id)
    state = await _rest(world, unit)
    assert state.active is ActiveState.ACTIVE
    assert state.invocation_id != first.invocation_id


async def test_a_running_unit_is_not_started(world):
    """It has a process."""
    unit, state, _ = await _started(world)
    with pytest.raises(ActionRefusedError, match="process"):
        await world.port.start(unit, expected_invocation=state.invocation_id)
    assert await world.port.read(unit) == state


async def test_a_unit_that_ran_in_between_is_not_started(world):
    """Somebody started it after it was judged, and it ended again: it must be judged anew."""
    unit, first, _ = await _started(world)
    await world.kill(unit)
    await world.start_by_human(unit)
    await world.kill(unit)
    with pytest.raises(ActionRefusedError, match="since it was last looked at"):
        await world.port.start(unit, expected_invocation=first.invocation_id)
    assert (await world.port.read(unit)).is_down


async def test_a_unit_with_a_job_is_not_started(world):
    """Somebody is stopping it right now."""
    unit, state, _ = await _started(world, is_stubborn=True)
    await world.begin_stubborn_stop(unit)
    with pytest.raises(ActionRefusedError):
        await world.port.start(unit, expected_invocation=state.invocation_id)
    await world.end_stubborn_stop(unit)
    assert (await world.port.read(unit)).stop_cause is StopCause.FOREIGN_JOB


async def test_an_absent_or_masked_unit_is_not_started(world):
    """And the reason says which."""
    unit, _ = await world.watch()
    with pytest.raises(ActionRefusedError, match="not-found"):
        await world.port.start("contract-nobody-wrote@it.service", expected_invocation="")
    await world.mask(unit)
    with pytest.raises(ActionRefusedError, match="masked"):
        await world.port.start(unit, expected_invocation="")


# --- the bus


async def test_a_lost_bus_is_a_failed_probe_and_comes_back(world):
    """Everybody is woken on both edges; nothing is read meanwhile, nothing started."""
    unit, state, wakes = await _started(world)
    wakes.count = 0
    await world.lose_bus()
    await world.eventually(lambda: wakes.count > 0)
    with pytest.raises(ProbeError, match="bus"):
        await world.port.read(unit)
    with pytest.raises(ActionRefusedError, match="bus"):
        await world.port.start(unit, expected_invocation=state.invocation_id)
    wakes.count = 0
    await world.find_bus()
    await world.eventually(lambda: wakes.count > 0)
    assert await world.port.read(unit) == state


async def test_a_found_bus_is_listened_to(world):
    """Signals arrive as before, and who ended a unit is known as before."""
    unit, _, wakes = await _started(world)
    await world.lose_bus()
    await world.eventually(lambda: wakes.count > 0)
    wakes.count = 0
    await world.find_bus()
    await world.eventually(lambda: wakes.count > 0)
    wakes.count = 0
    await world.stop_by_human(unit)
    await world.eventually(lambda: wakes.count > 0)
    assert (await _rest(world, unit)).stop_cause is StopCause.FOREIGN_JOB
