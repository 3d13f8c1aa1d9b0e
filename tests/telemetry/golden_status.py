"""The golden status document: `python tests/telemetry/golden_status.py` writes it anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nova_watchdog.telemetry.view import document
from telemetry import pictures

GOLDEN = Path(__file__).parent / "golden" / "status.json"


def golden_document() -> dict[str, Any]:
    """A fleet that shows every field: killed, an unknown reading, healthy, and one that is not watched."""
    unknown = pictures.healthy("cluster-c")
    unknown.services_unknown = "Keystone: 503"
    snapshot = pictures.fleet(
        pictures.killed(),
        pictures.healthy("cluster-b"),
        unknown.tick(32.0),
        actions={("cluster-a", "R36", "start", "done"): 1},
        unwatched=["cluster-x"],
    )
    return document(snapshot, now_s=snapshot.now_s + 1.5, wall_s=snapshot.wall_s + 1.5)


def text() -> str:
    return json.dumps(golden_document(), indent=2) + "\n"


if __name__ == "__main__":
    GOLDEN.write_text(text())
