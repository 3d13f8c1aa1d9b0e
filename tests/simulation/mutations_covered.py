"""The rules that have another one behind them: see `mutations`."""

from __future__ import annotations

from nova_watchdog.simulation.scenario import Kind
from simulation import broken_actions
from simulation import broken_rules as broken
from simulation.mutation import Covered, Mutation

COVERED: tuple[Covered, ...] = (
    Covered(
        broken.watched_for_ever,
        "W after the own registration, and the standbys' turns, which count from there too",
        Mutation(
            "a fresh daemon has watched for ever",
            broken.both(broken.watched_for_ever, broken.no_season, broken.no_pace),
            "overlap",
            "it takes over from a holder that it saw once",
            ("kill-daemon ctl2 at 70s", "cut-store ctl1 at 68s for 6s"),
            (
                Kind.KILL_DAEMON,
                Kind.CUT_STORE,
                Kind.STOP_DAEMON,
            ),
        ),
    ),
    Covered(
        broken.own_record_not_compared,
        "the end of a registration whose record went back",
        Mutation(
            "claim without comparing the own record",
            broken.both(broken.own_record_not_compared, broken.restore_not_noticed),
            "overlap",
            "who was registered before the store went back takes what somebody else runs",
            (
                "stall-daemon ctl2 at 84.5s for 7s",
                "switchover a at 85s",
                "switchover a at 115s",
                "cut-store ctl1 at 129s for 40s",
                "store-restored at 130s value 35",
            ),
            (Kind.STORE_RESTORED, Kind.SWITCHOVER, Kind.CUT_STORE),
        ),
    ),
    Covered(
        broken.no_fence,
        "the kill of what runs without a hold",
        Mutation(
            "takeover without a fence",
            broken.both(broken.no_fence, broken.unheld_not_killed),
            "overlap",
            "a paused holder goes on beside the new one",
            ("pause ctl1 at 70s for 40s",),
            (Kind.PAUSE,),
        ),
    ),
    Covered(
        broken.unheld_not_killed,
        "the units' start condition: no token",
        Mutation(
            "what runs without a hold is left alone",
            broken.both(broken.unheld_not_killed, broken.token_stays),
            "overlap",
            "a human's start runs on beside the new holder's",
            ("switchover a at 70s", "human-start a at 77s"),
            (Kind.SWITCHOVER, Kind.HUMAN_START),
        ),
    ),
    Covered(
        broken.fence_not_looked_at,
        "the deadline, which has fired by then",
        Mutation(
            "resumed although it was taken over from",
            broken.both(broken.fence_not_looked_at, broken.fired_not_looked_at),
            "fence",
            "a holder that was taken over from writes the fence away",
            ("stop-daemon ctl1 at 70s for 40s",),
            (Kind.STOP_DAEMON, Kind.STALL_DAEMON, Kind.KILL_DAEMON),
        ),
    ),
    Covered(
        broken.deadline_leaves_token,
        "the token's own end",
        Mutation(
            "the deadline leaves a token without an end",
            broken.both(broken.deadline_leaves_token, broken.endless_token),
            "overlap",
            "a human starts it where nobody looks after it",
            ("stop-daemon ctl1 at 70s for 50s", "human-start a at 90s"),
            (Kind.STOP_DAEMON, Kind.HUMAN_START),
        ),
    ),
    Covered(
        broken_actions.unwitnessed,
        "the reports from elsewhere",
        Mutation(
            "proof of life off",
            broken.both(broken_actions.unwitnessed, broken_actions.reports_ignored),
            "proof-of-life",
            "it is started beside one that somebody runs by hand",
            ("store-down at 70s for 50s", "rogue a at 72s for 90s"),
            (Kind.STORE_DOWN, Kind.ROGUE, Kind.KILL_DAEMON),
        ),
    ),
)
