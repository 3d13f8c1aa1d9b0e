"""Which rows of a table can decide, where some of its columns are given."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drawings.tables import Numbered
from nova_watchdog.core.table import When, first_match, kinds


@dataclass(frozen=True, slots=True)
class _Rest:
    """What is left of a row once the given columns are known to match."""

    number: str
    when: When


def deciding(rows: Sequence[Numbered], situation: type[Any], **given: enum.Enum) -> frozenset[str]:
    """The numbers of the rows that decide some situation with these members, of all there are.

    A walk over what is left is short: most rows are out, and none behind one that always matches counts.
    """
    left: list[_Rest] = []
    for row in rows:
        if any(member not in row.when.get(column, {member}) for column, member in given.items()):
            continue
        left.append(_Rest(row.number, {c: cell for c, cell in row.when.items() if c not in given}))
        if not left[-1].when:
            break
    return frozenset(first_match(left, one).number for one in kinds(situation, left))
