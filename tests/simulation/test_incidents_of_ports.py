"""What a reading of the code found: with a port or the store bent in a way that no fault of a scenario is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from nova_watchdog.simulation import faults
from nova_watchdog.simulation.parts.records import Snapshot
from nova_watchdog.simulation.site import Intervals
from nova_watchdog.simulation.world import SimulatedWorld
from simulation.plays import PAIRINGS, said

T = TypeVar("T")


@contextmanager
def bent(*words: str) -> Iterator[SimulatedWorld]:
    """A world with these faults, in which nothing forbidden may happen."""
    scenario = said(*words)
    world = SimulatedWorld(scenario, Intervals())
    try:
        for fault in scenario.faults:
            world.timeline.call_at(fault.at_s, faults.begin, world, fault)
        yield world
        assert world.judge.violations == [], str(world.trace)
    finally:
        world.close()


def test_a_token_that_cannot_be_removed_keeps_a_registration_from_beginning() -> None:
    """/run was read-only as the hold was lost: the new registration made `a` free while its token lay there.

    A human started it with that token while a standby ran it.
    """
    with bent("stuck-timer ctl1 at 100s for 4s") as world:
        site = world.sites["ctl1"]
        world.timeline.call_at(99.0, setattr, site.tokens, "refusal", "read-only")
        world.timeline.call_at(110.0, setattr, site.tokens, "refusal", None)
        for step in range(40):
            at_s = 100.5 + 0.25 * step
            world.timeline.call_at(at_s, site.systemd.start_by_human, world.unit("a"))
        world.timeline.run_until(200.0)
        assert world.waiting() == {}, str(world.trace)


def test_a_stop_that_was_refused_is_asked_for_again() -> None:
    """polkit said no for a moment when a switchover began: it ran on without a token, and waited for ever."""
    with bent("switchover a at 100s") as world:
        bus = world.sites["ctl1"].systemd.bus
        world.timeline.call_at(99.9, setattr, bus, "refusal", "not now")
        world.timeline.call_at(101.5, setattr, bus, "refusal", None)
        world.timeline.run_until(300.0)
        assert [site.name for site in world.holders("a")] == ["ctl2"], str(world.trace)
        assert world.waiting() == {}, str(world.trace)


def test_a_store_that_was_rebuilt_empty_gets_its_holders_by_a_humans_word() -> None:
    """Nothing runs anywhere and nobody has a record: nobody could ever take it, whatever a human did."""
    with bent("store-down at 100s for 60s") as world:
        world.timeline.call_at(159.0, world.store.records.restore, Snapshot(0, {}))
        for name in PAIRINGS:
            for site in world.sites.values():
                world.timeline.call_at(
                    300.0, lambda site=site, name=name: site.keeper and site.keeper.ask_to_take(name)
                )
        world.timeline.run_until(500.0)
        assert world.waiting() == {}, str(world.trace)


def test_a_daemon_does_not_end_the_hold_of_a_pairing_that_it_does_not_know() -> None:
    """`a` ran on ctl1, whose new daemon had lost /run and could not read nova's files of `a`.

    It saw every unit that it knew dead and registered anew, which made `a` free: two ran without an end. Now
    it registers nothing: it stays silent until another one takes over, with `a` dead by the deadline.
    """
    with bent("kill-daemon ctl1 at 100s", "wipe-run ctl1 at 100s") as world:
        site = world.sites["ctl1"]
        known = tuple(one for one in site._pairings if one.name != "a")
        world.timeline.call_at(99.0, setattr, site, "_pairings", known)
        world.timeline.run_until(220.0)
        assert [one.name for one in world.running("a")] == ["ctl2"], str(world.trace)


def test_a_systemd_that_was_slow_for_two_reasons_is_quick_again() -> None:
    """The second fault took the slowness of the first one for usual, and left it behind for ever."""
    with bent("slow-systemd ctl1 at 60s for 40s", "slow-systemd ctl1 at 80s for 40s") as world:
        systemd = world.sites["ctl1"].systemd
        usual_s = systemd.call_takes_s
        world.timeline.run_until(110.0)
        assert systemd.call_takes_s > usual_s
        world.timeline.run_until(130.0)
        assert systemd.call_takes_s == usual_s


def test_a_systemd_that_is_away_for_a_moment_ends_nothing() -> None:
    """PID 1 was executed anew, and no renewal of those seconds could be armed: all of it was killed at once.

    The deadline before it still waited.
    """
    with bent("kill-daemon ctl2 at 100s") as world:
        bus = world.sites["ctl1"].systemd.bus
        world.timeline.call_at(101.0, setattr, bus, "lost_because", "systemd is on the bus anew")
        world.timeline.call_at(105.5, setattr, bus, "lost_because", None)
        world.timeline.run_until(130.0)
        assert not any(gap.since_s > 100.0 for gap in world.gaps["a"]), str(world.trace)
        assert [site.name for site in world.holders("a")] == ["ctl1"]


def test_a_systemd_that_stays_away_ends_it_by_the_deadline() -> None:
    """Nothing is put off beyond what was seen to wait."""
    with bent("kill-daemon ctl2 at 100s") as world:
        bus = world.sites["ctl1"].systemd.bus
        world.timeline.call_at(101.0, setattr, bus, "lost_because", "no bus")
        world.timeline.call_at(160.0, setattr, bus, "lost_because", None)
        world.timeline.run_until(250.0)
        assert [gap for gap in world.gaps["a"] if 101.0 < gap.since_s < 118.0], str(world.trace)
        assert world.waiting() == {}, str(world.trace)


def test_a_daemon_that_cannot_ask_systemd_at_its_start_asks_again() -> None:
    """A question that failed was taken for a deadline that had fired, and all was killed."""
    with bent("kill-daemon ctl1 at 100s") as world:
        bus = world.sites["ctl1"].systemd.bus
        world.timeline.call_at(100.5, setattr, bus, "lost_because", "no bus yet")
        world.timeline.call_at(104.0, setattr, bus, "lost_because", None)
        world.timeline.run_until(130.0)
        assert not any(gap.since_s > 100.0 for gap in world.gaps["a"]), str(world.trace)
        assert [site.name for site in world.holders("a")] == ["ctl1"]


def test_what_the_keeper_killed_is_no_humans_stop_for_the_next_daemon() -> None:
    """Its arming failed, it killed what it held, and was restarted before it registered anew."""
    with bent("stuck-timer ctl1 at 100s for 8s") as world:
        site = world.sites["ctl1"]
        lost: list[float] = []
        usual = site.run_file.save

        def save(value):  # type: ignore[no-untyped-def]
            usual(value)
            if not value and not lost:
                lost.append(world.timeline.now_s)
                world.timeline.call_later(0.0, site.service.crash)

        site.run_file.save = save  # type: ignore[method-assign]
        world.timeline.run_until(260.0)
        assert lost, str(world.trace)
        assert world.waiting() == {}, str(world.trace)


def test_a_silent_systemd_is_asked_once_a_round_whether_all_is_dead() -> None:
    """It was asked twice as soon as the store was back, and each time may take as long as all its calls."""
    with bent("cut-store ctl1 at 100s for 20s") as world:
        seen: list[str] = []

        def count() -> None:
            keeper = world.sites["ctl1"].keeper
            assert keeper is not None
            for owner, name in ((keeper, "round"), (keeper._beginning, "clear")):
                setattr(owner, name, _counted(getattr(owner, name), name, seen))

        bus = world.sites["ctl1"].systemd.bus
        world.timeline.call_at(99.0, count)
        world.timeline.call_at(111.0, setattr, bus, "lost_because", "systemd is silent")
        world.timeline.run_until(140.0)
        told = "".join(name[0] for name in seen)
        assert "c" in told, "its hold has ended, and nobody can tell whether all is dead"
        assert "cc" not in told, told


def _counted(call: Callable[[], Awaitable[T]], name: str, seen: list[str]) -> Callable[[], Awaitable[T]]:
    async def counted() -> T:
        seen.append(name)
        return await call()

    return counted
