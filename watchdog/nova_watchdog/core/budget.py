"""How many starts are allowed, and how soon the next one may be."""

from __future__ import annotations

import enum
from dataclasses import replace

from nova_watchdog.core.policy import Policy
from nova_watchdog.core.state import PairingState, Start


class Pace(enum.Enum):
    """Whether an action is due now."""

    READY = "ready"
    BACKING_OFF = "backing-off"
    SPENT = "spent"


def charged_starts(state: PairingState, policy: Policy, now_s: float) -> int:
    """How many starts count against the budget now."""
    return sum(1 for s in state.starts if s.charged and now_s - s.at_s < policy.restart_window_s)


def starts_left(state: PairingState, policy: Policy, now_s: float) -> int:
    """How many starts the budget still allows."""
    return max(0, policy.restart_budget - charged_starts(state, policy, now_s))


def next_start_at_s(state: PairingState, policy: Policy) -> float:
    """The earliest time of the next start by backoff alone (0.0: at once)."""
    if not state.starts:
        return 0.0
    pauses = policy.restart_backoff_s
    return state.starts[-1].at_s + pauses[min(state.attempts, len(pauses) - 1)]


def start_pace(state: PairingState, policy: Policy, now_s: float) -> Pace:
    """Whether a start may happen now. A spent budget outranks a pause: no use in waiting."""
    if not starts_left(state, policy, now_s):
        return Pace.SPENT
    return Pace.BACKING_OFF if now_s < next_start_at_s(state, policy) else Pace.READY


def next_enable_at_s(state: PairingState, policy: Policy) -> float:
    """The earliest time of the next attempt to enable the service (0.0: at once)."""
    if state.last_enable_at_s is None:
        return 0.0
    return state.last_enable_at_s + policy.enable_retry_s


def enable_pace(state: PairingState, policy: Policy, now_s: float) -> Pace:
    """Whether an attempt to enable the service may happen now. It has no budget, only a pause."""
    return Pace.BACKING_OFF if now_s < next_enable_at_s(state, policy) else Pace.READY


def next_kill_at_s(state: PairingState, policy: Policy) -> float:
    """The earliest time of the next kill: its start must be allowed then too (0.0: at once)."""
    killed_s = 0.0 if state.last_kill_at_s is None else state.last_kill_at_s + policy.kill_retry_s
    return max(killed_s, next_start_at_s(state, policy))


def kill_pace(state: PairingState, policy: Policy, now_s: float) -> Pace:
    """Whether a hung process may be killed now: only with a start left to bring it back."""
    if not starts_left(state, policy, now_s):
        return Pace.SPENT
    return Pace.BACKING_OFF if now_s < next_kill_at_s(state, policy) else Pace.READY


def last_action_at_s(state: PairingState) -> float | None:
    """When it was last started or killed by this daemon or the one before it; None: not since boot."""
    times = [start.at_s for start in state.starts[-1:]]
    if state.last_kill_at_s is not None:
        times.append(state.last_kill_at_s)
    return max(times, default=None)


def with_start(state: PairingState, policy: Policy, now_s: float, *, charged: bool) -> PairingState:
    """The state after one more start. Starts that left the window are forgotten: the list is bounded."""
    recent = tuple(s for s in state.starts if now_s - s.at_s < policy.restart_window_s)
    bound = 2 * policy.restart_budget + len(policy.restart_backoff_s)
    starts = (*recent, Start(now_s, charged=charged))[-bound:]
    return replace(state, starts=starts, attempts=state.attempts + 1)


def refunded(state: PairingState) -> PairingState:
    """The state with the last start no longer charged: a dependency made it fail."""
    if not state.starts:
        return state
    return replace(state, starts=(*state.starts[:-1], replace(state.starts[-1], charged=False)))
