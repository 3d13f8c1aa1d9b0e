"""Failovers that humans ask for, with the real keepers of three simulated controllers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nova_watchdog.core.operation import End, Ending, Step
from nova_watchdog.core.permission import Pause
from nova_watchdog.runtime.operations import Desk, Operations
from nova_watchdog.simulation.parts.network import STORE, VCENTER
from nova_watchdog.simulation.site import Intervals, Site
from nova_watchdog.simulation.world import SimulatedWorld
from simulation.plays import said

# By then every daemon is registered for long enough, and each pairing is held where it ran.
_SETTLED_S = 60.0


class _NoRestarts:
    async def restart(self, unit: str, *, expected_invocation: str) -> None:
        raise AssertionError((unit, expected_invocation))


class Played:
    """Three controllers, `a` on ctl1 and `b` on ctl2; ask one of them, and let time pass."""

    def __init__(self) -> None:
        self.world = SimulatedWorld(said(), Intervals())
        self.notes: list[tuple[str, str, str]] = []
        self._operations: dict[str, Operations] = {}

    def run_until(self, at_s: float) -> None:
        self.world.timeline.run_until(at_s)

    def ask(
        self, controller: str, pairing: str, to: str = "", *accept: str, timeout_s: float = 300.0
    ) -> list[Step | End]:
        """What the operation tells, growing while time passes."""
        site, found = self.world.sites[controller], list[Step | End]()
        loop = site.service.loop
        assert loop is not None

        async def collect() -> None:
            stream = self._of(site).failover(pairing, to=to, accept=accept, by="alice", timeout_s=timeout_s)
            async for one in stream:
                found.append(one)

        loop.create_task(collect(), name="operation")
        return found

    def _of(self, site: Site) -> Operations:
        keeper = site.keeper
        assert keeper is not None

        desk = Desk(
            site.name,
            site.machine.clock,
            lambda pairing: site.loops[pairing].snapshot,
            _NoRestarts(),
            keeper,
            keeper.holding,
            lambda *note: self.notes.append(note),
        )
        return self._operations.setdefault(site.name, Operations(desk))


@contextmanager
def playing() -> Iterator[Played]:
    """Nothing forbidden happens, whatever is asked."""
    played = Played()
    try:
        played.run_until(_SETTLED_S)
        yield played
        assert played.world.judge.violations == []
    finally:
        played.world.close()


def phases(found: list[Step | End]) -> list[str]:
    return [one.phase for one in found if isinstance(one, Step)]


def end_of(found: list[Step | End]) -> End:
    assert found, "nothing was told"
    assert isinstance(found[-1], End), found
    return found[-1]


def test_a_pairing_goes_to_the_best_standby_and_each_phase_is_told() -> None:
    """To the first report of the new process to Nova."""
    with playing() as played:
        found = played.ask("ctl1", "a")
        played.run_until(_SETTLED_S + 90.0)
        end = end_of(found)
        assert end.ending is Ending.DONE, end
        # "released" is over in less than a look.
        told = [one for one in phases(found) if one != "released"]
        assert told == ["asked", "stopping", "stopped", "taken", "works"]
        assert "ctl2 holds it, epoch 2" in end.reason
        times = [one.after_s for one in found]
        assert times == sorted(times)
        assert [site.name for site in played.world.holders("a")] == ["ctl2"]


def test_it_goes_where_the_human_wants_it() -> None:
    """And the history has who asked, and how it ended."""
    with playing() as played:
        found = played.ask("ctl1", "a", "ctl3")
        played.run_until(_SETTLED_S + 90.0)
        assert "ctl3 holds it" in end_of(found).reason
        assert played.notes[0] == ("a", "failover", "failover asked by alice: to ctl3")
        assert played.notes[1][2].startswith("failover done: ctl3 holds it, epoch 2")
        assert "stopping 0." in played.notes[1][2]


def test_the_holder_is_named_where_another_controller_is_asked() -> None:
    """With the command to run there; nothing happens."""
    with playing() as played:
        found = played.ask("ctl3", "a", "ctl2")
        played.run_until(_SETTLED_S + 30.0)
        end = end_of(found)
        assert end.ending is Ending.REFUSED
        assert end.reason == (
            "ctl1 holds it, and only the holder gives it away; "
            "run there: 'nova-watchdog failover a --to ctl2'"
        )
        assert [site.name for site in played.world.holders("a")] == ["ctl1"]
        assert played.notes == []


@pytest.mark.parametrize("asked", ["ctl1", "ctl2"])
def test_what_is_there_already_is_done(asked: str) -> None:
    """Asked anywhere."""
    with playing() as played:
        found = played.ask(asked, "a", "ctl1")
        played.run_until(_SETTLED_S + 1.0)
        assert end_of(found).ending is Ending.DONE
        assert end_of(found).reason == "ctl1 holds a already"


def test_a_standby_that_could_not_serve_is_refused_with_its_reason() -> None:
    """It has no way to vCenter; another one is named by nobody."""
    with playing() as played:
        played.world.cut("ctl3", [VCENTER], requests=True, replies=True)
        played.run_until(_SETTLED_S + 30.0)
        found = played.ask("ctl1", "a", "ctl3")
        played.run_until(_SETTLED_S + 31.0)
        assert end_of(found).ending is Ending.REFUSED
        assert "ctl3" in end_of(found).reason
        assert "vCenter" in end_of(found).reason


def test_a_controller_that_nobody_knows_is_refused() -> None:
    """Misspelled."""
    with playing() as played:
        found = played.ask("ctl1", "a", "ctl9")
        played.run_until(_SETTLED_S + 1.0)
        assert end_of(found).ending is Ending.REFUSED
        assert "ctl9" in end_of(found).reason


def test_a_second_wish_for_the_same_pairing_is_refused_while_one_is_under_way() -> None:
    """Who asked first is named; another pairing is asked for freely."""
    with playing() as played:
        first, second = played.ask("ctl1", "a", "ctl2"), played.ask("ctl1", "a", "ctl3")
        played.run_until(_SETTLED_S + 90.0)
        assert end_of(first).ending is Ending.DONE
        assert end_of(second).reason == "a failover of it, asked by alice: to ctl2, is under way"


def test_what_a_human_stopped_is_taken_by_the_controller_that_is_asked() -> None:
    """Its holder is gone; the wish waits until that one is surely dead, and the wait is told."""
    with playing() as played:
        played.world.sites["ctl1"].systemd.stop_by_human(played.world.unit("a"))
        played.run_until(_SETTLED_S + 10.0)
        played.world.sites["ctl1"].machine.kill()
        played.run_until(_SETTLED_S + 60.0)
        elsewhere = played.ask("ctl2", "a")
        played.run_until(_SETTLED_S + 61.0)
        assert end_of(elsewhere).ending is Ending.REFUSED
        assert "'nova-watchdog failover a --to CONTROLLER'" in end_of(elsewhere).reason
        played.world.conduct.human_decides("a")
        found = played.ask("ctl2", "a", "ctl2")
        played.run_until(_SETTLED_S + 140.0)
        assert end_of(found).ending is Ending.DONE, found
        assert [one for one in phases(found) if one != "judged"][-3:] == ["taken", "started", "heartbeat"]
        assert [site.name for site in played.world.running("a")] == ["ctl2"]


def test_a_failover_that_does_not_end_is_unknown_and_goes_on() -> None:
    """Nobody waits for the first report any more: never "failed"."""
    with playing() as played:
        found = played.ask("ctl1", "a", timeout_s=5.0)
        played.run_until(_SETTLED_S + 20.0)
        end = end_of(found)
        assert end.ending is Ending.UNKNOWN
        assert "not over after 5 s: ctl2 holds it" in end.reason
        played.run_until(_SETTLED_S + 60.0)
        assert [site.name for site in played.world.running("a")] == ["ctl2"]


def test_a_store_that_is_away_is_waited_for_and_then_unknown() -> None:
    """The wish stands as long as the hold does."""
    with playing() as played:
        end_outage = played.world.cut("ctl1", [STORE], requests=True, replies=True)
        found = played.ask("ctl1", "a", timeout_s=8.0)
        played.run_until(_SETTLED_S + 10.0)
        end_outage()
        assert end_of(found).ending is Ending.UNKNOWN, found
        assert "ctl1 still holds it" in end_of(found).reason


def test_a_pause_here_keeps_a_wish_from_being_granted() -> None:
    """Refused with the reason, where the controller itself should take it."""
    with playing() as played:
        played.world.sites["ctl1"].machine.kill()
        site = played.world.sites["ctl2"]
        loop = site.service.loop
        assert loop is not None
        wall_s = site.machine.clock.wall_s()
        loop.create_task(site.loops["a"].pause(Pause("work", "bob", wall_s, wall_s + 3600.0)), name="pause")
        played.world.sites["ctl3"].machine.kill()
        played.run_until(_SETTLED_S + 40.0)
        found = played.ask("ctl2", "a", "ctl2")
        played.run_until(_SETTLED_S + 42.0)
        assert end_of(found).ending is Ending.REFUSED
        assert "permission is paused" in end_of(found).reason
