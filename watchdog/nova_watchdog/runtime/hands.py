"""What the keeper does to this controller's units and tokens: each with a bound, and an outcome in words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

from nova_watchdog.core.hold.rules import HereFact
from nova_watchdog.core.kv import kv
from nova_watchdog.core.model import Pairing, UnitState
from nova_watchdog.ports import ActionRefusedError, ProbeError, ResultUnknownError
from nova_watchdog.runtime.hold_ports import KeeperPorts

_log = logging.getLogger("nova_watchdog.hold")

DONE = "done"
# Bound of each question to systemd: a slow one must not cost the next renewal.
_SYSTEMD_TIMEOUT_S = 1.0


class Hands:
    """systemd and the tokens of this controller. Nothing raises: what became of it is the answer."""

    def __init__(self, ports: KeeperPorts) -> None:
        self._ports = ports

    async def here(self, pairing: Pairing) -> HereFact:
        """How its unit is."""
        unit = await self._read(pairing)
        if unit is None:
            return HereFact.UNSURE
        if unit.has_process or unit.left_over:
            return HereFact.RUNS
        return HereFact.DEAD if unit.is_down else HereFact.UNSURE

    async def runs_on(self, pairing: Pairing) -> bool:
        """Whether it runs, and nothing stops it."""
        unit = await self._read(pairing)
        return unit is not None and unit.runs and unit.job is None

    async def _read(self, pairing: Pairing) -> UnitState | None:
        """Its unit, None: systemd does not say."""
        try:
            async with asyncio.timeout(_SYSTEMD_TIMEOUT_S):
                return await self._ports.units.read(pairing.unit)
        except (ProbeError, TimeoutError):
            return None

    async def is_down_for_good(self, pairing: Pairing) -> bool:
        """Whether the machine shuts down, and its unit is dead."""
        try:
            async with asyncio.timeout(_SYSTEMD_TIMEOUT_S):
                return await self._ports.stops.is_down_for_good(pairing.unit)
        except (ProbeError, TimeoutError):
            return False

    async def grant(self, pairing: Pairing, until_s: float) -> str:
        """Let it be started until then."""
        return await self._try(self._ports.tokens.grant(pairing.name, until_s), pairing)

    async def revoke(self, pairing: Pairing) -> str:
        """Let nobody start it."""
        return await self._try(self._ports.tokens.revoke(pairing.name), pairing)

    async def stop(self, pairing: Pairing) -> str:
        """Ask for its end, with its full grace."""
        return await self._try(self._ports.stops.stop(pairing.unit), pairing)

    async def kill(self, pairing: Pairing) -> str:
        """Ask for its end at once. Its token goes first, with `revoke`: else it could be started again."""
        return await self._try(self._ports.stops.kill_now(pairing.unit), pairing)

    async def _try(self, work: Awaitable[None], pairing: Pairing) -> str:
        """Its outcome in words."""
        try:
            async with asyncio.timeout(_SYSTEMD_TIMEOUT_S):
                await work
        except ActionRefusedError as error:
            outcome = f"refused: {error}"
        except ResultUnknownError as error:
            outcome = f"result-unknown: {error}"
        except TimeoutError:
            outcome = f"result-unknown: no answer within {_SYSTEMD_TIMEOUT_S:g} s"
        else:
            return DONE
        _log.warning(kv("hold-action", pairing=pairing.name, outcome=outcome))
        return outcome
