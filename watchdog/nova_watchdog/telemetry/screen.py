"""The status document as a table for people, with an explanation of each pairing that is not healthy."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime

from nova_watchdog.core.kv import printable
from nova_watchdog.telemetry.view import Document

_HEADER = ("PAIRING", "STATE", "SINCE", "UNIT", "VCENTER", "HEARTBEAT", "SERVICE", "PHASE", "BUDGET")
_STATE_COLUMN = _HEADER.index("STATE")
_GAP = "  "
_NARROW_GAP = " "
_MIN_NAME = 4
_LABEL_WIDTH = 10
_MAX_TRANSITIONS = 3

_GREEN, _YELLOW, _RED, _PLAIN = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
_GOOD = frozenset({"healthy"})
# Passing by themselves, or somebody's wish.
_CALM = frozenset(
    {"starting", "changing", "unknown", "auto-disabled", "disabled-by-operator", "stopped-on-purpose"}
)

_VCENTER = {
    "ok": "ok",
    "ok-earlier": "ok?",
    "unreachable": "away",
    "login-refused": "refused",
    "cluster-gone": "gone",
    "unknown": "?",
}
_SERVICE = {
    "enabled": "enabled",
    "auto-disabled": "auto-off",
    "stuck-disabled": "stuck-off",
    "disabled": "disabled",
    "forced-down": "forced",
    "unknown": "?",
}

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


def render(shown: Document, *, columns: int, colour: bool) -> str:
    """The whole screen as text. `columns` is the width to fit into."""
    lines = [_headline(shown), "", *_table(shown, columns, colour=colour)]
    for pairing in shown["unwatched"]:
        lines += ["", *_not_watched(pairing, columns)]
    for pairing in shown["pairings"]:
        if not pairing["healthy"]:
            lines += ["", *_explanation(shown, pairing, columns)]
    failing = [probe for probe in shown["probes"] if not probe["ok"]]
    if failing:
        lines += ["", *(line for probe in failing for line in _failing_probe(shown, probe, columns))]
    return "\n".join(lines) + "\n"


def age(seconds: float | None) -> str:
    """A duration in at most six characters, "-" for none."""
    if seconds is None:
        return "-"
    whole = int(seconds)
    if whole < _MINUTE_S:
        return f"{whole}s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S}m{whole % _MINUTE_S:02d}s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S}h{whole % _HOUR_S // _MINUTE_S:02d}m"
    return f"{whole // _DAY_S}d{whole % _DAY_S // _HOUR_S:02d}h"


def _headline(shown: Document) -> str:
    pairings = shown["pairings"]
    healthy = sum(1 for pairing in pairings if pairing["healthy"])
    count = len(pairings) + len(shown["unwatched"])
    total = f"{healthy} of {count} pairings healthy" if pairings else "no pairing was looked at yet"
    if shown["unwatched"]:
        total += f", {len(shown['unwatched'])} NOT WATCHED"
    return printable(
        f"nova-watchdog {shown['version']} on {shown['controller']}, "
        f"up {age(_since_s(shown, shown['started_at']))}: {total}"
    )


def _table(shown: Document, columns: int, *, colour: bool) -> Iterator[str]:
    rows = [_row(shown, pairing) for pairing in shown["pairings"]]
    rows += [_unwatched_row(pairing) for pairing in shown["unwatched"]]
    gap = _GAP
    widths = _widths(rows)
    if sum(widths) + len(gap) * (len(widths) - 1) > columns:
        gap = _NARROW_GAP
        excess = sum(widths) + len(widths) - 1 - columns
        widths[0] = max(_MIN_NAME, widths[0] - max(0, excess))
    yield _line(_HEADER, widths, gap)
    paints = [*(_paint(pairing) for pairing in shown["pairings"]), *(_RED for _ in shown["unwatched"])]
    for row, paint in zip(rows, paints, strict=True):
        line = _line(row, widths, gap)
        if colour:
            start = sum(widths[:_STATE_COLUMN]) + len(gap) * _STATE_COLUMN
            end = start + len(row[_STATE_COLUMN])
            line = line[:start] + paint + line[start:end] + _PLAIN + line[end:]
        yield line


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
        pairing["diagnosis"]["word"] + (" (old)" if pairing["stale"] else ""),
        age(_since_s(shown, pairing["diagnosis"]["since"])),
        state,
        _VCENTER.get(vcenter, vcenter),
        age(pairing["heartbeat_age_s"]),
        _SERVICE.get(service, service),
        pairing["phase"],
        f"{pairing['budget']['starts_left']}/{pairing['budget']['starts_allowed']}",
    )
    return tuple(printable(cell) for cell in cells)


def _unwatched_row(pairing: Document) -> tuple[str, ...]:
    row = ["-"] * len(_HEADER)
    row[0], row[_STATE_COLUMN] = printable(pairing["name"]), "NOT WATCHED"
    return tuple(row)


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(line[column]) for line in (_HEADER, *rows)) for column in range(len(_HEADER))]


def _line(cells: Sequence[str], widths: Sequence[int], gap: str) -> str:
    padded = (_cut(cell, width).ljust(width) for cell, width in zip(cells, widths, strict=True))
    return gap.join(padded).rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "~"


def _paint(pairing: Document) -> str:
    word = pairing["diagnosis"]["word"]
    if word in _GOOD and pairing["healthy"]:
        return _GREEN
    return _YELLOW if word in _GOOD | _CALM else _RED


def _not_watched(pairing: Document, columns: int) -> Iterator[str]:
    yield printable(f"{pairing['name']}: NOT WATCHED, nobody would bring it back")
    for mistake in pairing["mistakes"]:
        yield from _entry("why", mistake, columns)
    yield from _entry("remedy", "mend that; 'nova-watchdog config check' tells when all is well", columns)


def _explanation(shown: Document, pairing: Document, columns: int) -> Iterator[str]:
    diagnosis, rule = pairing["diagnosis"], pairing["rule"]
    yield printable(f"{pairing['name']}: {diagnosis['word']} since {diagnosis['since']}")
    if pairing["stale"]:
        yield from _entry("old", f"last looked at {age(pairing['look_age_s'])} ago: the loop hangs", columns)
    if pairing["store_problem"]:
        text = f"its record cannot be written: nothing is done: {pairing['store_problem']}"
        yield from _entry("record", text, columns)
    yield from _entry("shown by", f"{diagnosis['shown_by']} ({diagnosis['row']})", columns)
    for label, text in _readings(pairing):
        yield from _entry(label, text, columns)
    yield from _entry("rule", f"{rule['number']}: {rule['why']}", columns)
    yield from _entry("next", _what_comes(pairing), columns)
    if rule["remedy"]:
        yield from _entry("remedy", rule["remedy"], columns)
    if pairing["last_action"]:
        yield from _entry("last act", pairing["last_action"], columns)
    label = "lately"
    for edge in reversed(pairing["transitions"][-_MAX_TRANSITIONS:]):
        happened = (
            f"{age(_since_s(shown, edge['at']))} ago {edge['diagnosis']}, {edge['phase']} ({edge['rule']})"
        )
        did = "" if edge["action"] in ("", "nothing") else f": {edge['action']}"
        yield from _entry(label, happened + did, columns)
        label = ""


def _readings(pairing: Document) -> Iterator[tuple[str, str]]:
    unit = pairing["readings"]["unit"]
    if unit["known"]:
        job = f", job {unit['job']}" if unit["job"] else ""
        pid = f", pid {unit['main_pid']}" if unit["main_pid"] else ""
        detail = f", {unit['detail']}" if unit["detail"] else ""
        yield "unit", f"{pairing['unit']} {unit['active']} ({unit['sub']}){pid}{job}{detail}"
    else:
        yield "unit", _not_known(unit)
    vcenter = pairing["readings"]["vcenter"]
    if vcenter["known"]:
        detail = f": {vcenter['detail']}" if vcenter["detail"] else ""
        gone = f", no cluster {pairing['cluster']}" if pairing["facts"]["vcenter"] == "cluster-gone" else ""
        yield (
            "vcenter",
            f"{pairing['vcenter']} {vcenter['outcome']}{gone}{detail}, read {age(vcenter['age_s'])} ago",
        )
    else:
        yield "vcenter", _not_known(vcenter)
    yield "nova", _nova(pairing)


def _nova(pairing: Document) -> str:
    services = pairing["readings"]["services"]
    if not services["known"]:
        return _not_known(services)
    conductors = f"conductors up {services['conductors_up']} of {services['conductors']}"
    record = services["record"]
    if record is None:
        return f"no service record of {pairing['host']}, {conductors}, read {age(services['age_s'])} ago"
    state = "up" if record["up"] else "down"
    status = "disabled" if record["disabled"] else "enabled"
    reason = f" ({record['disabled_reason']})" if record["disabled"] and record["disabled_reason"] else ""
    forced = ", forced down" if record["forced_down"] else ""
    beat_s = pairing["heartbeat_age_s"]
    beat = "no heartbeat seen" if beat_s is None else f"heartbeat {age(beat_s)} ago"
    return (
        f"{pairing['host']} {state}, {status}{reason}{forced}, {beat}, {conductors}, "
        f"read {age(services['age_s'])} ago"
    )


def _not_known(reading: Document) -> str:
    return f"unknown for {age(reading['age_s'])}: {reading['reason']}"


def _what_comes(pairing: Document) -> str:
    verb, in_s = pairing["rule"]["verb"], pairing["next_look_in_s"]
    if pairing["store_problem"]:
        return "nothing is done until its record can be written"
    if verb != "nothing":
        return f"does now: {verb}"
    if pairing["phase"] == "given-up":
        return "nothing is done until the unit is started by a human"
    if in_s is not None:
        return f"decides again in {age(in_s)}, or as soon as a reading changes"
    return "decides again as soon as a reading changes"


def _failing_probe(shown: Document, probe: Document, columns: int) -> Iterator[str]:
    last = probe["last_success_at"]
    succeeded = f"last success {age(_since_s(shown, last))} ago" if last else "never succeeded"
    yield from _entry("probe", f"{probe['kind']} {probe['target']}: {probe['detail']} ({succeeded})", columns)


def _entry(label: str, text: str, columns: int) -> Iterator[str]:
    yield from textwrap.wrap(
        printable(text),
        width=columns,
        initial_indent=f"  {label:<{_LABEL_WIDTH}}",
        subsequent_indent=" " * (_LABEL_WIDTH + 2),
        break_on_hyphens=False,
    )


def _since_s(shown: Document, moment: str) -> float:
    """Seconds from that moment to the document's own, never negative."""
    gone = datetime.fromisoformat(shown["at"]) - datetime.fromisoformat(moment)
    return max(0.0, gone.total_seconds())
