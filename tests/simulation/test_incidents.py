"""What the simulation found in this code once: each story with the schedule that told it."""

from __future__ import annotations

import pytest

from nova_watchdog.simulation import faults
from nova_watchdog.simulation.parts.network import STORE
from nova_watchdog.simulation.site import Intervals
from nova_watchdog.simulation.world import SimulatedWorld
from simulation.plays import at_s, count, play_well, said

_ALONE = {"overlaps": 0, "bounded_overlaps": 0}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("lost_from_s", [100.008, 100.012, 100.016, 100.02, 100.024])
def test_two_upgrades_and_a_lost_reply(lost_from_s: float, seed: int) -> None:
    """D went from 15 s to 28 s and back to 14 s, and the first renewal of the last daemon got no answer.

    That daemon took "the longest D that may be armed" from the file in /run, which still had the 15 s of
    when the hold began. So it wrote a record with 15 s while systemd's timer waited for the end of 28 s: a
    standby took over after W of 15 s, and both ran for seconds. The record in the store knows better: a
    longer D is committed before it is armed.
    """
    outcome = play_well(
        said(
            "upgrade ctl1 at 50s value 28",
            "upgrade ctl1 at 100s value 14",
            f"lose-replies ctl1 at {lost_from_s}s for 60s",
            seed=seed,
        )
    )
    assert outcome.summary().items() >= _ALONE.items()


def test_a_restored_store_that_forgot_a_longer_deadline() -> None:
    """The backup was older than the upgrade to D = 30 s of a holder that then could not reach the store.

    The standbys noticed the restore, registered anew and waited: W of the 15 s that the restored record
    spoke of, and of their own. The holder ran 11 s longer than that. Whoever has ever seen a longer D now
    waits for it.
    """
    outcome = play_well(
        said(
            "upgrade ctl1 at 80s value 30",
            "cut-store ctl1 at 109.9s for 60s",
            "store-restored at 110s value 40",
        )
    )
    assert outcome.summary().items() >= _ALONE.items()


def test_a_daemon_that_was_away_while_the_store_was_restored() -> None:
    """It was stopped, the store went back to before it had released `b`, and it was started again.

    Same boot, the same incarnation in /run and in the store, the deadline waiting: it went on with its hold,
    and so with `b`, which ctl2 held and ran by then without a way to the store. A daemon that runs would
    have seen its record go back; this one had no memory of it. Each confirmed renewal is now left in /run.
    """
    outcome = play_well(
        said(
            "kill ctl2 at 60s for 10s",
            "cut-vcenter ctl1 at 120s for 32s",
            "crash b at 134s",
            "switchover b at 135s",
            "stop-daemon ctl1 at 150s for 2s",
            "cut-store ctl2 at 150.2s for 40s",
            "store-restored at 151s value 25",
        )
    )
    assert outcome.summary().items() >= _ALONE.items()


@pytest.mark.parametrize("away_s", [12.8, 12.9, 13.0, 13.2, 13.5, 13.8])
def test_a_daemon_that_comes_back_as_its_deadline_fires(away_s: float) -> None:
    """Its first renewal is sent just before the timer fires, and confirmed just after.

    What the deadline killed must not count as stopped by a human, which would keep it down for good: the
    hold is over, and it is taken like any other.
    """
    scenario = said(f"stop-daemon ctl1 at 100s for {away_s}s")
    world = SimulatedWorld(scenario, Intervals())
    try:
        world.timeline.call_at(100.0, faults.begin, world, scenario.faults[0])
        world.timeline.call_at(105.0, world.network.slow, "ctl1", STORE, 0.35, 0.35)
        world.timeline.call_at(140.0, world.network.heal, "ctl1", STORE)
        world.timeline.run_until(250.0)
        assert world.judge.violations == []
        assert world.waiting() == {}, str(world.trace)
    finally:
        world.close()


@pytest.mark.parametrize(
    "words",
    [
        ("kill-daemon ctl1 at 100.5s",),
        ("stop-daemon ctl1 at 100.5s for 2s",),
        ("stop-daemon ctl1 at 100.5s for 8s",),
        ("slow-stops a at 90s for 60s", "upgrade ctl1 at 120s"),
    ],
    ids=["killed", "away", "dead-before-it-is-back", "upgraded"],
)
def test_a_switchover_outlives_its_daemon(words: tuple[str, ...]) -> None:
    """The daemon asked systemd to stop `a` for a standby, and was replaced before that was done.

    The next one knew nothing of it. It saw a unit that somebody had stopped, took that for a human's wish,
    and `a` stayed down for good. What is to be given away is now left in /run with the hold.
    """
    outcome = play_well(said("switchover a at 100s", *words))
    assert at_s(outcome, "a H50 claim: done") < at_s(outcome, "a nova-compute runs", after_s=100.0)
    assert count(outcome, "stopped-on-purpose") == 0


def test_a_crash_in_the_moment_of_a_switchover_starts_nothing() -> None:
    """`a` crashed while the keeper took its token back: the pairing's loop still counted on it.

    It asked for a start that its condition refused. The hold now ends for the loop before the token goes.
    """
    for ms in range(2, 16):
        outcome = play_well(said("switchover a at 135.488s", f"crash a at {135.488 + ms / 1000:.3f}s"))
        assert outcome.tally.overlaps == 0
