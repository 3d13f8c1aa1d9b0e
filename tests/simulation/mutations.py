"""Each rule of docs/safety.md taken out of the real code, and the faults that show that it is missed."""

from __future__ import annotations

from nova_watchdog.simulation.scenario import Kind
from simulation import broken_rules as broken
from simulation.mutation import Mutation
from simulation.mutations_covered import COVERED
from simulation.mutations_of_actions import ACTIONS
from simulation.mutations_of_moves import MOVES

__all__ = ["CAUGHT", "COVERED"]

_OUTAGES = (Kind.STOP_DAEMON, Kind.CUT_STORE, Kind.FREEZE, Kind.KILL, Kind.CUT)
_STORE = (Kind.STORE_SLOW, Kind.LOSE_REPLIES, Kind.CUT_STORE, Kind.STORE_DOWN)
_DAEMON = (Kind.STOP_DAEMON, Kind.STALL_DAEMON, Kind.KILL_DAEMON)

HOLDS: tuple[Mutation, ...] = (
    Mutation(
        "no deadline",
        broken.no_deadline,
        "deadline",
        "a nova-compute whose daemon is away runs on beside the new holder's",
        ("stop-daemon ctl1 at 70s for 40s",),
        _OUTAGES,
    ),
    Mutation(
        "deadline counted from the answer",
        broken.deadline_from_the_answer,
        "deadline",
        "a late answer lets it run longer than a standby waits",
        ("store-slow at 72s for 3s", "stall-daemon ctl1 at 72.7s for 10s", "cut-store ctl1 at 77s for 40s"),
        (Kind.STORE_SLOW, Kind.STALL_DAEMON, Kind.CUT_STORE),
        jitter_s=0.2,
        within=40,
    ),
    Mutation(
        "armed, not verified",
        broken.not_verified,
        "deadline",
        "systemd took the restart of the timer, and no timer waits",
        ("stuck-timer ctl1 at 70s for 40s", "stop-daemon ctl1 at 76s for 40s"),
        (Kind.STUCK_TIMER, Kind.STOP_DAEMON, Kind.CUT_STORE),
    ),
    Mutation(
        "what is not confirmed extends",
        broken.unconfirmed_extends,
        "deadline",
        "a holder without the store runs on",
        ("cut-store ctl1 at 70s for 40s",),
        _STORE,
    ),
    Mutation(
        "shorter D written before it is armed",
        broken.shorter_deadline_too_early,
        "deadline",
        "a standby waits for the shorter one, the timer has the longer one",
        (
            "upgrade ctl1 at 65s value 40",
            "upgrade ctl1 at 90s value 13",
            "store-slow at 90.1s for 8s",
            "stop-daemon ctl1 at 91.5s for 40s",
        ),
        (Kind.UPGRADE, Kind.STORE_SLOW, Kind.STOP_DAEMON),
        jitter_s=2.0,
        within=40,
    ),
    Mutation(
        "longer D armed before it is written",
        broken.longer_deadline_too_early,
        "deadline",
        "a standby waits for the shorter one, the timer has the longer one",
        ("upgrade ctl1 at 65s value 40", "stop-daemon ctl1 at 67s for 50s"),
        (Kind.UPGRADE, Kind.STOP_DAEMON, Kind.CUT_STORE, Kind.KILL_DAEMON),
    ),
    Mutation(
        "a fired deadline is not noticed",
        broken.fired_not_noticed,
        "liveness",
        "what systemd killed is taken for what a human stopped",
        (),
        (Kind.STORE_SLOW, Kind.STALL_DAEMON, Kind.FREEZE, Kind.CUT_STORE),
        within=40,
    ),
    Mutation(
        "W shorter than D",
        broken.short_wait,
        "overlap",
        "a standby takes over while it still runs",
        ("cut-store ctl1 at 70s for 40s",),
        _OUTAGES,
    ),
    Mutation(
        "W from the own configuration",
        broken.own_timing_of_others,
        "overlap",
        "a standby takes over from a holder with a longer D while it still runs",
        ("upgrade ctl1 at 65s value 40", "cut-store ctl1 at 90s for 50s"),
        (Kind.UPGRADE, Kind.CUT_STORE, Kind.STOP_DAEMON),
    ),
    Mutation(
        "W not from the own first observation",
        broken.seen_before_the_answer,
        "overlap",
        "a standby takes over while it still runs",
        ("cut-store ctl1 at 70s for 40s",),
        _OUTAGES,
    ),
    Mutation(
        "no W after the own registration",
        broken.no_season,
        "overlap",
        "who registers with a restored store takes what somebody else still runs",
        (
            "stall-daemon ctl2 at 84.5s for 7s",
            "switchover a at 85s",
            "switchover a at 115s",
            "cut-store ctl1 at 129s for 40s",
            "store-restored at 130s value 35",
        ),
        (Kind.SWITCHOVER, Kind.STORE_RESTORED, Kind.CUT_STORE, Kind.STALL_DAEMON),
    ),
    Mutation(
        "takeover without comparing the holder's record",
        broken.holder_not_compared,
        "overlap",
        "a holder that renewed after the last look is taken over from",
        (
            "cut-store ctl2 at 63s for 8s",
            "slow-systemd ctl1 at 69.6s for 10s",
            "switchover a at 70s",
            "stall-daemon ctl1 at 70.8s for 12s",
            "cut-store ctl2 at 76s for 30s",
        ),
        (Kind.CUT_STORE, Kind.SLOW_SYSTEMD, Kind.STALL_DAEMON, Kind.SWITCHOVER),
        pairings=2,
        within=3,
    ),
    Mutation(
        "claim without comparing the hold",
        broken.hold_not_compared,
        "overlap",
        "what another one took after the last look is taken from it",
        (
            "cut-vcenter ctl2 at 62s for 60s",
            "wipe-run ctl2 at 68s",
            "kill-daemon ctl2 at 68.6s",
            "slow-systemd ctl1 at 69.6s for 10s",
            "switchover a at 70s",
            "cut-store ctl3 at 79s for 30s",
            "stall-daemon ctl1 at 70.8s for 12s",
        ),
        (Kind.KILL_DAEMON, Kind.WIPE_RUN, Kind.SLOW_SYSTEMD, Kind.SWITCHOVER, Kind.STALL_DAEMON),
        controllers=3,
        pairings=2,
        jitter_s=0.4,
        within=20,
    ),
    Mutation(
        "renewal without comparing the own record",
        broken.own_record_overwritten,
        "fence",
        "a holder that was taken over from writes the fence away",
        ("stale-watch at 69s for 60s", "pause ctl1 at 71s for 40s"),
        (Kind.PAUSE, Kind.CUT_STORE, Kind.STALL_DAEMON),
    ),
    Mutation(
        "first hold without running it",
        broken.taken_without_running,
        "overlap",
        "a pairing that runs is held by another controller",
        ("cut-store ctl1 at 0s for 30s",),
        (Kind.CUT_STORE, Kind.STOP_DAEMON),
    ),
    Mutation(
        "incarnation ignored by its controller",
        broken.incarnation_ignored,
        "hold",
        "a holder whose registration ended starts it again, while it is free to take",
        ("stall-daemon ctl1 at 70s for 20s", "stop-daemon ctl2 at 72s for 60s"),
        _DAEMON,
    ),
    Mutation(
        "incarnation ignored by the others",
        broken.ended_registration_ignored,
        "liveness",
        "what a registration held that has ended is nobody's for ever",
        ("stop-daemon ctl1 at 70s for 16s",),
        _DAEMON,
    ),
    Mutation(
        "units not killed at the daemon's start",
        broken.not_cleared,
        "overlap",
        "it runs under no hold after a registration that began anew",
        ("stuck-timer ctl1 at 70s for 4s",),
        (Kind.STORE_SLOW, Kind.WIPE_RUN, Kind.KILL_DAEMON, Kind.STUCK_TIMER),
    ),
    Mutation(
        "resumed with a deadline that fired",
        broken.fired_not_looked_at,
        "liveness",
        "what systemd killed is taken for what a human stopped",
        ("stop-daemon ctl1 at 70s for 16s",),
        _DAEMON,
    ),
    Mutation(
        "released before it is dead",
        broken.released_too_early,
        "overlap",
        "the standby starts it while it still runs",
        ("switchover a at 70s", "slow-systemd ctl1 at 70.3s for 10s"),
        (Kind.SWITCHOVER, Kind.SLOW_SYSTEMD, Kind.STALL_DAEMON),
    ),
    Mutation(
        "token not taken back",
        broken.token_stays,
        "overlap",
        "a human starts it where it was just released",
        ("switchover a at 70s", "human-start a at 77s"),
        (Kind.SWITCHOVER, Kind.HUMAN_START),
    ),
)

CAUGHT = (*HOLDS, *ACTIONS, *MOVES)
