"""Every way through a table, without a look at each of a million situations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from functools import cache
from typing import Any, Protocol, get_type_hints

from nova_watchdog.core.hold.rules import HoldSituation, hold_rule_for
from nova_watchdog.core.rules import Situation, rule_for
from nova_watchdog.core.table import HasWhen, domain

# The tables that are small enough for a look at everything.
_DECIDE: Mapping[type[Any], Callable[[Any], Any]] = {Situation: rule_for, HoldSituation: hold_rule_for}


class Numbered(HasWhen, Protocol):
    """A row of a table that has numbers."""

    @property
    def number(self) -> str:
        """`R39`."""
        ...


def ways(rows: Sequence[Numbered], situation_type: type[Any]) -> Iterator[tuple[Any, str]]:
    """For each way through the columns: one situation that goes it, and the number of the row that decides.

    Column by column, members that leave the same rows go the same way, and so do all who come to a column
    with the same rows left. Where the first row that is left asks for nothing more it decides, whatever is
    still to come. So each situation of the domain goes one of the ways. The number is empty where no row is
    left.
    """
    columns = get_type_hints(situation_type)
    some = {column: next(iter(members)) for column, members in columns.items()}
    yield from _ways(rows, columns, situation_type(**some), set())


def _ways(
    left: Sequence[Numbered],
    columns: Mapping[str, type[Enum]],
    situation: Any,
    known: set[tuple[str, ...]],
) -> Iterator[tuple[Any, str]]:
    """`known`: from where the ways are told already, by the columns to come and the rows left."""
    if not left or not any(column in left[0].when for column in columns):
        yield situation, left[0].number if left else ""
        return
    here = (*columns, *(row.number for row in left))
    if here in known:
        return
    known.add(here)
    (column, members), *others = columns.items()
    for member in members:
        after = [row for row in left if member in row.when.get(column, (member,))]
        told = _up_to_the_last_word(after, dict(others))
        yield from _ways(told, dict(others), replace(situation, **{column: member}), known)


def _up_to_the_last_word(left: Sequence[Numbered], columns: Mapping[str, type[Enum]]) -> Sequence[Numbered]:
    """Nothing comes to a row behind one that asks for nothing more."""
    for place, row in enumerate(left, 1):
        if not any(column in row.when for column in columns):
            return left[:place]
    return left


@cache
def decided(situation_type: type[Any]) -> Sequence[tuple[Any, Any]]:
    """Every situation of the domain with the row that decides it: for tables of a few columns."""
    return [(situation, _DECIDE[situation_type](situation)) for situation in domain(situation_type)]
