# ruff: noqa: INP001 (a program, not a package)
"""The dashboards as code: `python -m grafana.build` writes `dashboards/*.json`, `--check` only compares.

Closed lists (diagnoses, phases, states) come from the daemon's own code, so a new member shows up here
with the next build; a test keeps the committed files current.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from grafana.boards import fleet, pairing, vcenter, watchdog

FOLDER = Path(__file__).parent / "dashboards"


def texts() -> dict[str, str]:
    """Every file's name and content."""
    found = (module.build() for module in (fleet, pairing, vcenter, watchdog))
    return {f"{one['uid']}.json": json.dumps(one, sort_keys=True, indent=2) + "\n" for one in found}


def main(arguments: list[str]) -> int:
    """Write the files, or say which ones are not current."""
    wanted = texts()
    present = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    if "--check" in arguments:
        stale = sorted(name for name in {*wanted, *present} if wanted.get(name) != present.get(name))
        sys.stdout.write("".join(f"{name} is not current: python -m grafana.build\n" for name in stale))
        return 1 if stale else 0
    for name, text in wanted.items():
        (FOLDER / name).write_text(text)
    for name in present.keys() - wanted.keys():
        (FOLDER / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
