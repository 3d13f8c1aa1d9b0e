"""The committed dashboards, for the tests of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

GRAFANA = Path(__file__).parents[2] / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
VARIABLES = {
    "$job": "nova-watchdog",
    "$instance": ".+",
    "$pairing": ".+",
    "$vcenter": ".+",
    "$__rate_interval": "1m",
}
_LABEL_VALUES = re.compile(r"label_values\((.*), (\w+)\)")


@dataclass(frozen=True, slots=True)
class Query:
    """One expression of a panel, of an annotation (`panel` is its name), or of a variable."""

    board: str
    panel: str
    expression: str

    @property
    def name(self) -> str:
        return f"{self.board.removeprefix('nova-watchdog-')}: {self.panel}"


@cache
def boards() -> dict[str, dict[str, Any]]:
    """Every dashboard by its name."""
    return {path.stem: json.loads(path.read_text()) for path in FILES}


def panels(board: str) -> list[dict[str, Any]]:
    """Those that show something: no rows."""
    return [panel for panel in boards()[board]["panels"] if panel["type"] != "row"]


def all_panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every panel with its dashboard's name."""
    for board in boards():
        for panel in panels(board):
            yield board, panel


def queries() -> list[Query]:
    """Every query of a panel, as written."""
    return [
        Query(board, panel["title"], target["expr"])
        for board, panel in all_panels()
        for target in panel["targets"]
    ]


def annotation_queries() -> list[Query]:
    """Every query of an annotation, as written."""
    return [
        Query(board, entry["name"], entry["expr"])
        for board, model in boards().items()
        for entry in model["annotations"]["list"]
    ]


def variables(board: str) -> dict[str, dict[str, Any]]:
    """The variables of a dashboard by name."""
    return {entry["name"]: entry for entry in boards()[board]["templating"]["list"]}


def offered(query: str) -> tuple[str, str]:
    """The selector and the label of a variable's `label_values(...)`."""
    found = _LABEL_VALUES.fullmatch(query)
    assert found is not None, query
    return found[1], found[2]


def filled(expression: str, values: Mapping[str, str] = VARIABLES) -> str:
    """With values in the place of variables."""
    for name, value in values.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression
