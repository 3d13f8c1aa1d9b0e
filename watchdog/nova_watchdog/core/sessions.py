"""Whether the nova-compute of this controller has a session at its vCenter, and makes calls over it."""

from __future__ import annotations

import enum

from nova_watchdog.core.concerns import NOVA_USER_AGENT
from nova_watchdog.core.memory import Memory
from nova_watchdog.core.model import InventoryView, Observation, Unknown
from nova_watchdog.core.observed import fresh
from nova_watchdog.core.policy import Policy

# vCenter's clock and ours need not run alike, and tell the age of a session and of a process.
_SLACK_S = 2.0
# A start may take `start_cap_s` without a word, and as long again while calls to vCenter show that it goes
# on.
_START_CAPS = 2.0


class NovaSession(enum.Enum):
    """The sessions of nova's account from this controller's address, of the process that runs now."""

    UNKNOWN = "unknown"  # vCenter does not tell, or has not told since the process began
    MISSING = "missing"
    QUIET = "quiet"  # there is one, and no call came over it for `vcenter_idle_s`
    ACTIVE = "active"


def session_of(observation: Observation, memory: Memory, policy: Policy, now_s: float) -> NovaSession:
    """What the last inventory shows of the process that runs. `memory` already holds this observation.

    Pairings that share the account share the sessions too: those of another one that began later count.
    """
    seen = observation.inventory
    view = fresh(seen, policy.inventory_max_age_s, now_s)
    if view is None or isinstance(seen, Unknown) or not is_told(view) or not _has_process(observation):
        return NovaSession.UNKNOWN
    if seen.began_at_s < memory.process_started_at_s:
        return NovaSession.UNKNOWN
    # By the reading's end: the list may be the last thing that was asked for.
    most_s = seen.ended_at_s - memory.process_started_at_s + _SLACK_S
    idle_s = [
        one.idle_s
        for one in view.sessions or ()
        if one.user_agent.startswith(NOVA_USER_AGENT)
        and one.ip_address == view.own_address
        and one.age_s <= most_s
    ]
    if not idle_s:
        return NovaSession.MISSING
    silent_s = min(idle_s) + now_s - seen.began_at_s
    return NovaSession.ACTIVE if silent_s <= policy.vcenter_idle_s else NovaSession.QUIET


def is_told(view: InventoryView) -> bool:
    """Whether vCenter lists sessions to us, with where they come from."""
    return view.sessions is not None and bool(view.own_address)


def still_starts(session: NovaSession, memory: Memory, policy: Policy, now_s: float) -> bool:
    """Whether a process that has not reported may still be at its start, though `start_cap_s` is over.

    At its start nova-compute walks over all its instances at vCenter, and reports only afterwards. With
    thousands of them that takes its time, and whoever began anew elsewhere would take it once more.
    """
    if session is not NovaSession.ACTIVE or memory.heartbeat_at_s is not None:
        return False
    return now_s - memory.process_started_at_s < _START_CAPS * policy.start_cap_s


def _has_process(observation: Observation) -> bool:
    unit = observation.unit
    return not isinstance(unit, Unknown) and unit.value.has_process
