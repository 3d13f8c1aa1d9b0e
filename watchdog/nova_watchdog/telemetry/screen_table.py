"""The table of the status: a row a pairing, as many columns as fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nova_watchdog.core.kv import printable
from nova_watchdog.telemetry import screen_hold
from nova_watchdog.telemetry.text import age, since_s
from nova_watchdog.telemetry.view_readings import Document

_HEADER = (
    "PAIRING",
    "STATE",
    "SINCE",
    "UNIT",
    "VCENTER",
    "BUS",
    "BEAT",
    "SERVICE",
    "PHASE",
    "BUDGET",
    "VMS",
)
_STATE_COLUMN = _HEADER.index("STATE")
# Where the columns of holding stand, if other controllers share the pairings.
_HOLD_COLUMN = _HEADER.index("UNIT")
# What is left out, in this order, where the screen is too narrow for everything.
_OPTIONAL = ("VMS", "BUDGET", "BEAT")
# And then these, which give their place to the columns of holding.
_OPTIONAL_WHERE_SHARED = ("DEADLINE", "PHASE", "SERVICE")
_GAP = "  "
_NARROW_GAP = " "
_MIN_NAME = 4

_GREEN, _YELLOW, _RED, _PLAIN = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
# Failed, but passing by itself, or somebody's wish.
_CALM = frozenset({"auto-disabled", "stopped-on-purpose"})

_VCENTER = {
    "ok": "ok",
    "ok-earlier": "ok?",
    "unreachable": "away",
    "login-refused": "refused",
    "cluster-gone": "gone",
    "unknown": "?",
}
_BUS = {"ok": "ok", "down": "down", "blocked": "stuck", "unknown": "?"}
_SERVICE = {
    "enabled": "enabled",
    "auto-disabled": "auto-off",
    "stuck-disabled": "stuck-off",
    "disabled": "disabled",
    "forced-down": "forced",
    "unknown": "?",
}


def table(shown: Document, columns: int, *, colour: bool) -> Iterator[str]:
    """The header and a line a pairing, in that width. The columns of holding only where it is shared."""
    rows: list[tuple[str, ...]] = [_HEADER]
    rows += [_row(shown, pairing) for pairing in shown["pairings"]]
    rows += [_unwatched_row(pairing) for pairing in shown["unwatched"]]
    if shown["keeper"] is not None:
        between = [
            screen_hold.COLUMNS,
            *(screen_hold.cells(pairing) for pairing in shown["pairings"]),
            *(("-",) * len(screen_hold.COLUMNS) for _ in shown["unwatched"]),
        ]
        rows = [
            (*row[:_HOLD_COLUMN], *map(printable, cells), *row[_HOLD_COLUMN:])
            for row, cells in zip(rows, between, strict=True)
        ]
    rows, widths, gap = _fitted(rows, columns)
    state = rows[0].index("STATE")
    paints = ["", *(_paint(pairing) for pairing in shown["pairings"]), *(_RED for _ in shown["unwatched"])]
    for row, paint in zip(rows, paints, strict=True):
        line = _line(row, widths, gap)
        if colour and paint:
            start = sum(widths[:state]) + len(gap) * state
            end = start + len(row[state])
            line = line[:start] + paint + line[start:end] + _PLAIN + line[end:]
        yield line


def _fitted(rows: list[tuple[str, ...]], columns: int) -> tuple[list[tuple[str, ...]], list[int], str]:
    """The rows with the columns that fit, their widths, and the gap between them.

    First the gaps shrink, then columns go, then the pairings' names are cut.
    """
    widths = _widths(rows)
    if _width(widths, _GAP) <= columns:
        return rows, widths, _GAP
    is_shared = screen_hold.COLUMNS[0] in rows[0]
    for name in (*_OPTIONAL, *(_OPTIONAL_WHERE_SHARED if is_shared else ())):
        if _width(widths, _NARROW_GAP) <= columns:
            break
        left_out = rows[0].index(name)
        rows = [row[:left_out] + row[left_out + 1 :] for row in rows]
        widths = _widths(rows)
    excess = max(0, _width(widths, _NARROW_GAP) - columns)
    widths[0] = max(_MIN_NAME, widths[0] - excess)
    return rows, widths, _NARROW_GAP


def _width(widths: Sequence[int], gap: str) -> int:
    return sum(widths) + len(gap) * (len(widths) - 1)


def _row(shown: Document, pairing: Document) -> tuple[str, ...]:
    unit = pairing["readings"]["unit"]
    state = "?"
    if unit["known"]:
        state = unit["active"] if unit["load"] == "loaded" else unit["load"]
        if unit["main_pid"]:
            state += f" {unit['main_pid']}"
    vcenter, service = pairing["facts"]["vcenter"], pairing["facts"]["service"]
    cells = (
        pairing["name"],
        screen_hold.word(pairing) + (" (old)" if pairing["stale"] else ""),
        age(since_s(shown, pairing["diagnosis"]["since"])),
        state,
        _VCENTER.get(vcenter, vcenter),
        _bus_cell(pairing["facts"]),
        age(pairing["heartbeat_age_s"]),
        _SERVICE.get(service, service),
        pairing["phase"],
        f"{pairing['budget']['starts_left']}/{pairing['budget']['starts_allowed']}",
        _instances(pairing["readings"]["workload"]),
    )
    return tuple(printable(cell) for cell in cells)


def _bus_cell(facts: Document) -> str:
    """The message bus; where it works, whether nova-compute and a conductor answer over it."""
    if facts["bus"] == "ok" and facts["rpc"] in ("unanswered", "conductor-silent"):
        return "mute"
    return _BUS.get(facts["bus"], str(facts["bus"]))


def _instances(workload: Document) -> str:
    load = workload.get("load")
    return str(load["instances"]) if load else "?"


def _unwatched_row(pairing: Document) -> tuple[str, ...]:
    row = ["-"] * len(_HEADER)
    row[0], row[_STATE_COLUMN] = printable(pairing["name"]), "NOT WATCHED"
    return tuple(row)


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]


def _line(cells: Sequence[str], widths: Sequence[int], gap: str) -> str:
    padded = (_cut(cell, width).ljust(width) for cell, width in zip(cells, widths, strict=True))
    return gap.join(padded).rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "~"


def _paint(pairing: Document) -> str:
    if pairing["condition"] == "failed" and pairing["diagnosis"]["word"] not in _CALM:
        return _RED
    return _GREEN if pairing["healthy"] else _YELLOW
