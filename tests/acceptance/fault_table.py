"""docs/faults.md from what a run of the lab found: `python -m acceptance.fault_table .lab/faults.jsonl`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HEAD = """# What each fault is called, and how soon

Made by a run of the lab (`make faults`): real Nova, RabbitMQ, Prometheus, Alertmanager; a simulated vCenter.
Times are seconds from the fault to the diagnosis of the last pairing concerned; the goal is what the daemon
promises. Beside it, what `openstack compute service list` showed when somebody was paged (where nobody is:
at the end). "healthy" means that nothing has to be said, and nothing was. The lab reads clusters every 5 s,
not every 60 s: with the defaults a cluster's fault takes that much longer. The page comes after the `for:`
of its alert, which the lab shortens: see `alerts/`.

| fault (`lab fault NAME`) | diagnosis | after | goal | what Nova showed | page |
|---|---|---|---|---|---|
"""


def table(rows: list[dict[str, Any]]) -> str:
    """The whole page."""
    return HEAD + "".join(_row(row) for row in rows)


def _row(row: dict[str, Any]) -> str:
    after = "" if row["took_s"] is None else f"{row['took_s']:.1f} s"
    goal = "" if row["goal_s"] is None else f"{row['goal_s']:g} s"
    pages = ", ".join(row["pages"]) or "nobody"
    return f"| `{row['fault']}` | {row['says']} | {after} | {goal} | {row['nova']} | {pages} |\n"


def main(found: Path) -> None:
    """Print the page."""
    rows = [json.loads(line) for line in found.read_text().splitlines()]
    sys.stdout.write(table(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
