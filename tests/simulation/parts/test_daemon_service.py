"""The daemon's own unit: who begins it, and who ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from nova_watchdog.simulation.loop import ControllerLoop
from nova_watchdog.simulation.parts.daemon_service import DaemonService
from simulation.parts.rig import UNIT, Rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    for loop in made.loops:
        loop.kill()


class Daemons:
    """Each notes its own time every second."""

    def __init__(self, rig: Rig, *, listens: bool = False) -> None:
        self.rig = rig
        self.seen: list[tuple[int, float]] = []
        self.loops = rig.loops
        self.service = DaemonService(rig.machine, self._begin, (lambda: None) if listens else None)
        self.service.start()

    def _begin(self) -> ControllerLoop:
        number = len(self.loops)
        loop = ControllerLoop(self.rig.timeline, f"daemon-{number}", self.rig.machine.clock.local)
        self.loops.append(loop)
        loop.create_task(self._live(number))
        return loop

    async def _live(self, number: int) -> None:
        while True:
            await asyncio.sleep(1)
            self.seen.append((number, self.rig.now_s))


def test_a_crashed_daemon_is_started_again_and_leaves_the_units_alone(rig: Rig) -> None:
    """`Restart=always`, a second later."""
    daemons = Daemons(rig)
    rig.start()
    daemons.service.crash()
    assert len(daemons.loops) == 1
    rig.wait(1.5)
    assert daemons.service.runs
    assert [loop.is_dead for loop in daemons.loops] == [True, False]
    assert list(rig.systemd.processes) == [UNIT]


def test_a_stopped_daemon_stays_down_until_it_is_started(rig: Rig) -> None:
    """And a crash of one that is being stopped is its end."""
    daemons = Daemons(rig)
    daemons.service.stop()
    rig.wait(100)
    assert len(daemons.loops) == 1
    assert daemons.loops[0].is_dead
    daemons.service.start()
    assert daemons.service.runs


def test_a_daemon_that_does_not_heed_sigterm_is_killed(rig: Rig) -> None:
    """After TimeoutStopSec; a restart then begins the next one."""
    daemons = Daemons(rig, listens=True)
    daemons.service.restart()
    rig.wait(9)
    assert len(daemons.loops) == 1
    rig.wait(2)
    assert [loop.is_dead for loop in daemons.loops] == [True, False]


def test_a_daemon_that_ends_when_told_is_not_waited_for(rig: Rig) -> None:
    """It says so with `ended`."""
    daemons = Daemons(rig, listens=True)
    daemons.service.restart()
    rig.wait(1)
    daemons.service.ended()
    rig.wait(0)
    assert len(daemons.loops) == 2
    rig.wait(30)
    assert len(daemons.loops) == 2


def test_a_stalled_daemon_on_a_frozen_machine_goes_on_when_both_are_over(rig: Rig) -> None:
    """In whatever order."""
    daemons = Daemons(rig)
    rig.wait(1.5)
    daemons.service.stall()
    rig.machine.freeze()
    daemons.service.unstall()
    rig.wait(10)
    assert len(daemons.seen) == 1
    rig.machine.thaw()
    rig.wait(0)
    assert len(daemons.seen) == 2


def test_a_paused_machine_pauses_its_daemon(rig: Rig) -> None:
    """Its sleep goes on where it was."""
    daemons = Daemons(rig)
    rig.wait(0.5)
    rig.machine.stand_still()
    rig.wait(10)
    rig.machine.go_on()
    rig.wait(0.4)
    assert daemons.seen == []
    rig.wait(0.2)
    assert len(daemons.seen) == 1


def test_a_dead_daemons_last_words_change_nothing(rig: Rig) -> None:
    """Its `finally` blocks run, as Python needs it; the world does not hear of them."""
    rig.start()

    async def live() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await rig.systemd.kill_now(UNIT)

    rig.loop.create_task(live())
    rig.wait(1)
    rig.loop.kill()
    rig.wait(10)
    assert rig.state.runs
    assert rig.systemd.stops == []
