"""How each rule of the moves that no human asks for is taken out of the real core."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nova_watchdog.core.hold import decide as hold_decide
from nova_watchdog.core.hold import moves, resume, standbys, vantage
from simulation.broken_rules import everywhere


def path_lost_at_once(patch: pytest.MonkeyPatch) -> None:
    """One canary that does not reach vCenter is a lost path."""
    real = vantage._path_lost
    everywhere(patch, real, lambda facts, memory, _hold_s: real(facts, memory, 0.0))


def just_ready(patch: pytest.MonkeyPatch) -> None:
    """A standby's first word that it reaches vCenter counts."""
    everywhere(patch, standbys._is_proven, lambda *_args: True)


def moves_at_once(patch: pytest.MonkeyPatch) -> None:
    """All that should move do, whatever became of the one before."""
    everywhere(patch, moves.unsettled, lambda *_args: [])
    real = hold_decide.decide_hold

    def alone(pairing: str, me: hold_decide.Self, *args: Any) -> hold_decide.HoldDecision:
        return real(pairing, replace(me, near=()), *args)

    everywhere(patch, real, alone)


def failures_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Who could not make it work is as good as any."""
    real = standbys.successor_of
    everywhere(patch, real, lambda *args: real(*args[:6]))


def own_stop_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A daemon leaves nothing of the stops that it asked for."""
    real = resume.from_json

    def from_json(value: Any) -> resume.Handover | None:
        handover = real(value)
        return replace(handover, stops=()) if handover is not None else None

    everywhere(patch, real, from_json)
    patch.setattr(resume, "from_json", from_json)
