"""What nobody reports any more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lab.client import Lab

REPORT_INTERVAL_S = 10.0
# A report that was under way may still arrive, and on a busy machine late.
_LAST_ONES_S = 1.2 * REPORT_INTERVAL_S


def heartbeats_end(lab: Lab, since: float, **match: Any) -> None:
    """No such heartbeat is recorded for longer than there is one otherwise."""
    quiet_from = since + _LAST_ONES_S
    while lab.now() < quiet_from:
        time.sleep(0.5)
    with pytest.raises(TimeoutError):
        lab.wait_for("heartbeat", since=quiet_from, timeout_s=1.5 * REPORT_INTERVAL_S, **match)
