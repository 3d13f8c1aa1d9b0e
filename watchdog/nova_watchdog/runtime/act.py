"""Carry out one action, with a bound, and say what became of it."""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass

from nova_watchdog.core.decide import EnableService, KillUnit, Mutation, StartUnit
from nova_watchdog.ports import ActionRefusedError, NovaServices, ResultUnknownError, Units

# The adapters have bounds of their own, tighter ones; this is the last.
_ACTION_TIMEOUT_S = 15.0


class Outcome(enum.Enum):
    """What became of an action. Unknown is not failed: it may have happened."""

    DONE = "done"
    REFUSED = "refused"
    RESULT_UNKNOWN = "result-unknown"


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome, and its reason where it is not `DONE`."""

    outcome: Outcome
    reason: str = ""


_NAMES = {StartUnit: "start", KillUnit: "kill", EnableService: "enable"}


def name_of(action: Mutation) -> str:
    """The action's name in logs and metrics."""
    return _NAMES[type(action)]


def target_of(action: Mutation) -> str:
    """What it changes: a unit, or Nova's name of the host."""
    return action.host if isinstance(action, EnableService) else action.unit


async def carry_out(action: Mutation, units: Units, nova: NovaServices) -> Result:
    """Do it once. Every port checks again, right before, that what was judged still holds."""
    try:
        async with asyncio.timeout(_ACTION_TIMEOUT_S):
            await _do(action, units, nova)
    except ActionRefusedError as error:
        return Result(Outcome.REFUSED, str(error))
    except ResultUnknownError as error:
        return Result(Outcome.RESULT_UNKNOWN, str(error))
    except TimeoutError:
        return Result(Outcome.RESULT_UNKNOWN, f"no answer within {_ACTION_TIMEOUT_S:g} s")
    return Result(Outcome.DONE)


async def _do(action: Mutation, units: Units, nova: NovaServices) -> None:
    if isinstance(action, StartUnit):
        await units.start(action.unit, expected_invocation=action.expected_invocation)
    elif isinstance(action, KillUnit):
        await units.kill(action.unit, expected_invocation=action.expected_invocation)
    else:
        await nova.enable(action.host, only_if_reason=action.only_if_reason)
