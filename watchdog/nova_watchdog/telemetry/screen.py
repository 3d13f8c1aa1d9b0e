"""The status document as a table for people, with an explanation of each pairing that is not healthy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nova_watchdog.core.kv import printable
from nova_watchdog.telemetry import screen_readings
from nova_watchdog.telemetry.text import age, counted, entry, since_s
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
# What is left out, in this order, where the screen is too narrow for everything.
_OPTIONAL = ("VMS", "BUDGET", "BEAT")
_GAP = "  "
_NARROW_GAP = " "
_MIN_NAME = 4
_MAX_TRANSITIONS = 3

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


def render(shown: Document, *, columns: int, colour: bool) -> str:
    """The whole screen as text. `columns` is the width to fit into."""
    lines = [_headline(shown), "", *_table(shown, columns, colour=colour)]
    for pairing in shown["unwatched"]:
        lines += ["", *_not_watched(pairing, columns)]
    for pairing in shown["pairings"]:
        if not pairing["healthy"]:
            lines += ["", *_explanation(shown, pairing, columns)]
        elif pairing["pause"] or pairing["window"]:
            lines += ["", printable(f"{pairing['name']}: healthy, and left alone")]
            lines += _entries(screen_readings.holds(shown, pairing), columns)
    if shown["reload_mistakes"]:
        lines += ["", *_refused_reload(shown, columns)]
    failing = [probe for probe in shown["probes"] if not probe["ok"]]
    if failing:
        lines += ["", *(line for probe in failing for line in _failing_probe(shown, probe, columns))]
    deaf = [receiver for receiver in shown["receivers"] if receiver["problem"]]
    if deaf:
        lines += ["", *(line for receiver in deaf for line in _deaf_receiver(receiver, columns))]
    return "\n".join(lines) + "\n"


def _headline(shown: Document) -> str:
    pairings = shown["pairings"]
    healthy = sum(1 for pairing in pairings if pairing["healthy"])
    count = len(pairings) + len(shown["unwatched"])
    total = f"{healthy} of {count} pairings healthy" if pairings else "no pairing was looked at yet"
    if shown["unwatched"]:
        total += f", {len(shown['unwatched'])} NOT WATCHED"
    if shown["reload_mistakes"]:
        total += ", RELOAD REFUSED"
    return printable(
        f"nova-watchdog {shown['version']} on {shown['controller']}, "
        f"up {age(since_s(shown, shown['started_at']))}: {total}"
    )


def _table(shown: Document, columns: int, *, colour: bool) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [_HEADER]
    rows += [_row(shown, pairing) for pairing in shown["pairings"]]
    rows += [_unwatched_row(pairing) for pairing in shown["unwatched"]]
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
    for name in _OPTIONAL:
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
        pairing["diagnosis"]["word"] + (" (old)" if pairing["stale"] else ""),
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


def _not_watched(pairing: Document, columns: int) -> Iterator[str]:
    yield printable(f"{pairing['name']}: NOT WATCHED, nobody would bring it back")
    for mistake in pairing["mistakes"]:
        yield from entry("why", mistake, columns)
    yield from entry("remedy", "mend that; 'nova-watchdog config check' tells when all is well", columns)


def _explanation(shown: Document, pairing: Document, columns: int) -> Iterator[str]:
    diagnosis, rule = pairing["diagnosis"], pairing["rule"]
    yield printable(f"{pairing['name']}: {diagnosis['word']} since {diagnosis['since']}")
    if pairing["stale"]:
        yield from entry("old", f"last looked at {age(pairing['look_age_s'])} ago: the loop hangs", columns)
    if pairing["store_problem"]:
        text = f"its record cannot be written: nothing is done: {pairing['store_problem']}"
        yield from entry("record", text, columns)
    yield from entry("shown by", f"{diagnosis['shown_by']} ({diagnosis['row']})", columns)
    yield from _entries(screen_readings.concerns(pairing), columns)
    yield from _entries(screen_readings.quick_readings(pairing), columns)
    yield from _entries(screen_readings.holds(shown, pairing), columns)
    yield from entry("rule", f"{rule['number']}: {rule['why']}", columns)
    yield from entry("next", what_comes(pairing), columns)
    if rule["remedy"]:
        yield from entry("remedy", rule["remedy"], columns)
    if pairing["last_action"]:
        yield from entry("last act", pairing["last_action"], columns)
    label = "lately"
    for edge in reversed(pairing["transitions"][-_MAX_TRANSITIONS:]):
        happened = (
            f"{age(since_s(shown, edge['at']))} ago {edge['diagnosis']}, {edge['phase']} ({edge['rule']})"
        )
        did = "" if edge["action"] in ("", "nothing") else f": {edge['action']}"
        yield from entry(label, happened + did, columns)
        label = ""


def _entries(found: screen_readings.Lines, columns: int) -> Iterator[str]:
    for label, text in found:
        yield from entry(label, text, columns)


def _refused_reload(shown: Document, columns: int) -> Iterator[str]:
    yield "RELOAD REFUSED: the daemon goes on with the old configuration"
    for mistake in shown["reload_mistakes"]:
        yield from entry("why", mistake, columns)
    yield from entry("remedy", "mend that, then 'systemctl reload nova-watchdog'", columns)


def what_comes(pairing: Document) -> str:
    """When the decision may change, or what is done now."""
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


def _deaf_receiver(receiver: Document, columns: int) -> Iterator[str]:
    waits = f"{counted(receiver['queued'], 'event')} waiting, {receiver['dropped']} never told"
    yield from entry("receiver", f"{receiver['name']}: {receiver['problem']} ({waits})", columns)


def _failing_probe(shown: Document, probe: Document, columns: int) -> Iterator[str]:
    last = probe["last_success_at"]
    succeeded = f"last success {age(since_s(shown, last))} ago" if last else "never succeeded"
    yield from entry("probe", f"{probe['kind']} {probe['target']}: {probe['detail']} ({succeeded})", columns)
