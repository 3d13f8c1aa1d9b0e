"""Words for people: ages, and entries that wrap under their label."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import datetime

from nova_watchdog.core.kv import printable
from nova_watchdog.telemetry.view_readings import Document

LABEL_WIDTH = 10
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


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


def counted(count: int, thing: str) -> str:
    """`1 thing`, `2 things`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def entry(label: str, text: str, columns: int, *, width: int = LABEL_WIDTH) -> Iterator[str]:
    """The text behind its label, over as many lines as it needs."""
    yield from textwrap.wrap(
        printable(text),
        width=columns,
        initial_indent=f"  {label:<{width}}",
        subsequent_indent=" " * (width + 2),
        break_on_hyphens=False,
    )


def since_s(shown: Document, moment: str) -> float:
    """Seconds from that moment to the document's own, never negative."""
    return max(0.0, -until_s(shown, moment))


def until_s(shown: Document, moment: str) -> float:
    """Seconds from the document's own moment to that one."""
    return (datetime.fromisoformat(moment) - datetime.fromisoformat(shown["at"])).total_seconds()
