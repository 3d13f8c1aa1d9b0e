"""The changes, as a human reads them before and after."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from nova_watchdog.adopt.changes import AddLine, Change, Disable, MakeDirectory, Plan, WriteFile
from nova_watchdog.adopt.plan import Read
from nova_watchdog.core.kv import printable


def plan_lines(pairing: str, unit: str, plan: Plan, read: Read) -> Iterator[str]:
    """Each change: what, why, before and after."""
    if not plan.changes:
        yield f"{pairing} ({unit}): adopted already, there is nothing to change"
    else:
        yield f"{pairing} ({unit}): nothing is started or stopped; these are changed:"
    for change in plan.changes:
        yield ""
        for line in _lines(change, read):
            yield printable(line)
    for warning in plan.warnings:
        yield ""
        yield printable(f"warning: {warning}")


def _lines(change: Change, read: Read) -> Iterator[str]:
    if isinstance(change, MakeDirectory):
        yield f"make {change.path}: {change.why}"
    elif isinstance(change, Disable):
        yield f"systemctl disable {change.unit} ({change.before} now): {change.why}"
    elif isinstance(change, AddLine):
        yield f"add to {change.path}: {change.why}"
        yield f"  +{change.line}"
    else:
        yield from _file(change, read)


def _file(change: WriteFile, read: Read) -> Iterator[str]:
    before = read(change.path)
    yield f"{'write' if before is None else 'change'} {change.path}: {change.why}"
    old, new = (before or "").splitlines(), change.text.splitlines()
    for line in list(difflib.unified_diff(old, new, lineterm="", n=1))[2:]:
        if not line.startswith("@@"):
            yield f"  {line}"
