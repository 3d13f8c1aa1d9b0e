"""The searches that the page reports, and the rules taken away one at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace

from protocol.rules import Bounds, Rules

SMALL = Bounds(whims=False, earlier=False, fences=False, unanswered=False)
CALM = replace(SMALL, crashes=False)
RESTORE = replace(CALM, deadline_ticks=1, restores=True, restore_after_ticks=1)
RESTORE_LONGER = replace(RESTORE, deadline_ticks=2, restore_after_ticks=2)
_STATES_A_MUTATION = 1_000_000


@dataclass(frozen=True)
class Search:
    """All states within bounds. `quick`: the tests run it, too."""

    words: str
    bounds: Bounds
    quick: bool = False
    limit: int = 10_000_000


@dataclass(frozen=True)
class Mutation:
    """Rules that are broken, and the world in which that shows."""

    words: str
    rules: Rules
    bounds: Bounds
    world: str = ""
    quick: bool = False
    limit: int = _STATES_A_MUTATION


SEARCHES = (
    Search("D 2, no crashes", CALM, quick=True),
    Search("D 1, crashes", replace(SMALL, deadline_ticks=1), quick=True),
    Search("D 1, everything but a restore", Bounds(deadline_ticks=1)),
    Search("D 2, crashes", SMALL),
    Search("D 2, everything but a restore", Bounds()),
    Search("D 1, no crashes, one restore of a backup older than D", RESTORE, limit=3_000_000),
)
REACHED = SEARCHES[1]

MUTATIONS = (
    Mutation("no deadline", Rules(deadline=False), CALM, "", quick=True),
    Mutation(
        "the deadline counts from the answer, not from the request",
        Rules(counted_from_sent=False),
        CALM,
        "",
    ),
    Mutation(
        "a retry is not told from the attempt before it",
        Rules(own_write_only=False),
        replace(CALM, earlier=True),
        "old requests stay on their way",
    ),
    Mutation("arming late arms for a length of time, not for a moment", Rules(arms_a_moment=False), CALM, ""),
    Mutation("an arming that fails leaves no deadline", Rules(arming_keeps_old=False), CALM, "", quick=True),
    Mutation("whose deadline passed goes on", Rules(passed_registers=False), SMALL, "daemons crash"),
    Mutation("a token before the deadline is armed", Rules(starts_when_armed=False), CALM, ""),
    Mutation("a token without a moment", Rules(token_has_moment=False), CALM, "", quick=True),
    Mutation("the token stays at the deadline", Rules(deadline_takes_token=False), SMALL, "daemons crash"),
    Mutation(
        "the same",
        Rules(deadline_takes_token=False),
        replace(CALM, early_timer=True),
        "the timer may fire a tick before the token ends",
        quick=True,
    ),
    Mutation(
        "the token stays at the deadline, and has no moment",
        Rules(deadline_takes_token=False, token_has_moment=False),
        CALM,
        "",
        quick=True,
    ),
    Mutation("the token stays at a release", Rules(release_takes_token=False), CALM, "", quick=True),
    Mutation(
        "the token stays while a daemon prepares to register",
        Rules(cleaning_takes_token=False),
        SMALL,
        "daemons crash",
        quick=True,
    ),
    Mutation("W a tick shorter", Rules(wait_lacks=1), CALM, "", quick=True),
    Mutation(
        "W does not count from the own first observation",
        Rules(own_observation=False),
        SMALL,
        "daemons crash",
    ),
    Mutation("a takeover does not compare the holder's record", Rules(compares_record=False), CALM, ""),
    Mutation("a takeover does not fence", Rules(sets_fenced=False), SMALL, "daemons crash"),
    Mutation(
        "a takeover does not fence, and whose deadline passed goes on",
        Rules(sets_fenced=False, passed_registers=False),
        CALM,
        "",
        quick=True,
    ),
    Mutation(
        "a holder goes by a hold of its former incarnation",
        Rules(incarnation_of_own=False),
        CALM,
        "",
        quick=True,
    ),
    Mutation(
        "nobody looks at incarnations",
        Rules(incarnation_of_own=False, incarnation_of_other=False),
        SMALL,
        "daemons crash",
    ),
    Mutation(
        "a release is written before the unit is dead", Rules(release_after_dead=False), CALM, "", quick=True
    ),
    Mutation(
        "a release does not compare the own record",
        Rules(release_compares_record=False),
        replace(CALM, unanswered=True),
        "changes of hands get no answer",
        quick=True,
    ),
    Mutation(
        "a daemon whose release got no answer believes what it reads at once",
        Rules(renews_before_believing=False),
        replace(CALM, unanswered=True),
        "changes of hands get no answer",
        quick=True,
    ),
    Mutation(
        "a daemon that goes on believes what it reads at once",
        Rules(renews_before_believing=False),
        SMALL,
        "daemons crash",
        quick=True,
    ),
    Mutation(
        "after a release without an answer, a renewal that was sent before it is enough",
        Rules(renewal_after_doubt=False),
        replace(CALM, unanswered=True),
        "changes of hands get no answer",
        quick=True,
    ),
    Mutation(
        "units are not killed before a registration",
        Rules(kills_before_registering=False),
        CALM,
        "",
        quick=True,
    ),
    Mutation(
        "a registration does not compare the record that it replaces",
        Rules(registration_compares=False),
        SMALL,
        "daemons crash",
    ),
    Mutation(
        "a backup that is younger than D is restored",
        Rules(),
        replace(RESTORE, restore_after_ticks=0),
        "D is 1; the store is restored",
        quick=True,
    ),
    Mutation(
        "no W after the own registration",
        Rules(registered_wait=False),
        RESTORE,
        "D is 1; the store is restored",
    ),
    Mutation(
        "that W counts from the request",
        Rules(registered_from_answer=False),
        RESTORE_LONGER,
        "the store is restored",
    ),
    Mutation(
        "whose record went backwards goes on",
        Rules(notices_backwards=False),
        RESTORE,
        "D is 1; the store is restored",
        limit=2_000_000,
    ),
)

# The one whose counterexample is on the page.
EXAMPLE = MUTATIONS[1]
