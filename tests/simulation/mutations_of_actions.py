"""The mutations of what a holder does: see `mutations`."""

from __future__ import annotations

from nova_watchdog.simulation.scenario import Kind
from simulation import broken_actions, broken_rules
from simulation.mutation import Mutation

ACTIONS: tuple[Mutation, ...] = (
    Mutation(
        "action without cover",
        broken_actions.allowed_while_mine,
        "cover",
        "it is started while it is being given away",
        ("switchover a at 70s", "cut-store ctl1 at 71s for 12s"),
        (Kind.SWITCHOVER, Kind.CUT_STORE, Kind.STORE_SLOW, Kind.CRASH),
    ),
    Mutation(
        "budget of moves off",
        broken_rules.no_move_budget,
        "budget",
        "it wanders from controller to controller",
        ("kill ctl1 at 70s for 30s", "kill ctl2 at 140s for 30s"),
        (Kind.KILL,),
        moves=1,
    ),
    Mutation(
        "budget of starts off",
        broken_actions.no_start_budget,
        "budget",
        "what dies at once is started for ever",
        tuple(f"crash a at {70 + 65 * turn}s" for turn in range(4)),
        (Kind.CRASH,),
    ),
    Mutation(
        "breaker off",
        broken_actions.no_breaker,
        "breaker",
        "two pairings of one vCenter are acted upon at once",
        ("crash a at 70s", "crash c at 70.1s"),
        (Kind.CRASH, Kind.HANG),
        pairings=3,
    ),
    Mutation(
        "every start is an arrival",
        broken_actions.all_arrive,
        "breaker",
        "two pairings of one vCenter are acted upon at once",
        ("crash a at 70s", "crash c at 70.1s"),
        (Kind.CRASH, Kind.HANG),
        pairings=3,
    ),
    Mutation(
        "reports from elsewhere ignored",
        broken_actions.reports_ignored,
        "proof-of-life",
        "it is started beside one that somebody runs by hand",
        ("rogue a at 62s for 150s", "cut-vcenter ctl2 at 69s for 60s", "kill ctl1 at 70s for 60s"),
        (Kind.ROGUE, Kind.KILL, Kind.CUT_VCENTER, Kind.CUT),
    ),
    Mutation(
        "vCenter's canary not read",
        broken_actions.vcenter_ignored,
        "forbidden",
        "it is started while vCenter is away",
        ("vcenter-down at 70s for 60s", "crash a at 100s"),
        (Kind.VCENTER_DOWN, Kind.CRASH),
    ),
    Mutation(
        "an old canary proves",
        broken_actions.old_canary,
        "forbidden",
        "it is started while vCenter is away",
        ("vcenter-down at 70s for 60s", "crash a at 70.2s"),
        (Kind.VCENTER_DOWN, Kind.CRASH),
    ),
    Mutation(
        "human's stop not respected",
        broken_actions.stop_forgotten,
        "human-stop",
        "it is started again although a human stopped it",
        ("human-stop a at 70s for 40s",),
        (Kind.HUMAN_STOP,),
    ),
    Mutation(
        "human's stop not handed on",
        broken_actions.stop_not_handed_on,
        "human-stop",
        "it is started on a standby although a human stopped it",
        ("human-stop a at 70s for 90s", "kill ctl1 at 90s for 30s"),
        (Kind.HUMAN_STOP, Kind.KILL, Kind.CUT),
    ),
)
