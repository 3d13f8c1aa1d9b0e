"""A decision table as Markdown: any rows with a `number` and a `when`, and whatever else they hold."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, get_type_hints

from nova_watchdog.core.table import HasWhen, When

_COMMENT = re.compile(r"^ +([A-Z][A-Z_\d]*) = [^#\n]*# (.+)$", re.MULTILINE)


class Numbered(HasWhen, Protocol):
    """A row that people quote by its number."""

    @property
    def number(self) -> str:
        """`R39`."""
        ...


@dataclass(frozen=True, slots=True)
class Table:
    """One table to be drawn.

    says: what its rows say, after their numbers. columns: which fields of a row are shown beside its cells,
    and under which heading. note: a line about all of it.
    """

    title: str
    says: str
    rows: Sequence[Numbered]
    situation: type[Any]
    columns: Mapping[str, str]
    note: str = ""


def entry(table: Table) -> str:
    """Its line in a list of tables."""
    title = _small(table.title)
    return f"- `{table.rows[0].number[0]}nn`: [{title}](#{title.replace(' ', '-')}): {table.says}"


def section(table: Table) -> Iterator[str]:
    """The lines of its rows, and of what its columns mean."""
    yield from (f"## {table.title}", "")
    if table.note:
        yield from (table.note, "")
    yield from _head("row", "when", *table.columns.values())
    for row in table.rows:
        fields = [_shown(getattr(row, field)) for field in table.columns]
        yield _line([target(row.number), conditions(row.when, table.situation), *fields])
    yield from ("", f"### Columns of {_small(table.title)}", "")
    yield from _head("column", "meaning", "values")
    for column, kind in _explained(table).items():
        yield _line([f"`{column}`", meaning(kind), "; ".join(_value(member) for member in kind)])


def target(number: str) -> str:
    """The number as what a link leads to."""
    return f'<a id="{number.lower()}"></a>{number}'


def link(number: str) -> str:
    """The number as a link to its row."""
    return f"[{number}](#{number.lower()})"


def conditions(cells: When, situation: type[Any]) -> str:
    """The cells in words, in the order of the situation's columns and of each one's closed list."""
    told = []
    for column, kind in get_type_hints(situation).items():
        if column in cells:
            *others, last = [f"`{member.value}`" for member in kind if member in cells[column]]
            told.append(f"{column} is {', '.join(others)}{' or ' if others else ''}{last}")
    return "; ".join(told) or "in every other case"


def meaning(kind: type[enum.Enum]) -> str:
    """The first paragraph of its docstring, in one line."""
    return escaped(" ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split()))


def comment(member: enum.Enum) -> str:
    """What the source says beside the member, empty where it says nothing."""
    return _comments(type(member)).get(member.name, "")


def escaped(text: str) -> str:
    """Text that a Markdown table shows as it is."""
    return re.sub(r"([\\|<>*])", r"\\\1", text)


@cache
def _comments(kind: type[enum.Enum]) -> Mapping[str, str]:
    return dict(_COMMENT.findall(inspect.getsource(kind)))


def _explained(table: Table) -> dict[str, type[enum.Enum]]:
    """The columns of the situation, and those of the rows whose values the source explains."""
    of_rows = {
        table.columns[field]: kind
        for field, kind in get_type_hints(type(table.rows[0])).items()
        if field in table.columns and isinstance(kind, enum.EnumMeta) and any(map(comment, kind))
    }
    return get_type_hints(table.situation) | of_rows


def _small(title: str) -> str:
    return title[0].lower() + title[1:]


def _value(member: enum.Enum) -> str:
    said = comment(member)
    return f"`{member.value}`" + (f" ({escaped(said)})" if said else "")


def _shown(field: object) -> str:
    return f"`{field.value}`" if isinstance(field, enum.Enum) else escaped(str(field))


def _head(*headings: str) -> tuple[str, str]:
    return _line(headings), f"|{'---|' * len(headings)}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
