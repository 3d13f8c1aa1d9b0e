"""The way from a simulated daemon to its systemd: D-Bus and polkit, and how they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar, cast

from nova_watchdog.ports import ActionRefusedError, ProbeError, ResultUnknownError, WatchdogError
from nova_watchdog.simulation.parts.caller import require_life
from nova_watchdog.simulation.parts.machine import Machine

T = TypeVar("T")

# How long the adapter waits for an answer of systemd.
_CALL_TIMEOUT_S = 5.0
# Reads are what comes most: one that takes no longer than this is not worth an event.
_QUICK_S = 0.005

# What systemd returned, or the error that it raised.
_Outcome = tuple[object, Exception | None]


class SystemBus:
    """Has systemd do things.

    call_takes_s: from a call until systemd does it, and answers at once. lost_because: why there is no bus,
    None: there is one. refusal: why polkit says no to what changes something, None: it does not.
    loses_answers: what changes something is done, and its answer never arrives.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.call_takes_s = 0.002
        self.lost_because: str | None = None
        self.refusal: str | None = None
        self.loses_answers = False

    async def ask(self, read: Callable[[], T]) -> T:
        """What systemd answers; at once where the way takes no time worth mentioning. Raises ProbeError."""
        if self.call_takes_s <= _QUICK_S and self.lost_because is None:
            require_life()
            return read()
        return await self._call(read, ProbeError, ProbeError)

    async def tell(self, change: Callable[[], None]) -> None:
        """Have it change something, if it is allowed. Raises ActionRefusedError, ResultUnknownError."""

        def allowed() -> None:
            if self.refusal is not None:
                raise ActionRefusedError(self.refusal)
            change()

        await self._call(allowed, ActionRefusedError, ResultUnknownError)
        if self.loses_answers:
            raise ResultUnknownError("no answer from systemd")

    async def _call(
        self, do: Callable[[], T], unsent: type[WatchdogError], unanswered: type[WatchdogError]
    ) -> T:
        """It is done after `call_takes_s` of the machine's time, whatever the daemon does meanwhile."""
        require_life()
        if self.lost_because is not None:
            raise unsent(f"not sent: {self.lost_because}")
        if self.call_takes_s == 0:
            return do()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_Outcome] = loop.create_future()
        self._machine.soon(self.call_takes_s, _answer, answer, do)
        if self.call_takes_s > _CALL_TIMEOUT_S:
            late = unanswered(f"no answer from systemd within {_CALL_TIMEOUT_S:g} s")
            loop.call_later(_CALL_TIMEOUT_S, _set, answer, (None, late))
        value, error = await answer
        if error is not None:
            raise error
        return cast("T", value)


def _answer(answer: asyncio.Future[_Outcome], do: Callable[[], object]) -> None:
    """Errors travel as values: one that nobody waits for any more is no mistake."""
    try:
        outcome: _Outcome = do(), None
    except WatchdogError as error:
        outcome = None, error
    _set(answer, outcome)


def _set(answer: asyncio.Future[_Outcome], outcome: _Outcome) -> None:
    if not answer.done():
        answer.set_result(outcome)
