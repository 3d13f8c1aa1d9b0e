"""The preflight as a table for people: what keeps this controller from serving a pairing, and what to do."""

from __future__ import annotations

from collections.abc import Iterator

from nova_watchdog.core.kv import printable
from nova_watchdog.telemetry.text import entry
from nova_watchdog.telemetry.view_readings import Document

_WORDS = {"pass": "ok", "warn": "warn", "fail": "FAIL", "unknown": "?"}
_RESULT_WIDTH = 4


def render(shown: Document, *, columns: int) -> str:
    """The whole answer as text that fits into that many columns."""
    lines = []
    for pairing in shown["pairings"]:
        lines += [*_pairing(shown["controller"], pairing, columns), ""]
    if not lines:
        lines = ["no pairing in mode protect is shared with other controllers: there is nothing to check", ""]
    return "\n".join(lines)


def _pairing(controller: str, pairing: Document, columns: int) -> Iterator[str]:
    blocking = [check["name"] for check in pairing["checks"] if check["blocks"]]
    verdict = "ready" if pairing["ready"] else f"NOT READY ({', '.join(blocking)})"
    holder = pairing["holder"]
    where = "held here" if holder == controller else f"held by {holder}" if holder else "held by nobody"
    yield printable(f"{pairing['name']} on {controller}: {verdict}; {where}")
    width = max(len(check["name"]) for check in pairing["checks"]) + _RESULT_WIDTH + 2
    for check in pairing["checks"]:
        label = f"{_WORDS.get(check['result'], check['result']):<{_RESULT_WIDTH}}  {check['name']}"
        yield from entry(label, check["detail"], columns, width=width + 2)
        if check["result"] != "pass" and check["remedy"]:
            yield from entry("", f"remedy: {check['remedy']}", columns, width=width + 2)
