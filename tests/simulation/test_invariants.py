"""The judge of the simulated runs by itself: each invariant bites, and is silent on what is allowed."""

from __future__ import annotations

import pytest

from nova_watchdog.core.hold.records import ControllerRecord, HoldRecord, controller_key, hold_key, to_json
from nova_watchdog.simulation.invariants import Judge
from nova_watchdog.simulation.timeline import Timeline

_D_S, _KILL_S, _LAPSE_S = 15.0, 2.0, 36.0
_MOVES = 2


class Court:
    """A judge, and what it is told of two controllers and the pairing `a`."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.halted: set[str] = set()
        self.judge = Judge(
            self.timeline,
            lambda machine: machine not in self.halted,
            kill_s=_KILL_S,
            lapse_s=_LAPSE_S,
            moves_allowed=_MOVES,
            move_window_s=3600.0,
        )

    def wait(self, seconds: float) -> None:
        self.timeline.run_until(self.timeline.now_s + seconds)

    def renew(self, name: str, *, incarnation: str = "1", fenced: bool = False) -> None:
        record = ControllerRecord(incarnation, 1, deadline_s=_D_S, kill_s=_KILL_S, fenced=fenced)
        self.judge.committed(name, {controller_key(name): to_json(record)})

    def renew_for(self, name: str, seconds: float) -> None:
        for _ in range(int(seconds / 3)):
            self.renew(name)
            self.wait(3.0)

    def hold(self, holder: str, *, incarnation: str = "1", epoch: int = 1, moves: int = 0) -> None:
        hold = HoldRecord(holder, incarnation, epoch, moves=tuple(10.0 * i for i in range(moves)))
        self.judge.committed(holder, {hold_key("a"): to_json(hold)})

    def halt(self, machine: str, *, stands_still: bool = False) -> None:
        self.halted.add(machine)
        self.judge.machine_changed(machine, stands_still=stands_still)

    def go_on(self, machine: str) -> None:
        self.halted.discard(machine)
        self.judge.machine_changed(machine, stands_still=False)

    def begin(self, machine: str) -> None:
        self.judge.process_began("a", machine)

    def end(self, machine: str) -> None:
        self.judge.process_ended("a", machine)

    @property
    def names(self) -> list[str]:
        """Of what was violated."""
        return [one.name for one in self.judge.violations]


@pytest.fixture
def court() -> Court:
    """Where `ctl1` holds `a` and runs it."""
    court = Court()
    court.begin("ctl1")
    court.renew("ctl1")
    court.renew("ctl2")
    court.hold("ctl1")
    return court


def test_a_holder_that_renews_and_runs_is_in_order(court: Court) -> None:
    """Nothing is said of the usual."""
    court.renew_for("ctl1", 60)
    assert court.names == []
    assert court.judge.tally.unheld_process_s == 0


def test_a_takeover_after_the_deadline_is_in_order(court: Court) -> None:
    """Dead by its deadline, then fenced, then started elsewhere."""
    court.wait(_D_S)
    court.end("ctl1")
    court.wait(3.0)
    court.renew("ctl1", fenced=True)
    court.renew("ctl2")
    court.hold("ctl2", epoch=2, moves=1)
    court.begin("ctl2")
    court.renew_for("ctl2", 60)
    assert court.names == []
    assert court.judge.tally.moves == 1


# --- overlap


def test_two_processes_on_running_machines_are_an_overlap(court: Court) -> None:
    """At once, however short."""
    court.begin("ctl2")
    court.end("ctl2")
    assert court.names == ["overlap"]
    assert court.judge.tally.overlaps == 1


def test_one_overlap_is_told_once(court: Court) -> None:
    """Whatever happens while it lasts."""
    court.begin("ctl2")
    court.renew("ctl1")
    court.begin("ctl3")
    assert court.names.count("overlap") == 1


def test_the_process_of_a_machine_that_stands_is_none(court: Court) -> None:
    """It does nothing while its machine does not run, and may die before anybody sees it."""
    court.halt("ctl1")
    court.hold("ctl2", epoch=2)
    court.begin("ctl2")
    court.end("ctl1")
    assert court.names == []
    assert court.judge.tally.bounded_overlaps == 0


def test_a_thawed_machine_has_the_time_to_kill(court: Court) -> None:
    """Its deadline fires at once, and the kill takes a moment."""
    court.halt("ctl1")
    court.hold("ctl2", epoch=2)
    court.begin("ctl2")
    court.go_on("ctl1")
    court.wait(_KILL_S - 0.5)
    court.end("ctl1")
    court.renew_for("ctl2", 30)
    tally = court.judge.tally
    assert (court.names, tally.bounded_overlaps, tally.overlaps) == ([], 1, 0)
    assert tally.bounded_overlap_longest_s == pytest.approx(_KILL_S - 0.5)


def test_a_thawed_machine_has_no_more_than_the_time_to_kill(court: Court) -> None:
    """Its clock went on, so its deadline is over."""
    court.halt("ctl1")
    court.hold("ctl2", epoch=2)
    court.begin("ctl2")
    court.go_on("ctl1")
    court.wait(_KILL_S + 0.5)
    court.end("ctl1")
    assert "overlap" in court.names


def test_a_machine_whose_clock_stood_still_has_the_rest_of_its_deadline(court: Court) -> None:
    """And the time to kill: what docs/safety.md says is not guaranteed."""
    court.halt("ctl1", stands_still=True)
    court.hold("ctl2", epoch=2)
    court.begin("ctl2")
    court.go_on("ctl1")
    court.wait(_D_S + _KILL_S - 0.5)
    court.end("ctl1")
    tally = court.judge.tally
    assert (court.names, tally.bounded_overlaps) == ([], 1)
    assert tally.bounded_overlap_longest_s == pytest.approx(_D_S + _KILL_S - 0.5)


def test_a_machine_whose_clock_stood_still_has_no_more_than_that(court: Court) -> None:
    """Bounded means bounded."""
    court.halt("ctl1", stands_still=True)
    court.hold("ctl2", epoch=2)
    court.begin("ctl2")
    court.go_on("ctl1")
    court.wait(_D_S + _KILL_S + 0.5)
    assert "overlap" in court.names
    assert court.judge.tally.overlaps == 1


def test_a_pause_of_long_ago_excuses_nothing(court: Court) -> None:
    """Its time is over, whatever came of it."""
    court.halt("ctl1", stands_still=True)
    court.go_on("ctl1")
    court.renew_for("ctl1", 30)
    court.begin("ctl2")
    assert "overlap" in court.names


def test_a_freeze_after_a_pause_is_only_a_freeze(court: Court) -> None:
    """The longer excuse is good for once."""
    court.halt("ctl1", stands_still=True)
    court.go_on("ctl1")
    court.renew_for("ctl1", 30)
    court.halt("ctl1")
    court.hold("ctl2", epoch=2)
    court.begin("ctl2")
    court.go_on("ctl1")
    court.wait(_KILL_S + 0.5)
    assert "overlap" in court.names


# --- holds


def test_a_process_without_a_hold_may_only_be_on_its_way_out(court: Court) -> None:
    """Longer than a kill takes it was kept by mistake."""
    court.hold("ctl2", epoch=2)
    court.wait(_KILL_S - 0.5)
    assert court.names == []
    court.wait(1.0)
    assert court.names == ["hold"]


@pytest.mark.parametrize("how", ["given away", "fenced", "registered anew", "of an earlier registration"])
def test_each_way_to_lose_a_hold_counts(court: Court, how: str) -> None:
    """A hold is of a controller *and* its registration, unless that was fenced."""
    if how == "given away":
        court.hold("", incarnation="", epoch=1)
    elif how == "fenced":
        court.renew("ctl1", fenced=True)
    elif how == "registered anew":
        court.renew("ctl1", incarnation="2")
    else:
        court.hold("ctl1", incarnation="0")
    court.wait(_KILL_S + 0.5)
    assert court.names == ["hold"]


def test_the_seconds_without_a_hold_are_added_up(court: Court) -> None:
    """Also where they are few enough to be allowed."""
    court.hold("ctl2", epoch=2)
    court.wait(0.5)
    court.end("ctl1")
    court.wait(5.0)
    assert court.names == []
    assert court.judge.tally.unheld_process_s == pytest.approx(0.5)


def test_a_pairing_that_never_was_anybodys_needs_no_hold() -> None:
    """As on the evening of the installation."""
    court = Court()
    court.begin("ctl1")
    court.wait(100.0)
    assert court.names == []


def test_a_restored_store_forgets_holders_who_then_die_by_their_deadline(court: Court) -> None:
    """They may run on without a hold for a while, and no longer."""
    court.judge.restored({})
    court.hold("ctl2", epoch=1)
    court.wait(_D_S)
    assert court.names == []
    court.wait(_LAPSE_S)
    assert "hold" in court.names


def test_a_restored_store_excuses_no_overlap(court: Court) -> None:
    """Whoever takes from it must have waited."""
    court.judge.restored({})
    court.begin("ctl2")
    assert "overlap" in court.names


# --- the deadline


def test_a_unit_that_outlives_its_deadline_is_seen(court: Court) -> None:
    """Whether or not anybody has taken over."""
    court.wait(_D_S + _KILL_S - 0.5)
    assert court.names == []
    court.wait(1.0)
    assert court.names == ["deadline"]


def test_what_is_dead_by_its_deadline_is_in_order(court: Court) -> None:
    """The record may be as old as it likes."""
    court.wait(_D_S + 0.1)
    court.end("ctl1")
    court.wait(100.0)
    assert court.names == []


def test_being_fenced_by_somebody_renews_nothing(court: Court) -> None:
    """The deadline counts from what the controller wrote itself."""
    court.wait(10.0)
    court.renew("ctl1", fenced=True)
    court.wait(_D_S + _KILL_S - 10.0 + 0.1)
    assert "deadline" in court.names


# --- what daemons do


def test_a_forbidden_action_is_seen(court: Court) -> None:
    """With what forbade it."""
    court.judge.acted("ctl1", "a", "R39", "start", "done", [])
    assert court.names == []
    court.judge.acted("ctl1", "a", "R39", "start", "done", ["vcenter was broken"])
    assert [str(one) for one in court.judge.violations] == [
        "0.000 s forbidden: ctl1 did start to a by R39 while vcenter was broken"
    ]


def test_each_action_names_its_rule(court: Court) -> None:
    """An action by no rule cannot be explained to anybody."""
    court.judge.acted("ctl1", "a", "", "start", "done", [])
    assert court.names == ["rule"]


def test_actions_are_counted_by_rule_and_outcome(court: Court) -> None:
    """The summary shows them."""
    for outcome in ("done", "done", "refused"):
        court.judge.acted("ctl1", "a", "R39", "start", outcome, [])
    assert court.judge.tally.actions == {"R39 start done": 2, "R39 start refused": 1}


def test_more_moves_than_the_budget_are_seen(court: Court) -> None:
    """As many as it allows are none too many."""
    for epoch in range(2, 2 + _MOVES):
        court.hold(f"ctl{epoch}", epoch=epoch, moves=epoch - 1)
    assert "budget" not in court.names
    court.hold("ctl9", epoch=9, moves=_MOVES + 1)
    assert "budget" in court.names


def test_a_record_that_nobody_could_read_is_seen(court: Court) -> None:
    """The daemons must not write one."""
    court.judge.committed("ctl1", {hold_key("a"): {"format": 1}})
    assert court.names == ["record"]


# --- the proof of life


def test_nobody_starts_beside_somebody_elses(court: Court) -> None:
    """A nova-compute that somebody runs by hand is seen by its heartbeats."""
    court.end("ctl1")
    court.judge.rogue("a", runs=True)
    court.wait(60.0)
    court.renew("ctl2")
    court.hold("ctl2", epoch=2)
    court.begin("ctl2")
    assert court.names == ["proof-of-life"]


def test_what_could_not_be_known_yet_is_forgiven(court: Court) -> None:
    """Heartbeats come every 10 s, and are polled."""
    court.end("ctl1")
    court.judge.rogue("a", runs=True)
    court.wait(20.0)
    court.hold("ctl2", epoch=2)
    court.begin("ctl2")
    assert court.names == []


def test_once_it_is_gone_it_may_be_started(court: Court) -> None:
    """However long it ran."""
    court.end("ctl1")
    court.judge.rogue("a", runs=True)
    court.wait(100.0)
    court.judge.rogue("a", runs=False)
    court.hold("ctl2", epoch=2)
    court.begin("ctl2")
    assert court.names == []


def test_who_could_not_read_nova_could_not_know(court: Court) -> None:
    """The time in which heartbeats could be seen begins when Nova answers that daemon."""
    court.end("ctl1")
    court.judge.rogue("a", runs=True)
    court.wait(100.0)
    court.hold("ctl2", epoch=2)
    court.judge.process_began("a", "ctl2", sees_nova_since_s=90.0)
    assert court.names == []
