"""The status document as a table for people, with an explanation of each pairing that is not healthy."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from nova_watchdog.core.kv import printable
from nova_watchdog.telemetry import screen_hold, screen_readings
from nova_watchdog.telemetry.screen_table import table
from nova_watchdog.telemetry.text import age, counted, entry, since_s
from nova_watchdog.telemetry.view_readings import Document

_MAX_TRANSITIONS = 3


def render(shown: Document, *, columns: int, colour: bool) -> str:
    """The whole screen as text. `columns` is the width to fit into."""
    lines = [_headline(shown), *_store(shown, columns), "", *table(shown, columns, colour=colour)]
    for pairing in shown["unwatched"]:
        lines += ["", *_not_watched(pairing, columns)]
    for pairing in shown["pairings"]:
        if not pairing["healthy"]:
            lines += ["", *_explanation(shown, pairing, columns)]
        else:
            lines += _remarks(shown, pairing, columns)
    if shown["reload_mistakes"]:
        lines += ["", *_refused_reload(shown, columns)]
    failing = [probe for probe in shown["probes"] if not probe["ok"]]
    if failing:
        lines += ["", *(line for probe in failing for line in _failing_probe(shown, probe, columns))]
    deaf = [receiver for receiver in shown["receivers"] if receiver["problem"]]
    if deaf:
        lines += ["", *(line for receiver in deaf for line in _deaf_receiver(receiver, columns))]
    return "\n".join(lines) + "\n"


def _remarks(shown: Document, pairing: Document, columns: int) -> Iterator[str]:
    """What a human should know of a pairing that is fine: it is left alone, or nobody could take it over."""
    remarks = []
    if pairing["pause"] or pairing["window"]:
        remarks.append("left alone")
    if screen_hold.lacks_standby(pairing):
        remarks.append("NO STANDBY IS READY")
    elif screen_hold.is_unfit(shown, pairing):
        remarks.append("this controller could not take it over")
    if remarks:
        yield ""
        yield printable(f"{pairing['name']}: {screen_hold.word(pairing)}, and {', '.join(remarks)}")
        yield from _entries(screen_readings.holds(shown, pairing), columns)
        yield from _entries(screen_hold.lines(pairing), columns)


def _store(shown: Document, columns: int) -> list[str]:
    wrapped: list[str] = []
    for line in (screen_hold.store(shown), screen_hold.size(shown)):
        wrapped += textwrap.wrap(printable(line), columns, subsequent_indent="  ", break_on_hyphens=False)
    return wrapped


def _headline(shown: Document) -> str:
    pairings = shown["pairings"]
    standing_by = sum(1 for pairing in pairings if _stands_by(pairing))
    healthy = sum(1 for pairing in pairings if pairing["healthy"]) - standing_by
    count = len(pairings) + len(shown["unwatched"])
    total = f"{healthy} of {count} pairings healthy" if pairings else "no pairing was looked at yet"
    if standing_by:
        total += f", {standing_by} standby"
    if shown["unwatched"]:
        total += f", {len(shown['unwatched'])} NOT WATCHED"
    if shown["reload_mistakes"]:
        total += ", RELOAD REFUSED"
    return printable(
        f"nova-watchdog {shown['version']} on {shown['controller']}, "
        f"up {age(since_s(shown, shown['started_at']))}: {total}"
    )


def _stands_by(pairing: Document) -> bool:
    return bool(pairing["healthy"] and pairing["diagnosis"]["word"] == "standby")


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
    yield from _entries(screen_hold.lines(pairing), columns)
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
