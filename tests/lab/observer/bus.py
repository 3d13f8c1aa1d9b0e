"""Consumers of the nova-computes' queues."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lab.parts.bus import QueueWatcher

if TYPE_CHECKING:
    from lab.records import Recorder
    from lab.site import Site

_INTERVAL_S = 1.0


def watch_consumers(site: Site, recorder: Recorder) -> None:
    """Record `consumers` of compute.<host> when the number changes (null: the broker cannot be asked)."""
    watcher = QueueWatcher()
    known: dict[str, int | None] = {}
    while True:
        for pairing in site.topology.pairings:
            count = watcher.consumers(f"compute.{pairing.host}")
            if pairing.host not in known or known[pairing.host] != count:
                known[pairing.host] = count
                recorder.write("consumers", host=pairing.host, consumers=count)
        time.sleep(_INTERVAL_S)
