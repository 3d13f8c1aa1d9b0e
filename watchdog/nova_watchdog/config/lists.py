"""The lists of units that are printed for other programs: what polkit allows, what the deadline kills."""

from __future__ import annotations

import json
from collections.abc import Sequence

POLKIT_UNITS = "/etc/polkit-1/rules.d/49-nova-watchdog-units.rules"
MANAGED_UNITS = "/etc/nova-watchdog/managed-units"
# A shell empties the file before the command runs, and an empty list takes every right away.
_HOW = "into a file beside it first, then in its place: systemd/README.md"


def polkit_list(units: Sequence[str]) -> str:
    """The content of 49-nova-watchdog-units.rules."""
    return (
        "// The units that nova-watchdog may start, for 50-nova-watchdog.rules. Made by:\n"
        f"//   nova-watchdog config polkit, for {POLKIT_UNITS}\n"
        f"//   ({_HOW})\n"
        "// Make it again when a pairing is added, removed, or its unit changes.\n"
        f"var novaWatchdogUnits = {json.dumps(list(units))};\n"
    )


def managed_list(units: Sequence[str]) -> str:
    """The content of managed-units."""
    return "\n".join(
        [
            "# The units that the dead man's switch kills: those of the pairings in mode protect. Made by:",
            f"#   nova-watchdog config units, for {MANAGED_UNITS}",
            f"#   ({_HOW})",
            "# Make it again when a pairing is added, removed, or its unit or its mode changes.",
            *units,
            "",
        ]
    )
