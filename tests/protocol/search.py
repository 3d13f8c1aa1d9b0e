"""Breadth first through every state: the first that breaks an invariant is a shortest counterexample."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from protocol import state as f
from protocol.bare import NOBODY, Protocol, Step


@dataclass
class Found:
    """What a search saw."""

    states: int
    steps: int  # from state to state, also to one that was known
    depth: int  # of the last new state
    complete: bool = True  # False: it ended at its limit, with everything up to `depth` seen
    broken: str | None = None
    trace: list[str] = field(default_factory=list)
    # Each step's words, and the depth at which it first led on.
    seen: dict[str, int] = field(default_factory=dict)


def search(protocol: Protocol, *, only: str | None = None, limit: int = 10_000_000) -> Found:
    """Until everything is seen, or an invariant (`only` that one) is broken. `limit` bounds the states.

    A layer is finished before it is compared with the limit.
    """
    first = protocol.initial()
    before: dict[f.State, f.State | None] = {first: None}
    found = Found(1, 0, 0)
    layer = [first]
    depth = 0
    while layer:
        depth += 1
        following: list[f.State] = []
        for state in layer:
            for _, words, reached in protocol.steps(state):
                found.steps += 1
                if reached in before:
                    continue
                before[reached] = state
                found.seen.setdefault(words, depth)
                following.append(reached)
                broken = protocol.broken(reached)
                if broken and only in (None, broken):
                    found.broken, found.depth, found.states = broken, depth, len(before)
                    found.trace = _told(protocol, before, reached)
                    return found
        if len(before) > limit:
            found.states, found.depth, found.complete = len(before), depth, False
            return found
        layer = following
    found.states = len(before)
    found.depth = depth - 1
    return found


def _told(protocol: Protocol, before: dict[f.State, f.State | None], last: f.State) -> list[str]:
    """The steps that led to a state, in words. A and B are only apart without symmetry."""
    path = [last]
    while (earlier := before[path[-1]]) is not None:
        path.append(earlier)
    path.reverse()
    return [_words(protocol.steps(a), b) for a, b in pairwise(path)]


def _words(steps: list[Step], reached: f.State) -> str:
    who, words, _ = next(step for step in steps if step[2] == reached)
    return words if who == NOBODY else f"{'A' if who == f.A else 'B'}: {words}"
