"""Sessions on each vCenter, asked on the simulator's own control socket, which no fault touches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from lab.errors import LabError
from lab.parts import vcenter

if TYPE_CHECKING:
    from lab.records import Recorder
    from lab.site import Site

_INTERVAL_S = 1.0


def watch_sessions(site: Site, recorder: Recorder) -> None:
    """Record `sessions` of a vCenter when one began or ended (null while the simulator cannot be asked)."""
    known: dict[str, set[str] | None] = {}
    while True:
        for name in (v.name for v in site.topology.vcenter_list):
            sessions = _sessions(site, name)
            keys = None if sessions is None else {s["key"] for s in sessions}
            if name not in known or known[name] != keys:
                known[name] = keys
                recorder.write("sessions", vcenter=name, sessions=sessions)
        time.sleep(_INTERVAL_S)


def _sessions(site: Site, name: str) -> list[dict[str, Any]] | None:
    try:
        found: list[dict[str, Any]] = vcenter.control(site.paths.control_socket(name), "GET", "/sessions")
    except LabError:
        return None
    return found
