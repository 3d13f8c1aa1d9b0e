"""What a run came to, as lines for people and as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from nova_watchdog.core import rules
from nova_watchdog.core.hold import rules as hold_rules
from nova_watchdog.core.model import Mode
from nova_watchdog.simulation.run import Outcome
from nova_watchdog.simulation.trace import Line, moment
from nova_watchdog.simulation.world import DEADLINE_FIRED, Gap

# So many lines of the timeline are shown before the first thing that must never be.
_LINES_BEFORE = 40
_RULE = re.compile(r"[HR][0-9]{2}")
_FORBIDDEN = "!!"
_NEEDS_ETCD = "moving (H..) and the deadline need [etcd]: a daemon without it does neither"
_WHY = {row.number: row.why for row in rules.TABLE} | {row.number: row.why for row in hold_rules.TABLE}


def timeline(outcome: Outcome, *, from_s: float = 0.0, to_s: float = float("inf")) -> Iterable[str]:
    """A row for each thing that happened: when, where, to which pairing, by which rule, and what."""
    forbidden = [Line(one.at_s, _FORBIDDEN, f"{one.name}: {one.text}") for one in outcome.violations]
    lines = sorted([*outcome.trace.lines, *forbidden], key=lambda line: line.at_s)
    shown = [line for line in lines if from_s <= line.at_s <= to_s]
    rows = [(moment(line.at_s), line.who, *_cells(line.text, outcome.scenario.pairings)) for line in shown]
    yield from _columns([("TIME", "WHERE", "PAIRING", "RULE", "WHAT"), *rows])


def _cells(text: str, pairings: Sequence[str]) -> tuple[str, str, str]:
    """Pairing, rule and the rest. A line about a pairing begins with its name, and then the rule, if any."""
    name, _, rest = text.partition(" ")
    if name not in pairings:
        return "", "", text
    rule, _, what = rest.partition(" ")
    return (name, rule, what) if _RULE.fullmatch(rule) else (name, "", rest)


def before_the_first_violation(outcome: Outcome) -> Iterable[str]:
    """The end of the timeline up to it, and every violation of that moment."""
    if not outcome.violations:
        return
    at_s = outcome.violations[0].at_s
    earlier = [line.at_s for line in outcome.trace.lines if line.at_s <= at_s]
    yield from timeline(outcome, from_s=(earlier or [at_s])[-_LINES_BEFORE:][0], to_s=at_s)


def summary(outcome: Outcome, *, shares: bool = False) -> Iterable[str]:
    """The answers to what an operator asks first. `shares`: the configuration has `[etcd]`."""
    rows: list[tuple[str, str]] = [
        ("simulated", _words(outcome.ended_at_s)),
        *_block("served twice", list(_twice(outcome)) or ["never"]),
    ]
    timing = outcome.scenario.timing
    times = f"renewal every {timing.renew_s:g} s, deadline {timing.deadline_s:g} s"
    rows.append(("times", f"{times}, takeover after {timing.takeover_wait_s:.2f} s"))
    rows += _block(
        "without a process", [f"{name}: {_gaps(outcome, name)}" for name in outcome.scenario.pairings]
    )
    rows.append(("served", f"{100 * outcome.availability:.4f} % of the time"))
    rows += _block("done", list(_done(outcome)) or ["nothing"])
    rows += _block("forbidden", [str(one) for one in outcome.violations] or ["nothing"])
    rows += _block("all well", list(_well(outcome)))
    rows += _block("note", [_NEEDS_ETCD] * (not shares and _shows_holding(outcome)))
    yield from _columns(rows)


def _shows_holding(outcome: Outcome) -> bool:
    """Whether anything was done that only daemons with `[etcd]` do."""
    lines = outcome.trace.lines
    return any(one.text == DEADLINE_FIRED or _rule_of(one, outcome).startswith("H") for one in lines)


def _rule_of(line: Line, outcome: Outcome) -> str:
    return _cells(line.text, outcome.scenario.pairings)[1]


def as_json(outcome: Outcome, *, with_timeline: bool) -> dict[str, Any]:
    """The summary, and each line of the timeline."""
    found = outcome.summary()
    if with_timeline:
        found["timeline"] = [
            {"at_s": round(one.at_s, 3), "where": one.who, "pairing": pairing, "rule": rule, "what": what}
            for one in outcome.trace.lines
            for pairing, rule, what in [_cells(one.text, outcome.scenario.pairings)]
        ]
    return found


def _twice(outcome: Outcome) -> Iterable[str]:
    tally = outcome.tally
    if tally.overlaps:
        yield f"{_times(tally.overlaps)}, which must never be"
    elif tally.bounded_overlaps:
        longest_s = tally.bounded_overlap_longest_s
        yield (
            f"{_times(tally.bounded_overlaps)} for up to {longest_s:.3f} s, after a controller went on that"
            " had stood still: the bound is in docs/safety.md"
        )
    if tally.beside_a_rogue_s:
        yield (
            f"for {tally.beside_a_rogue_s:.3f} s, beside a process that no watchdog runs (rogue):"
            " not prevented, see docs/safety.md"
        )


def _gaps(outcome: Outcome, pairing: str) -> str:
    gaps = outcome.gaps.get(pairing, ())
    if not gaps:
        return "never"

    def lasts_s(gap: Gap) -> float:
        return gap.lasts_s(outcome.ended_at_s)

    longest = max(gaps, key=lasts_s)
    until = "to the end" if longest.until_s is None else f"to {moment(longest.until_s)}"
    words = f"{sum(map(lasts_s, gaps)):.3f} s"
    if len(gaps) > 1:
        words += f", {_times(len(gaps))}; the longest {lasts_s(longest):.3f} s"
    known = {one.name: one.mode for one in outcome.scenario.known}
    remark = " (mode observe: nothing is done for it)" if known.get(pairing) is Mode.OBSERVE else ""
    return f"{words}, from {moment(longest.since_s)} {until}{remark}"


def _done(outcome: Outcome) -> Iterable[str]:
    rows = [
        (f"{count}x", action, _WHY.get(action.split(" ")[0], ""))
        for action, count in sorted(outcome.tally.actions.items())
    ]
    return _columns(rows)


def _well(outcome: Outcome) -> Iterable[str]:
    observed = [one.name for one in outcome.scenario.known if one.mode is Mode.OBSERVE]
    yield from _verdict(outcome)
    if observed:
        yield f"not counted, being in mode observe: {', '.join(observed)}"


def _verdict(outcome: Outcome) -> Iterable[str]:
    known = outcome.scenario.known
    if known and all(one.mode is not Mode.PROTECT for one in known):
        yield "nothing is in mode protect: nothing would be done"
        return
    if outcome.well_after_s is not None:
        last = "after the last fault" if outcome.scenario.faults else "from the begin"
        yield f"yes, {outcome.well_after_s:g} s {last}"
        return
    yield "no: a budget is spent, and only a human may go on" if outcome.needs_human else "no"
    for name, why in outcome.waiting.items():
        yield f"{name}: {why}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _words(seconds: float) -> str:
    minutes, rest_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest_s, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def _block(title: str, lines: Sequence[str]) -> list[tuple[str, str]]:
    """The title once, beside the first line."""
    return [(title if index == 0 else "", line) for index, line in enumerate(lines)]


def _columns(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Rows as lines with aligned columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
