"""Every metric family of the daemon: name, meaning, and how it is read off a snapshot.

`docs/metrics.md` is generated from FAMILIES, and the alerts and the dashboards are tested against it.
"""

from __future__ import annotations

from nova_watchdog.telemetry.families_behind import BEHIND_A_PAIRING, DRS_STATES, VCENTER_STATES
from nova_watchdog.telemetry.families_daemon import (
    ACTIONS,
    HOLD_ACTIONS,
    OF_THE_DAEMON,
    OUTCOMES,
    PROBE_KINDS,
    RELOADS,
)
from nova_watchdog.telemetry.families_hold import OF_HOLDING, TAKEOVERS
from nova_watchdog.telemetry.families_pairing import OF_A_PAIRING, READINGS, SERVICE_STATES
from nova_watchdog.telemetry.family import PREFIX, Family, Kind, Scrape, words

__all__ = [
    "ACTIONS",
    "DRS_STATES",
    "FAMILIES",
    "HOLD_ACTIONS",
    "OUTCOMES",
    "PREFIX",
    "PROBE_KINDS",
    "READINGS",
    "RELOADS",
    "SERVICE_STATES",
    "TAKEOVERS",
    "VCENTER_STATES",
    "Family",
    "Kind",
    "Scrape",
    "words",
]

FAMILIES: tuple[Family, ...] = (*OF_THE_DAEMON, *OF_A_PAIRING, *BEHIND_A_PAIRING, *OF_HOLDING)
