"""The mutations of the moves that no human asks for: see `mutations`."""

from __future__ import annotations

from nova_watchdog.simulation.scenario import Kind
from simulation import broken_moves
from simulation.mutation import Mutation

MOVES: tuple[Mutation, ...] = (
    Mutation(
        "a path is lost at once",
        broken_moves.path_lost_at_once,
        "path",
        "a moment without vCenter moves it",
        ("cut-vcenter ctl1 at 70s for 20s",),
        (Kind.CUT_VCENTER, Kind.CUT_BUS, Kind.VCENTER_DOWN),
    ),
    Mutation(
        "a standby's first word that it is ready counts",
        broken_moves.just_ready,
        "path",
        "it moves in the moment in which vCenter comes back for everybody",
        # ctl1 asked just before it was back, ctl2 asks right after that.
        ("vcenter-down at 70s for 86.1s",),
        (Kind.VCENTER_DOWN, Kind.CUT_VCENTER),
    ),
    Mutation(
        "moves all at once",
        broken_moves.moves_at_once,
        "breaker",
        "all pairings of a vCenter are down at the same time",
        ("cut-vcenter ctl1 at 70s for 600s",),
        (Kind.CUT_VCENTER, Kind.CUT_BUS),
        pairings=3,
    ),
    Mutation(
        "who could not make it work is not remembered",
        broken_moves.failures_forgotten,
        "failed",
        "it is given back to the controller that had just given it up",
        ("bad-starts ctl1 at 69s for 400s", "bad-starts ctl2 at 69s for 400s", "crash a at 70s"),
        (Kind.BAD_STARTS, Kind.CRASH),
    ),
    Mutation(
        "the own stop is forgotten with the daemon",
        broken_moves.own_stop_forgotten,
        "liveness",
        "a move that came to nothing leaves it down as if a human had stopped it",
        (
            "slow-stops a at 60s for 60s",
            "switchover a at 70s",
            "cut-vcenter ctl2 at 71s for 250s",
            "stop-daemon ctl1 at 72s for 11s",
        ),
        (Kind.SWITCHOVER, Kind.STOP_DAEMON, Kind.CUT_VCENTER),
    ),
)
