"""The history as text: one block an edge, newest last."""

from __future__ import annotations

from collections.abc import Iterator

from nova_watchdog.core.kv import printable
from nova_watchdog.telemetry.text import entry
from nova_watchdog.telemetry.view_readings import Document

# A time without its milliseconds, as 2026-01-02T03:04:05Z.
_SECONDS = len("2026-01-02T03:04:05")


def render(shown: Document, *, columns: int) -> str:
    """Every edge of the document. `columns` is the width to fit into."""
    lines = [line for edge in shown["transitions"] for line in _edge(edge, columns)]
    return "\n".join(lines or ["nothing has changed yet"]) + "\n"


def _edge(edge: Document, columns: int) -> Iterator[str]:
    did = "" if edge["action"] in ("", "nothing") else f": {edge['action']}"
    what = f"{edge['diagnosis']}, {edge['phase']} ({edge['rule']}){did}"
    yield printable(f"{edge['at'][:_SECONDS]}Z  {edge['pairing']}  {what}")
    yield from entry("why", edge["why"], columns)
    if edge["readings"]:
        yield from entry("readings", edge["readings"], columns)
