"""The explanation of a pairing as text: readings, facts, every row of both tables, what is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nova_watchdog.core.kv import printable
from nova_watchdog.telemetry import screen_hold, screen_readings
from nova_watchdog.telemetry.screen import what_comes
from nova_watchdog.telemetry.text import age, entry
from nova_watchdog.telemetry.view_readings import Document

_ACTIONS = {
    "start": "start {target}",
    "kill": "kill {target}",
    "enable": "enable the service of {target}",
    "probe": "ask for fresh readings",
    "look-again": "look again",
}


def render(shown: Document, *, columns: int) -> str:
    """The whole explanation. `columns` is the width to fit into."""
    pairing = shown["pairing"]
    lines = [*_headline(shown, pairing), "", "readings"]
    for label, text in _readings(shown, pairing):
        lines += entry(label, text, columns)
    lines += ["", "facts: what the readings say", *_cells(shown["facts"], columns)]
    lines += ["", "diagnosis: the first row that matches"]
    lines += _rows(shown["diagnosis_rows"], "diagnosis", "shown_by", columns)
    lines += ["", "situation: what the rules go by", *_cells(shown["situation"], columns)]
    lines += ["", "rule: the first row that matches"]
    lines += _rows(shown["rule_rows"], "verb", "why", columns)
    lines += ["", *_end(shown, pairing, columns)]
    return "\n".join(lines) + "\n"


def _headline(shown: Document, pairing: Document) -> Iterator[str]:
    word, since = pairing["diagnosis"]["word"], pairing["diagnosis"]["since"]
    yield printable(
        f"{pairing['name']} on {shown['controller']}: {word} ({pairing['condition']}) since {since}"
    )
    if pairing["stale"]:
        yield f"  OLD: last looked at {age(pairing['look_age_s'])} ago, its loop hangs"


def _readings(shown: Document, pairing: Document) -> screen_readings.Lines:
    yield from screen_readings.quick_readings(pairing)
    yield from screen_readings.slow_readings(pairing)
    yield from screen_readings.concerns(pairing)
    yield from screen_readings.holds(shown, pairing)
    yield from screen_hold.lines(pairing)
    yield from screen_hold.verified(pairing)
    yield from screen_hold.size_line(shown)
    yield from screen_hold.single_active(shown)


def _cells(cells: Document, columns: int) -> Iterator[str]:
    yield from entry("", " ".join(f"{name}={value}" for name, value in cells.items()), columns, width=0)


def _rows(rows: Sequence[Document], word: str, text: str, columns: int) -> Iterator[str]:
    """Each row with a mark on the one that decides, and what keeps the others from matching."""
    width = max(len(row[word]) for row in rows)
    for row in rows:
        mark = ">" if row["decides"] else " "
        yield from entry(
            f"{mark} {row['row']} {row[word]:<{width}}  ",
            _why(row, text),
            columns,
            width=width + 8,
        )


def _why(row: Document, text: str) -> str:
    if row["decides"]:
        return str(row[text])
    mismatch = row["mismatch"]
    if mismatch is None:
        return "matches too, a row above decides"
    wants = " or ".join(mismatch["wants"])
    return f"{mismatch['column']} is {mismatch['is']}, row wants {wants}"


def _end(shown: Document, pairing: Document, columns: int) -> Iterator[str]:
    rule = pairing["rule"]
    yield from entry("rule", f"{rule['number']}: {rule['why']}", columns)
    done = [_action(one) for one in shown["would_do"]]
    yield from entry("does", ", then ".join(done) if done else "nothing", columns)
    if shown["blocked"]:
        yield from entry("but", f"nothing is done: {shown['blocked']}", columns)
    yield from entry("next", what_comes(pairing), columns)
    if rule["remedy"]:
        yield from entry("remedy", rule["remedy"], columns)
    if pairing["last_action"]:
        yield from entry("last act", pairing["last_action"], columns)


def _action(one: Document) -> str:
    text = _ACTIONS.get(one["action"], str(one["action"])).format(target=one["target"])
    return text if one["in_s"] is None else f"{text} in {age(one['in_s'])}"
