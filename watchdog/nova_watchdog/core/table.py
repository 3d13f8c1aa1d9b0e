"""Decision tables: small enums in columns, the first row that matches wins.

A row's `when` maps a column (a field of the situation) to the members that match; a column that is
not named matches everything. The checks at the end let a test prove that every combination has a
row and that no row is shadowed.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Protocol, TypeVar, get_type_hints

When = Mapping[str, frozenset[enum.Enum]]


class HasWhen(Protocol):
    """Any row of a table."""

    @property
    def when(self) -> When:
        """The cells of the row."""
        ...


R = TypeVar("R", bound=HasWhen)

# So many situations are remembered for one table; far fewer ever come up.
_REMEMBERED = 4096
# By the identity of a table: itself, so that its identity stays its own, and the row of each situation.
_decided: dict[int, tuple[object, dict[object, Any]]] = {}


def when(**cells: enum.Enum | tuple[enum.Enum, ...]) -> When:
    """The cells of a row: one member, or a tuple of them, for each column that matters."""
    return {column: frozenset(cell if isinstance(cell, tuple) else (cell,)) for column, cell in cells.items()}


def matches(cells: When, situation: object) -> bool:
    """Whether every named column holds one of the row's members."""
    return all(getattr(situation, column) in allowed for column, allowed in cells.items())


def first_match(rows: Sequence[R], situation: object) -> R:
    """The row that decides. Raises LookupError where none matches, which the tests rule out.

    The same few situations come up again and again: the row of a tuple's is remembered.
    """
    if not isinstance(rows, tuple):
        return _search(rows, situation)
    _, decided = _decided.setdefault(id(rows), (rows, {}))
    found: R | None = decided.get(situation)
    if found is None:
        found = _search(rows, situation)
        if len(decided) >= _REMEMBERED:
            decided.clear()
        decided[situation] = found
    return found


def _search(rows: Sequence[R], situation: object) -> R:
    for row in rows:
        if matches(row.when, situation):
            return row
    raise LookupError(f"no row for {situation}")


def domain(situation_type: type[Any]) -> Iterator[Any]:
    """Every combination of the columns of a situation type (a dataclass whose fields are enums)."""
    hints = get_type_hints(situation_type)
    columns = [f.name for f in fields(situation_type)]
    for members in itertools.product(*(hints[c] for c in columns)):
        yield situation_type(**dict(zip(columns, members, strict=True)))


def kinds(situation_type: type[Any], rows: Sequence[HasWhen]) -> Iterator[Any]:
    """One combination for all that no row tells apart: as good as `domain` for these rows, and far fewer."""
    hints = get_type_hints(situation_type)
    columns = [f.name for f in fields(situation_type)]
    told_apart: list[list[enum.Enum]] = []
    for column in columns:
        classes: dict[tuple[bool, ...], enum.Enum] = {}
        for member in hints[column]:
            classes.setdefault(tuple(member in row.when.get(column, ()) for row in rows), member)
        told_apart.append(list(classes.values()))
    for members in itertools.product(*told_apart):
        yield situation_type(**dict(zip(columns, members, strict=True)))
