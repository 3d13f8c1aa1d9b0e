"""docs/safety-check.md: what was searched, what was found, and what breaks without each rule."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial

from protocol.bare import OVERLAP, Protocol
from protocol.mutations import EXAMPLE, MUTATIONS, REACHED, SEARCHES, Mutation, Search
from protocol.rules import Rules
from protocol.search import Found, search

_HEAD = """\
# The safety argument, searched

[safety.md](safety.md) argues that no two nova-computes run for one cluster. This page is a second
opinion: a small model of that protocol, written from that page and not from the code, and a search
through every state that it can reach. It checks the argument. Whether the code keeps to the argument is
what the simulation is for. The model is `tests/protocol/`. This page is made by

    PYTHONPATH=watchdog:tests .venv/bin/python -m protocol >docs/safety-check.md

## What is searched

Two controllers A and B, one pairing, the store. In the first state A holds the pairing and runs its unit,
B is registered. After each state everything is tried that could come next, for each controller:

- The daemon: sends a renewal, arms, writes a token, takes over, begins a release and ends it, freezes (by
  doing nothing), registers anew because it must or for no reason, crashes, starts and goes on with its
  hold or does not.
- The network: delivers, delays or loses each request and each answer; old requests commit late.
- The unit: ends, and is started by whoever tries while its token is valid, a human included. The machine
  loses power.
- The deadline: passes at its tick, whatever the daemon does, and the unit dies within `kill_s`.
- Time: a tick passes, between any two of these.

Durations are whole ticks: `kill_s` is 1, D is 1 or 2, W is D + `kill_s`, with nothing to spare: the drift
of the clocks and the margin are taken as used up. Revisions and incarnations are kept as "is it still the
store's", so their number has no bound, and neither has the number of renewals, crashes and takeovers, nor
the time: a search ends when no step leads to a new state.

Three things must hold in each state: **no two units run**; no unit runs whose deadline has passed or was
never armed; no unit runs where its controller does not hold the pairing.
"""

_FOUND = """\
## What was found

Nothing is broken in any of these. Depth: the steps to the state that is farthest away. A and B change
places where they are alike. "Everything" is crashes and power failures, registering anew for no reason, an
old request on its way beside the next one, fences for another pairing, and changes of hands whose answer
never comes while the daemon goes on; the other rows have only what they name.

| bounds | states | steps between them | depth |
|---|---:|---:|---:|
"""

_REACHED = """\

It is not safe for lack of life. In the search with {} these happen, first after so many steps:

| | steps |
|---|---:|
"""

_BROKEN = """
## What each rule is for

Each row takes a rule away and searches again. The numbers are the steps of the shortest way to break it.
A row with "never" was searched to its end, one with "not in" up to so many steps. D is 2 and nothing
crashes, where a row says nothing else.

| without the rule | what else may happen | two units run | any of the three is broken |
|---|---|---:|---:|
"""

_COVERED = """
Where a row says "never", other rules cover that one, in this model:

- Whose deadline passed registers anew, and a takeover fences: each of them is enough, and without both it
  breaks (a row of its own).
- The token is taken at the deadline, and carries its moment: likewise. A timer that fires before the
  token's moment needs the first.
- Where nobody looks at incarnations the name alone says who holds. Two units still do not run, because a
  takeover then waits for W and compares the record. What breaks is the meaning of a hold: it would outlive
  the registration that it was taken in. Dangerous is that only one of the two looks.
- Whose record went backwards loses its next renewal, and its deadline passes.

They stay rules: a second reason costs nothing here, and a restore or a mistake may take away the first.

That W counts from the request is undecided: the search ended at its limit.
"""

_EXAMPLE = """
For example, {}:
"""

_NOT_SHOWN = """
## What this does not show

- More than two controllers, more than one pairing (a takeover of another pairing is there as a fence), D
  above 2 ticks, more than one restore.
- Clocks that break A1, a systemd that breaks A2, a store that breaks A3, a controller that stood still
  with its clock.
- After a restore a revision is never given a second time to another write. A backup that is restored is
  older than D: with a younger one two units do run, as the row says.
- A change of D or `kill_s` between versions, `successor`, `stopped`, budgets, the first hold of a
  pairing: the simulation has these.
- That anything is ever taken over in time: only that it can be.
"""
_TOLD = (
    "takes the pairing",
    "releases the pairing",
    "the unit is started",
    "the daemon starts",
    "gets the answer to its registration",
    "an old request commits",
)


def page() -> str:
    """The whole page. Takes some minutes."""
    with ProcessPoolExecutor() as pool:
        searches, mutations = pool.map(search_row, SEARCHES), pool.map(mutation_row, MUTATIONS)
    lines = [_HEAD, _FOUND.rstrip("\n"), *searches]
    lines += [_REACHED.format(REACHED.words).rstrip("\n"), *reached_rows()]
    lines += [_BROKEN.rstrip("\n"), *mutations, _COVERED.rstrip("\n")]
    lines += [_EXAMPLE.format(EXAMPLE.words).rstrip("\n"), "", *example()]
    return "\n".join(lines) + "\n" + _NOT_SHOWN


def search_row(one: Search) -> str:
    """One search within bounds."""
    found = searched(one)
    assert found.broken is None, f"{one.words}: {found.broken} after {found.depth} steps"
    depth = f"{found.depth}" if found.complete else f"stopped after {found.depth}"
    return f"| {one.words} | {found.states:,} | {found.steps:,} | {depth} |"


@cache
def searched(one: Search) -> Found:
    """The search itself; A and B change places where they are alike."""
    return search(Protocol(Rules(), one.bounds, symmetric=True), limit=one.limit)


def reached_rows() -> list[str]:
    """What happens in the search, so that nothing is safe only because nothing can happen."""
    seen = searched(REACHED).seen
    return [f"| {words} | {depth} |" for words, depth in seen.items() if words.startswith(_TOLD)]


def mutation_row(one: Mutation) -> str:
    """How far two units that run, and any broken invariant, are away without a rule."""
    find = partial(search, Protocol(one.rules, one.bounds, symmetric=True), limit=one.limit)
    first = find()
    overlap = find(only=OVERLAP) if first.broken not in (None, OVERLAP) else first
    return f"| {one.words} | {one.world} | {_steps(overlap)} | {_steps(first)} |"


def _steps(found: Found) -> str:
    if found.broken is not None:
        return f"{found.depth}"
    return f"never ({found.states:,} states)" if found.complete else f"not in {found.depth}"


def example() -> list[str]:
    """A shortest way to two units that run, in words."""
    found = search(Protocol(EXAMPLE.rules, EXAMPLE.bounds), only=OVERLAP)
    return [f"{number}. {words}" for number, words in enumerate(found.trace, 1)]
