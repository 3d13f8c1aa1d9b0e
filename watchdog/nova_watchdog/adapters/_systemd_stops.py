"""How this controller's managed units are brought to their end: by jobs known as this daemon's own."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable

from nova_watchdog.ports import ActionRefusedError, ResultUnknownError

from ._carrier import Carrier
from ._stop_memory import NO_JOB
from ._systemd_bus import MANAGER, MANAGER_PATH, OnAnswer, SystemBus
from ._systemd_calls import NoSuchUnitError, act, get, get_all
from ._unit_properties import has_left_over, object_path

# Of each call: the keeper's next renewal must not wait for a slow systemd.
_CALL_TIMEOUT_S = 1.0
_DEAD = ("inactive", "failed")


class SystemdStops:
    """`ports.UnitStops` on the connection of `SystemdUnits`, which hands it out.

    own_job: called before a call is sent; what it returns takes the job of the answer as this daemon's own.
    """

    def __init__(self, bus: SystemBus, carrier: Carrier, own_job: Callable[[str], OnAnswer]) -> None:
        self._bus = bus
        self._carrier = carrier
        self._own_job = own_job

    async def stop(self, unit: str) -> None:
        """Queue a stop with the unit's full grace. Raises ActionRefusedError, ResultUnknownError."""
        await self._carrier.carry_out(self._stop(unit))

    async def kill_now(self, unit: str) -> None:
        """Queue a stop, and SIGKILL every process. Raises ActionRefusedError, ResultUnknownError."""
        await self._carrier.carry_out(self._kill_now(unit))

    async def is_down_for_good(self, unit: str) -> bool:
        """Whether the machine shuts down and the unit is dead without a job. Raises ProbeError."""
        # In this order: once the machine shuts down nothing is started any more.
        state = await get(self._bus, MANAGER_PATH, MANAGER, "SystemState", timeout_s=_CALL_TIMEOUT_S)
        if state != "stopping":
            return False
        shown = await get_all(self._bus, object_path(unit), timeout_s=_CALL_TIMEOUT_S)
        is_idle = shown.get("ActiveState") in _DEAD and shown.get("Job", (NO_JOB,))[0] == NO_JOB
        return is_idle and shown.get("MainPID") == 0 and not has_left_over(shown)

    async def _stop(self, unit: str) -> None:
        note = self._own_job(unit)
        with contextlib.suppress(NoSuchUnitError):
            await self._act("StopUnit", "ss", unit, "replace", on_answer=note)

    async def _kill_now(self, unit: str) -> None:
        """The kill follows whatever became of the stop: it alone ends what runs."""
        stop_error: ActionRefusedError | ResultUnknownError | None = None
        try:
            await self._stop(unit)
        except (ActionRefusedError, ResultUnknownError) as error:
            stop_error = error
        with contextlib.suppress(NoSuchUnitError):
            await self._act("KillUnit", "ssi", unit, "all", int(signal.SIGKILL))
        if stop_error is not None:
            raise stop_error

    async def _act(
        self, member: str, signature: str, *body: str | int, on_answer: OnAnswer | None = None
    ) -> None:
        await act(
            self._bus,
            member,
            signature,
            *body,
            timeout_s=_CALL_TIMEOUT_S,
            on_answer=on_answer,
            in_haste=True,
        )
