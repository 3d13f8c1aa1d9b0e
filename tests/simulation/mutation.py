"""A rule that is taken out of the real code, and the schedules that show that it is missed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nova_watchdog.simulation.scenario import Kind, Scenario
from simulation.broken_rules import Break
from simulation.mutation_search import jittered, scenario_of, searched


@dataclass(frozen=True)
class Mutation:
    """A rule that is taken out.

    invariant: which one then is broken first. breaks: what then goes wrong.
    words: the faults of the directed schedule, the first that is tried; empty: there is none.
    kinds: of the random ones after it.
    jitter_s: instead of those, the directed one again, the last of its faults later by up to so much.
    within: how many schedules CI tries at most. moves: the budget of moves.
    """

    name: str
    rule: Break
    invariant: str
    breaks: str
    words: tuple[str, ...]
    kinds: tuple[Kind, ...]
    within: int = 1
    controllers: int = 2
    pairings: int = 1
    moves: int = 4
    jitter_s: float = 0.0

    def base(self) -> Scenario:
        """The directed schedule."""
        return scenario_of(self.words, self.controllers, self.pairings, moves=self.moves)

    def schedules(self, *, directed: bool = True) -> Iterator[Scenario]:
        """Endlessly many: the directed one, and then that one at other moments, or random ones."""
        if directed and self.words:
            yield self.base()
        yield from jittered(self.base(), self.jitter_s) if directed and self.jitter_s else self._random()

    def _random(self) -> Iterator[Scenario]:
        return searched(self.kinds, self.base())


@dataclass(frozen=True)
class Covered:
    """A rule whose absence no schedule shows, because another one stands behind it.

    alone: its mutation, which passes the schedule. by: the name of the other rule. both: what catches the
    two together.
    """

    alone: Break
    by: str
    both: Mutation
