"""Each kind of fault once, with three controllers and two pairings: what becomes of it, by which rule.

`a` runs on ctl1 and `b` on ctl2. The times follow from docs/safety.md with the defaults: renewed every 3 s,
dead within 15 s of the last renewal that was confirmed, taken over after 17.93 s without one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.simulation.run import Outcome
from nova_watchdog.simulation.scenario import Kind
from simulation.plays import at_s, count, gap_s, play_well, said

_TIMING = Timing()
_AT_S = 100.0
_W_S = _TIMING.takeover_wait_s
# A standby polls at each renewal, and a start takes its moment.
_LATEST_TAKEOVER_S = _W_S + 2 * _TIMING.renew_s + 1.0
_DEAD = "a nova-compute is dead"
_RUNS = "a nova-compute runs"

Check = Callable[[Outcome], None]


# --- what may come of it


def _lives_on(outcome: Outcome) -> None:
    """The process that ran before runs after."""
    assert count(outcome, "nova-compute is dead") == 0
    assert outcome.availability > 0.99


def _taken_over(outcome: Outcome) -> None:
    """After W a standby fences the silent controller and starts it, and not earlier."""
    took_s = at_s(outcome, "a H52 take-over: done", after_s=_AT_S)
    began_s = at_s(outcome, _RUNS, after_s=_AT_S)
    assert _AT_S + _W_S - _TIMING.renew_s - 0.2 <= took_s < began_s <= _AT_S + _LATEST_TAKEOVER_S
    assert outcome.tally.bounded_overlaps == outcome.tally.overlaps == 0
    assert count(outcome, "b nova-compute is dead") == 0


def _dead_then_taken_over(outcome: Outcome) -> None:
    """Its own deadline kills it first, whoever hears of nothing."""
    dead_s = at_s(outcome, _DEAD, "ctl1", after_s=_AT_S)
    # Counted from the last renewal before; one that was sent right after the fault began extends nothing.
    assert _AT_S + _TIMING.deadline_s - _TIMING.renew_s - 1.0 <= dead_s
    assert dead_s <= _AT_S + _TIMING.deadline_s + _TIMING.kill_s
    took_s = at_s(outcome, "a H52 take-over: done", after_s=_AT_S)
    assert dead_s < took_s <= dead_s + _LATEST_TAKEOVER_S
    assert at_s(outcome, _RUNS, after_s=_AT_S) > took_s
    assert outcome.tally.bounded_overlaps == outcome.tally.overlaps == 0
    assert count(outcome, "b nova-compute is dead") == 0


def _given_away(outcome: Outcome) -> None:
    """Dead, released, taken by the one for whom it was released: seconds, and no wait."""
    dead_s = at_s(outcome, _DEAD, "ctl1")
    released_s = at_s(outcome, "a H11 release: done", "ctl1")
    took_s = at_s(outcome, "a H50 claim: done")
    assert dead_s < released_s < took_s < at_s(outcome, _RUNS, after_s=dead_s)
    assert gap_s(outcome, "a", _AT_S) < 2 * _TIMING.renew_s
    assert count(outcome, "take-over") == 0


def _bounded(outcome: Outcome) -> None:
    """What goes on after it was taken over from dies at once, in the bound of docs/safety.md."""
    took_s = at_s(outcome, "a H52 take-over: done", after_s=_AT_S)
    over_s = at_s(outcome, "over: ", "cloud")
    assert took_s < over_s < at_s(outcome, _DEAD, "ctl1", after_s=_AT_S)
    assert outcome.tally.overlaps == 0
    assert outcome.tally.bounded_overlaps == 1
    bound_s = _TIMING.renew_s + 2 * _TIMING.timeout_s + _TIMING.kill_s
    assert outcome.tally.bounded_overlap_longest_s <= bound_s


def _thawed(outcome: Outcome) -> None:
    """Its clock ran, so its deadline has passed: systemd kills it as the first thing it does."""
    _bounded(outcome)
    assert outcome.tally.bounded_overlap_longest_s <= _TIMING.kill_s


def _given_up_by_itself(outcome: Outcome) -> None:
    """It cannot show that the deadline is armed, so it kills what it holds, and lets another one have it."""
    dead_s = at_s(outcome, _DEAD, "ctl1", after_s=_AT_S)
    assert dead_s < _AT_S + _TIMING.deadline_s
    took_s = at_s(outcome, "a H51 claim: done", after_s=dead_s)
    assert took_s < dead_s + 2 * _TIMING.renew_s
    assert count(outcome, "take-over") == 0


def _restarted(outcome: Outcome) -> None:
    """Where it was, at once, and nobody's hold changes."""
    assert gap_s(outcome, "a", _AT_S) < 1.0
    assert at_s(outcome, _RUNS, "ctl1", after_s=_AT_S) < _AT_S + 1.0
    assert outcome.tally.moves == 0
    assert outcome.summary()["actions"]["R39 start done"] == 1


def _killed_and_restarted(outcome: Outcome) -> None:
    """Only once the hang is proven."""
    killed_s = at_s(outcome, "a R57 kill: done", "ctl1")
    assert killed_s > _AT_S + 30.0
    assert at_s(outcome, _RUNS, "ctl1", after_s=killed_s) < killed_s + 5.0
    assert outcome.tally.moves == 0


def _respected(outcome: Outcome) -> None:
    """What a human stopped stays down until the human starts it, where it was."""
    dead_s = at_s(outcome, _DEAD, "ctl1", after_s=_AT_S)
    over_s = at_s(outcome, "over: human-stop")
    assert dead_s + 30.0 < over_s < at_s(outcome, _RUNS, after_s=_AT_S)
    assert at_s(outcome, _RUNS, "ctl1", after_s=_AT_S) < over_s + 1.0
    assert outcome.tally.moves == 0


def _all_dead_then_all_back(outcome: Outcome) -> None:
    """Without the store nobody can hold anything; when it is back they go on where they were."""
    over_s = at_s(outcome, "over: store")
    for pairing, controller in (("a", "ctl1"), ("b", "ctl2")):
        dead_s = at_s(outcome, f"{pairing} nova-compute is dead", controller, after_s=_AT_S)
        assert dead_s <= _AT_S + _TIMING.deadline_s + _TIMING.kill_s
        began_s = at_s(outcome, f"{pairing} nova-compute runs", after_s=_AT_S)
        assert over_s + _W_S - 1.0 <= began_s <= over_s + _LATEST_TAKEOVER_S + _TIMING.timeout_s
    assert outcome.tally.moves == 0
    assert outcome.tally.overlaps == 0


def _all_dead_at_the_latest_then_all_back(outcome: Outcome) -> None:
    """A store so slow that nothing is confirmed in time is one that is away."""
    over_s = at_s(outcome, "over: store")
    for pairing in ("a", "b"):
        began_s = max(
            line.at_s for line in outcome.trace.lines if f"{pairing} nova-compute runs" in line.text
        )
        assert began_s <= over_s + _LATEST_TAKEOVER_S + 2 * _TIMING.timeout_s
    assert outcome.tally.overlaps == 0


def _restored(outcome: Outcome) -> None:
    """Whose record went backwards kills what it held; nobody takes before it was registered anew for W."""
    restored_s = at_s(outcome, "fault: store-restored")
    for pairing in ("a", "b"):
        dead_s = at_s(outcome, f"{pairing} nova-compute is dead", after_s=restored_s)
        assert dead_s <= restored_s + _TIMING.deadline_s + _TIMING.kill_s
        assert at_s(outcome, f"{pairing} nova-compute runs", after_s=dead_s) >= restored_s + _W_S - 1.0
    assert outcome.tally.overlaps == outcome.tally.bounded_overlaps == 0


def _not_started_beside_it(outcome: Outcome) -> None:
    """As long as somebody else's reports, nobody starts it; afterwards it is."""
    over_s = at_s(outcome, "over: rogue")
    assert at_s(outcome, "a R14 running-elsewhere", after_s=_AT_S) < over_s
    assert at_s(outcome, _RUNS, after_s=_AT_S) > over_s
    assert count(outcome, "b nova-compute is dead") == 0


def _refused_elsewhere(outcome: Outcome) -> None:
    """systemd starts it nowhere but where it is held: there is no token."""
    _lives_on(outcome)
    assert count(outcome, _RUNS) == 1


def _waits_for(part: str) -> Check:
    def waits(outcome: Outcome) -> None:
        """What would not come up is not started; when the dependency is back it is, at no cost."""
        over_s = at_s(outcome, f"over: {part}")
        began_s = at_s(outcome, _RUNS, "ctl1", after_s=_AT_S)
        assert over_s < began_s < over_s + 30.0
        assert outcome.summary()["actions"]["R37 start done"] == 1
        assert outcome.tally.moves == 0

    return waits


def _nothing_is_taken_blindly(outcome: Outcome) -> None:
    """Nobody sees whether it runs somewhere, so nobody takes it before Nova answers."""
    over_s = at_s(outcome, "over: nova-down")
    assert at_s(outcome, "a H43", after_s=_AT_S) < over_s
    assert over_s < at_s(outcome, "a H52 take-over: done") < over_s + 10.0


def _stops_slowly(outcome: Outcome) -> None:
    """The hold is renewed as long as its stop takes, and released when it is dead."""
    assert at_s(outcome, _DEAD, "ctl1") > _AT_S + 165.0
    assert count(outcome, "take-over") == 0
    released_s = at_s(outcome, "a H11 release: done", "ctl1")
    assert at_s(outcome, _RUNS, after_s=_AT_S) < released_s + 2 * _TIMING.renew_s


def _killed_by_the_next_daemon(outcome: Outcome) -> None:
    """What the daemon before left is gone with /run: the next one cannot show that its hold goes on."""
    dead_s = at_s(outcome, _DEAD, "ctl1", after_s=_AT_S)
    assert dead_s < _AT_S + 10.0
    assert at_s(outcome, "a H51 claim: done", after_s=dead_s)
    assert count(outcome, "take-over") == 0


def _resumed(outcome: Outcome) -> None:
    """The new daemon goes on with the hold, and nova-compute does not notice."""
    _lives_on(outcome)
    assert at_s(outcome, "a H13", "ctl1", after_s=_AT_S) < _AT_S + 5.0


def _dead_by_the_longer_deadline(outcome: Outcome) -> None:
    """A longer D is committed before it is armed: the standbys wait for it."""
    _resumed_s = at_s(outcome, "a H13", "ctl1", after_s=_AT_S)
    killed_s = at_s(outcome, "fault: kill ctl1")
    took_s = at_s(outcome, "a H52 take-over: done", after_s=_resumed_s)
    assert took_s > killed_s + 25.0 - _TIMING.renew_s
    assert outcome.tally.bounded_overlaps == outcome.tally.overlaps == 0


def _not_moved(outcome: Outcome) -> None:
    """nova-compute heals by itself when its way is back: nothing is done to it."""
    _lives_on(outcome)
    assert outcome.tally.moves == 0


def _given_back(outcome: Outcome) -> None:
    """Three starts come to nothing, so it goes to a standby, at the cost of one move."""
    actions = outcome.summary()["actions"]
    assert actions["R39 start done"] == 4
    assert at_s(outcome, "a R38", "ctl1") < at_s(outcome, "a H11 release: done", "ctl1")
    assert at_s(outcome, "a R90", "ctl2", after_s=_AT_S) < _AT_S + 120.0
    assert outcome.tally.moves == 1


def _late_but_not_lost(outcome: Outcome) -> None:
    """Watches only make it quicker: who polls sees it too."""
    dead_s = at_s(outcome, _DEAD, "ctl1")
    assert at_s(outcome, "a H11 release: done", "ctl1") > dead_s
    assert at_s(outcome, "a H50 claim: done") < dead_s + 2 * _TIMING.renew_s
    assert gap_s(outcome, "a", _AT_S) < 3 * _TIMING.renew_s


CASES: Mapping[Kind, tuple[tuple[str, ...], Check]] = {
    Kind.KILL: (("kill ctl1 at 100s for 60s",), _taken_over),
    Kind.REBOOT: (("reboot ctl1 at 100s for 60s",), _given_away),
    Kind.RESET: (("reset ctl1 at 100s for 60s",), _taken_over),
    Kind.FREEZE: (("freeze ctl1 at 100s for 60s",), _thawed),
    Kind.PAUSE: (("pause ctl1 at 100s for 60s",), _bounded),
    Kind.CUT: (("cut ctl1 at 100s for 60s",), _dead_then_taken_over),
    Kind.CUT_STORE: (("cut-store ctl1 at 100s for 60s",), _dead_then_taken_over),
    Kind.CUT_VCENTER: (("cut-vcenter ctl1 at 100s for 60s",), _not_moved),
    Kind.CUT_BUS: (("cut-bus ctl1 at 100s for 60s",), _not_moved),
    Kind.LOSE_REQUESTS: (("lose-requests ctl1 at 100s for 60s",), _dead_then_taken_over),
    Kind.LOSE_REPLIES: (("lose-replies ctl1 at 100s for 60s",), _dead_then_taken_over),
    Kind.WIPE_RUN: (("wipe-run ctl1 at 100s", "kill-daemon ctl1 at 100.5s"), _killed_by_the_next_daemon),
    Kind.SLOW_SYSTEMD: (("slow-systemd ctl1 at 100s for 60s",), _given_up_by_itself),
    Kind.STUCK_TIMER: (("stuck-timer ctl1 at 100s for 60s",), _given_up_by_itself),
    Kind.KILL_DAEMON: (("kill-daemon ctl1 at 100s",), _resumed),
    Kind.STOP_DAEMON: (("stop-daemon ctl1 at 100s for 60s",), _dead_then_taken_over),
    Kind.STALL_DAEMON: (("stall-daemon ctl1 at 100s for 60s",), _dead_then_taken_over),
    Kind.UPGRADE: (("upgrade ctl1 at 100s value 25", "kill ctl1 at 110s"), _dead_by_the_longer_deadline),
    Kind.BAD_STARTS: (("bad-starts ctl1 at 99s for 900s", "crash a at 100s"), _given_back),
    Kind.CRASH: (("crash a at 100s",), _restarted),
    Kind.HANG: (("hang a at 100s for 200s",), _killed_and_restarted),
    Kind.HUMAN_STOP: (("human-stop a at 100s for 60s",), _respected),
    Kind.HUMAN_START: (("human-start a at 100s",), _refused_elsewhere),
    Kind.SWITCHOVER: (("switchover a at 100s",), _given_away),
    Kind.SLOW_STOPS: (("slow-stops a at 99s for 60s", "switchover a at 100s"), _stops_slowly),
    Kind.ROGUE: (
        ("rogue a at 70s for 150s", "vcenter-down at 99s for 60s", "kill ctl1 at 100s for 90s"),
        _not_started_beside_it,
    ),
    Kind.STORE_DOWN: (("store-down at 100s for 60s",), _all_dead_then_all_back),
    Kind.STORE_SLOW: (("store-slow at 100s for 60s",), _all_dead_at_the_latest_then_all_back),
    Kind.STORE_RESTORED: (("store-restored at 130s value 60",), _restored),
    Kind.STALE_WATCH: (("stale-watch at 99s for 60s", "switchover a at 100s"), _late_but_not_lost),
    Kind.VCENTER_DOWN: (("vcenter-down at 90s for 60s", "crash a at 100s"), _waits_for("vcenter-down")),
    Kind.BUS_DOWN: (("bus-down at 70s for 60s", "crash a at 100s"), _waits_for("bus-down")),
    Kind.NOVA_DOWN: (("nova-down at 99s for 60s", "kill ctl1 at 100s for 90s"), _nothing_is_taken_blindly),
}


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
def test_each_fault_has_its_outcome(kind: Kind) -> None:
    """Nothing forbidden happens, all is well in the end, and in between what the design says."""
    words, check = CASES[kind]
    check(play_well(said(*words)))


# --- one fault in more than one way


@pytest.mark.parametrize("fault", ["stop-daemon", "stall-daemon", "freeze", "pause", "cut-store", "cut"])
def test_what_is_back_within_the_deadline_costs_nothing(fault: str) -> None:
    """Three renewals may be lost: the same process lives on."""
    _lives_on(play_well(said(f"{fault} ctl1 at 100s for 8s")))


@pytest.mark.parametrize("lasts_s", [2, 10, 14])
def test_a_pause_that_ends_before_it_is_taken_over_is_no_overlap(lasts_s: int) -> None:
    """Its last renewal may be one interval old when it begins."""
    outcome = play_well(said(f"pause ctl1 at 100s for {lasts_s}s"))
    assert outcome.tally.bounded_overlaps == 0
    assert count(outcome, "take-over") == 0


@pytest.mark.parametrize("at", ["100", "101.2", "102.4"])
@pytest.mark.parametrize("fault", ["", "lose-replies ctl1 at 110s for 60s", "cut-store ctl1 at 110s for 60s"])
def test_a_paused_holder_runs_on_for_a_bounded_time(at: str, fault: str) -> None:
    """Wherever in its renewal it was paused, and also where the first one after it gets no answer."""
    outcome = play_well(said(f"pause ctl1 at {at}s for 40s", *[fault] * bool(fault)))
    tally = outcome.tally
    assert (tally.bounded_overlaps, tally.overlaps) == (1, 0)
    healthy_s = _TIMING.renew_s + 2 * _TIMING.timeout_s + _TIMING.kill_s
    # Without the store it is the deadline that ends it, as far as its clock stood still within it.
    bound_s = _TIMING.deadline_s + _TIMING.kill_s if fault else healthy_s
    assert tally.bounded_overlap_longest_s <= bound_s


@pytest.mark.parametrize("rates", [(0.999, 1.001, 1.001), (1.001, 0.999, 0.999), (1.001, 1.001, 0.999)])
@pytest.mark.parametrize("fault", ["cut ctl1 at 100s for 60s", "stall-daemon ctl1 at 100s for 60s"])
def test_clocks_at_both_ends_of_what_is_assumed(rates: tuple[float, ...], fault: str) -> None:
    """A slow clock where it must be dead, a quick one where it is taken over: one after the other."""
    outcome = play_well(said(fault, rates=rates))
    dead_s = at_s(outcome, _DEAD, "ctl1", after_s=_AT_S)
    assert at_s(outcome, _RUNS, after_s=_AT_S) > dead_s
    assert outcome.tally.bounded_overlaps == outcome.tally.overlaps == 0


@pytest.mark.parametrize("lost", ["lose-replies", "lose-requests"])
@pytest.mark.parametrize("from_s", [99.9, 100.01, 103.0])
@pytest.mark.parametrize(("before", "after"), [(15, 25), (25, 14)], ids=["longer", "shorter"])
def test_a_new_deadline_at_a_bad_moment(lost: str, from_s: float, before: int, after: int) -> None:
    """An upgrade to a longer or a shorter D while what says so gets lost: dead before it is taken over."""
    outcome = play_well(
        said(
            f"upgrade ctl1 at 50s value {before}",
            f"upgrade ctl1 at 100s value {after}",
            f"{lost} ctl1 at {from_s}s for 60s",
        )
    )
    dead_s = at_s(outcome, _DEAD, "ctl1", after_s=90.0)
    assert dead_s <= from_s + max(before, after) + _TIMING.kill_s
    assert at_s(outcome, _RUNS, after_s=90.0) > dead_s
    assert outcome.tally.overlaps == outcome.tally.bounded_overlaps == 0


def test_an_ordered_reboot_waits_for_slow_stops_and_still_renews() -> None:
    """nova-compute is stopped first, while the daemon works: nothing is taken before it is dead."""
    outcome = play_well(said("slow-stops a at 90s for 300s", "reboot ctl1 at 100s for 30s"))
    dead_s = at_s(outcome, _DEAD, "ctl1", after_s=_AT_S)
    assert dead_s == pytest.approx(_AT_S + 165.0, abs=1.0)
    assert dead_s < at_s(outcome, _RUNS, after_s=_AT_S)
    assert count(outcome, "take-over") == 0


def test_an_ordered_reboot_without_a_store_dies_by_the_deadline() -> None:
    """The stop takes longer than D, and nobody renews: systemd's timer is not stopped by the shutdown."""
    outcome = play_well(
        said(
            "slow-stops a at 90s for 300s",
            "cut-store ctl1 at 99s for 200s",
            "reboot ctl1 at 100s for 30s",
        )
    )
    dead_s = at_s(outcome, _DEAD, "ctl1", after_s=_AT_S)
    assert dead_s <= 99.0 + _TIMING.deadline_s + _TIMING.kill_s
    assert at_s(outcome, _RUNS, after_s=_AT_S) > dead_s
    assert outcome.tally.bounded_overlaps == outcome.tally.overlaps == 0


def test_a_human_who_starts_it_where_it_is_not_held_is_refused() -> None:
    """On a standby, on a controller that lost its hold, and right after a takeover."""
    outcome = play_well(
        said(
            "cut-store ctl1 at 100s for 90s",
            "human-start a at 112s",
            "human-start a at 115.5s",
            "human-start a at 118.01s",
            "human-start a at 130s",
        )
    )
    assert count(outcome, _RUNS, "ctl1", after_s=_AT_S) == 0
    assert count(outcome, _RUNS, "ctl3") == 0
    assert outcome.tally.bounded_overlaps == outcome.tally.overlaps == 0


def test_a_restored_store_and_a_controller_that_was_away_do_not_overlap() -> None:
    """The records forget a takeover: the old holder comes back by them, and finds that it lost."""
    outcome = play_well(
        said(
            "cut-store ctl1 at 100s for 40s",
            "store-restored at 141s value 60",
            "kill-daemon ctl2 at 141.5s",
        )
    )
    assert outcome.tally.bounded_overlaps == outcome.tally.overlaps == 0
