"""How each rule of what a holder does is taken out of the real core and runtime, one function at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nova_watchdog.core import breaker, budget, decide, facts
from nova_watchdog.core.hold import claims
from nova_watchdog.core.hold import decide as hold_decide
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.hold.records import HoldRecord
from nova_watchdog.core.rules import Proof
from simulation.broken_rules import everywhere


def allowed_while_mine(patch: pytest.MonkeyPatch) -> None:
    """The holder acts without a confirmed renewal, an armed deadline, or while it gives the pairing away."""
    patch.setattr(Holding, "allows", lambda self, _now_s: self.claim is claims.Claim.MINE)


def no_breaker(patch: pytest.MonkeyPatch) -> None:
    """Nobody minds the other pairings."""
    everywhere(patch, breaker.breaker_of, lambda *_args, **_named: breaker.Breaker.CLOSED)


def all_arrive(patch: pytest.MonkeyPatch) -> None:
    """What crashed is started as if it had just come from a dead controller."""
    everywhere(patch, breaker.arrives, lambda *_args: True)


def unwitnessed(patch: pytest.MonkeyPatch) -> None:
    """Nothing needs to show that nobody runs it."""
    everywhere(patch, decide._is_witnessed, lambda *_args: True)


def reports_ignored(patch: pytest.MonkeyPatch) -> None:
    """Reports from elsewhere do not count."""
    everywhere(patch, facts._counts, lambda *_args: False)


def vcenter_ignored(patch: pytest.MonkeyPatch) -> None:
    """vCenter is believed to be fine."""
    everywhere(patch, facts._vcenter_fact, lambda *_args: facts.VCenterFact.OK)


def old_canary(patch: pytest.MonkeyPatch) -> None:
    """A canary from before the end proves that a start would succeed."""
    everywhere(patch, decide._proof, lambda *_args, **_kwargs: Proof.SETTLED)


def no_start_budget(patch: pytest.MonkeyPatch) -> None:
    """It may be started as often as it likes."""
    everywhere(patch, budget.starts_left, lambda _state, policy, _now_s: policy.restart_budget)


def stop_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A unit that a human stopped counts as one that died."""
    real = facts._unit_fact

    def unit_fact(*args: Any, **kwargs: Any) -> facts.UnitFact:
        fact = real(*args, **kwargs)
        return facts.UnitFact.DOWN if fact is facts.UnitFact.STOPPED else fact

    everywhere(patch, real, unit_fact)


def stop_not_handed_on(patch: pytest.MonkeyPatch) -> None:
    """A human's stop is taken away with the hold."""
    real = hold_decide._record_after

    def record_after(*args: Any) -> HoldRecord | None:
        record = real(*args)
        return replace(record, stopped=False) if record is not None else None

    everywhere(patch, real, record_after)
