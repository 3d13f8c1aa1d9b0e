"""The golden JSON documents.

`PYTHONPATH=watchdog:tests python tests/telemetry/golden_status.py` writes them anew.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.telemetry.explain import explanation
from nova_watchdog.telemetry.history import history
from nova_watchdog.telemetry.view import document
from telemetry import pictures, shared

FOLDER = Path(__file__).parent / "golden"


def golden_fleet() -> FleetSnapshot:
    """Shows every field: down and paused, a concern, an unknown reading, holds, one that is not watched."""
    unknown = pictures.healthy("cluster-c")
    unknown.services_unknown = "Keystone: 503"
    snapshot = pictures.fleet(
        pictures.paused(),
        pictures.cluster_degraded("cluster-b"),
        unknown.tick(32.0),
        actions={("cluster-a", "R39", "start", "done"): 1},
        unwatched=["cluster-x"],
    )
    holds = {
        "cluster-a": shared.hold(now_s=snapshot.now_s),
        "cluster-b": shared.hold(Claim.HELD, "ctl2", standbys=shared.NONE_READY),
        "cluster-c": shared.hold(now_s=snapshot.now_s),
    }
    keeper = shared.keeper(snapshot.now_s)
    return replace(snapshot, reload_mistakes=(pictures.MISTAKE,), keeper=keeper, holds=holds)


def documents() -> dict[str, dict[str, Any]]:
    """Each by the name of its file."""
    snapshot = golden_fleet()
    now_s, wall_s = snapshot.now_s + 1.5, snapshot.wall_s + 1.5
    hung = pictures.fleet(pictures.hung())
    return {
        "status": document(snapshot, now_s=now_s, wall_s=wall_s),
        "explain": explanation(
            hung, "cluster-a", now_s=hung.now_s + 1.5, wall_s=hung.wall_s + 1.5, stale_after_s=20.0
        ),
        "history": history(snapshot, None, limit=4, wall_s=wall_s),
    }


def golden(name: str) -> Path:
    """The file of one document."""
    return FOLDER / f"{name}.json"


if __name__ == "__main__":
    for name, found in documents().items():
        golden(name).write_text(json.dumps(found, indent=2) + "\n")
