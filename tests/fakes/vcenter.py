"""A vCenter behind its port, without any way between."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from nova_watchdog.core.model import InventoryView, VCenterView
from nova_watchdog.ports import ProbeError
from nova_watchdog.simulation.parts.vcenter import VCenterAccess, VCenterTruth


class FakeVCenter(VCenterTruth):
    """`ports.VCenter`. It serves `clusters` (name to moid) to a reader configured with `configured`."""

    def __init__(
        self, clusters: Mapping[str, str], *, configured: tuple[str, ...] = (), uuid: str = "fake-uuid"
    ) -> None:
        super().__init__(clusters, uuid=uuid)
        self._access = VCenterAccess(self, configured)
        self.reads = 0
        self.inspects = 0
        self._inspect_may_go_on = asyncio.Event()
        self._inspect_may_go_on.set()

    @property
    def logins(self) -> int:
        """How often the reader logged in, or tried to."""
        return self._access.logins

    async def read(self) -> VCenterView:
        self.reads += 1
        return self._access.read_now()

    async def inspect(self) -> InventoryView:
        self.inspects += 1
        if not self._inspect_may_go_on.is_set():
            await self._inspect_may_go_on.wait()
            raise ProbeError("no answer")
        return self._access.inspect_now()

    def hang_inspect(self) -> None:
        """An inventory is not answered; the canary is."""
        self._inspect_may_go_on.clear()

    def heal(self) -> None:
        """All of that is over."""
        self._inspect_may_go_on.set()
        super().heal()
