"""A hold that begins: the pairing's state is this controller's now, with what the last holder knew."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core.builders import RUNNING, killed, stopped
from core.here_bench import TAKEN, Here, beat, standby, starts
from nova_watchdog.core.budget import charged_starts
from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.errors import RecordError
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.record import from_record, to_record
from nova_watchdog.core.state import PairingState, Phase, Start

# --- the state of a hold that begins


def test_a_hold_that_begins_makes_the_pairing_this_controllers():
    """Never seen running here is no reason any more; what was tried elsewhere is not counted here."""
    bench = standby((200.0, "a"))
    bench.state = replace(bench.state, attempts=2, starts=(Start(195.0, charged=True),))
    bench.holding = TAKEN
    bench.see(beat(219.0, "a", killed(0)), 219.0)
    assert (bench.state.held_epoch, bench.state.attempts) == (7, 1)
    assert charged_starts(bench.state, bench.policy, 219.0) == 2


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("was_stopped", [True, False])
def test_whatever_the_phase_was_the_new_hold_says_where_it_stands(phase, was_stopped):
    """Stopped on purpose under another holder is stopped here, and given up there is not given up here."""
    bench = Here(replace(TAKEN, stopped=was_stopped), phase)
    decision = bench.see(beat(219.0, "a"), 219.0)
    if was_stopped:
        assert (decision.rule.number, bench.state.phase, starts(decision)) == ("R12", Phase.STOPPED, [])
    else:
        assert len(starts(decision)) == 1


@pytest.mark.parametrize("phase", [Phase.STOPPED, Phase.GIVEN_UP])
def test_a_hold_that_goes_on_changes_no_phase(phase):
    """A renewal, or a daemon that was restarted and resumed it."""
    bench = Here(replace(TAKEN, stopped=phase is not Phase.STOPPED), phase)
    bench.state = replace(bench.state, held_epoch=7, attempts=2)
    bench.see(beat(300.0, "a", killed(250)), 300.0)
    assert (bench.state.phase, bench.state.attempts, bench.state.held_epoch) == (phase, 2, 7)


@pytest.mark.parametrize("claim", [one for one in Claim if one is not Claim.MINE])
def test_what_is_not_mine_leaves_the_state_alone(claim):
    """Its epoch is another one's."""
    bench = Here(Holding(claim, epoch=9, stopped=True), Phase.RECOVERING)
    bench.state = replace(bench.state, held_epoch=7, attempts=2)
    before = bench.state
    bench.see(beat(300.0, "a", killed(250)), 300.0)
    assert bench.state == before


def test_a_hold_of_a_lower_epoch_is_another_hold():
    """A store that was restored, or a record that a human deleted."""
    bench = Here(replace(TAKEN, epoch=1), Phase.GIVEN_UP)
    bench.state = replace(bench.state, held_epoch=7)
    bench.see(beat(219.0, "a", stopped(100)), 219.0)
    assert (bench.state.held_epoch, bench.state.phase) == (1, Phase.RECOVERING)


def test_a_first_hold_of_what_runs_changes_nothing_about_it():
    """It is watched as before."""
    bench = Here(Holding(Claim.NOBODY))
    bench.healthy_at(200.0)
    bench.holding = replace(TAKEN, epoch=1, dead_since_s=None)
    decision = bench.healthy_at(220.0)
    assert decision.diagnosis.diagnosis is Diagnosis.HEALTHY
    assert (bench.state.phase, bench.state.held_epoch) == (Phase.WATCHING, 1)


def test_what_runs_under_a_hold_that_says_stopped_is_watched_at_the_next_look():
    """A human started it again."""
    bench = Here(replace(TAKEN, stopped=True))
    for at_s in (219.0, 220.0):
        bench.see(beat(at_s, "a", RUNNING), at_s)
    assert bench.state.phase is Phase.WATCHING


# --- the record


def test_the_epoch_survives_the_daemon():
    """A restarted daemon goes on with the phase of this very hold."""
    state = PairingState(phase=Phase.STOPPED, held_epoch=7)
    record = json.loads(json.dumps(to_record(state, (), "boot-1")))
    assert record["held_epoch"] == 7
    assert from_record(record, "boot-1")[0] == state


def test_a_record_of_an_earlier_version_has_no_epoch():
    """It was alone."""
    record = to_record(PairingState(phase=Phase.WATCHING, held_epoch=7), (), "boot-1")
    del record["held_epoch"]
    assert from_record(record, "boot-1")[0] == PairingState(phase=Phase.WATCHING)


def test_after_a_reboot_no_hold_goes_on():
    """Its registration ended with the boot, so its epoch does too."""
    record = to_record(PairingState(phase=Phase.STOPPED, held_epoch=7), (), "boot-1")
    assert from_record(record, "boot-2")[0] == PairingState(phase=Phase.STOPPED)


@pytest.mark.parametrize("epoch", [None, "seventh", [], {}, float("nan")])
def test_an_epoch_that_is_none_refuses_the_record(epoch):
    """It is never half read."""
    record = to_record(PairingState(), (), "boot-1") | {"held_epoch": epoch}
    with pytest.raises(RecordError):
        from_record(record, "boot-1")


@pytest.mark.parametrize(
    ("field", "value"),
    [("held_epoch", float("inf")), ("attempts", float("inf")), ("last_kill_at_s", 10**400)],
    ids=["epoch", "attempts", "kill"],
)
def test_a_record_with_a_huge_number_is_refused(field, value):
    """JSON has 1e999: it must cost the actions of one pairing, not the daemon."""
    record = to_record(PairingState(), (), "boot-1") | {field: value}
    with pytest.raises(RecordError):
        from_record(record, "boot-1")
