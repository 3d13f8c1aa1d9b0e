"""The dead man's switch as timers of systemd: each instance is one absolute moment.

So the next deadline is another unit, which is seen to wait before the one before it is stopped, and neither a
slow way to systemd nor its reload moves it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from dataclasses import dataclass

from nova_watchdog.ports import ActionRefusedError, Clock, DeadlineState, ProbeError, ResultUnknownError

from ._carrier import Carrier
from ._systemd_bus import MANAGER, MANAGER_PATH, SystemBus
from ._systemd_calls import NoSuchUnitError, act, ask, get

_NAME = "nova-watchdog-deadline"
_TIMER_INTERFACE = "org.freedesktop.systemd1.Timer"
_UNIT_INTERFACE = "org.freedesktop.systemd1.Unit"
_NEVER_US = 2**64 - 1

# Of each call: the keeper's next renewal must not wait for a slow systemd.
_CALL_TIMEOUT_S = 1.0
# A timer is started within milliseconds; what is asked for while PID 1 is busy is answered late by itself.
_LOOKS, _LOOK_PAUSE_S = 10, 0.02
_READ_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class _Shown:
    """A unit as systemd lists it."""

    name: str
    active: str
    sub: str
    path: str
    has_job: bool


class SystemdDeadline:
    """`ports.Deadline` on the connection of `SystemdUnits`, which hands it out."""

    def __init__(self, bus: SystemBus, carrier: Carrier, clock: Clock) -> None:
        self._bus = bus
        self._carrier = carrier
        self._clock = clock
        # Two arms at once would stop each other's timers.
        self._turn = asyncio.Lock()
        self._origin_us: int | None = None

    async def arm(self, at_s: float) -> None:
        """Let it fire at that time, and at no other. Raises ActionRefusedError, ResultUnknownError."""
        await self._carrier.carry_out(self._arm(at_s))

    async def read(self) -> DeadlineState:
        """The earliest timer that waits, and what the service does, all of one moment. Raises ProbeError."""
        found = await self._list()
        for _ in range(_READ_ATTEMPTS):
            waits_until = [await self._elapses_at_us(one) for one in found if one.sub == "waiting"]
            fired_us = [await self._fired_us(one) for one in found if one.sub != "waiting"]
            # The times are asked for one by one: what fires meanwhile would have fired, and not serve yet.
            before, found = found, await self._list()
            if found == before and _NEVER_US not in waits_until:
                break
        else:
            raise ProbeError("the deadline's timers change faster than they can be read")
        return DeadlineState(
            elapses_at_s=min(waits_until) / 1e6 if waits_until else None,
            serving=any(_is_busy(one) for one in found),
            fired_at_s=max(fired_us) / 1e6 if any(fired_us) else None,
        )

    async def _arm(self, at_s: float) -> None:
        async with self._turn:
            try:
                timer = await self._timer_of(at_s)
            except ProbeError as error:
                raise ActionRefusedError(f"not armed: {error}") from error
            await self._act("StartUnit", timer)
            try:
                await self._see_it_set(timer, at_s)
                others = [one.name for one in await self._list() if one.name not in (timer, _service())]
            except ProbeError as error:
                raise ResultUnknownError(f"{timer} was started, and cannot be seen: {error}") from error
            for other in others:
                await self._stop(other)

    async def _timer_of(self, at_s: float) -> str:
        """The instance of that moment, or of the millisecond before it."""
        if self._origin_us is None:
            self._origin_us = int(
                await get(
                    self._bus,
                    MANAGER_PATH,
                    MANAGER,
                    "UserspaceTimestampMonotonic",
                    timeout_s=_CALL_TIMEOUT_S,
                )
            )
        after_ms = max(0, math.floor((at_s * 1e6 - self._origin_us) / 1000))
        return f"{_NAME}@{after_ms}.timer"

    async def _see_it_set(self, timer: str, at_s: float) -> None:
        """Return when it is seen to wait for no later moment, or to have fired already."""
        shown = "systemd does not know it"
        for _ in range(_LOOKS):
            for one in await self._list():
                if one.name != timer:
                    continue
                if one.sub in ("elapsed", "running"):
                    return
                shown = f"it is {one.active} ({one.sub})"
                if one.sub == "waiting":
                    elapses_at_us = await self._elapses_at_us(one)
                    if elapses_at_us <= at_s * 1e6:
                        return
                    shown = f"it waits until {elapses_at_us / 1e6:.3f}, not {at_s:.3f}"
            await self._clock.sleep(_LOOK_PAUSE_S)
        raise ActionRefusedError(f"systemd took the start of {timer}, and it does not wait: {shown}")

    async def _stop(self, timer: str) -> None:
        with contextlib.suppress(NoSuchUnitError):
            await self._act("StopUnit", timer)

    async def _act(self, member: str, timer: str) -> None:
        await act(self._bus, member, "ss", timer, "replace", timeout_s=_CALL_TIMEOUT_S, in_haste=True)

    async def _list(self) -> list[_Shown]:
        """Every timer and the service, as far as they are loaded, all of one moment."""
        answer = await ask(
            self._bus,
            MANAGER_PATH,
            MANAGER,
            "ListUnitsByPatterns",
            "asas",
            [],
            [f"{_NAME}@*.timer", _service()],
            timeout_s=_CALL_TIMEOUT_S,
        )
        return [
            _Shown(name=one[0], active=one[3], sub=one[4], path=one[6], has_job=bool(one[7]))
            for one in answer[0]
        ]

    async def _elapses_at_us(self, timer: _Shown) -> int:
        return int(await self._get(timer, _TIMER_INTERFACE, "NextElapseUSecMonotonic"))

    async def _fired_us(self, one: _Shown) -> int:
        """When it last fired, 0: never. Of the service: when it last began."""
        if one.name == _service():
            return int(await self._get(one, _UNIT_INTERFACE, "InactiveExitTimestampMonotonic"))
        return int(await self._get(one, _TIMER_INTERFACE, "LastTriggerUSecMonotonic"))

    async def _get(self, one: _Shown, interface: str, name: str) -> int:
        return int(await get(self._bus, one.path, interface, name, timeout_s=_CALL_TIMEOUT_S))


def _service() -> str:
    """What each timer starts."""
    return f"{_NAME}.service"


def _is_busy(one: _Shown) -> bool:
    """Whether the service kills, or is about to."""
    if one.name == _service():
        return one.has_job or one.active not in ("inactive", "failed")
    return one.sub == "running"
