"""A Nova behind its port, without any way between."""

from __future__ import annotations

from nova_watchdog.core.model import ServicesView, WorkloadView
from nova_watchdog.ports import ResultUnknownError
from nova_watchdog.simulation.parts.nova import NovaTruth


class FakeNova(NovaTruth):
    """`ports.NovaServices`."""

    def __init__(self, *hosts: str, conductors: int = 1) -> None:
        super().__init__(*hosts, conductors=conductors)
        self._answers_changes = True
        self.reads = 0

    async def read(self) -> ServicesView:
        self.reads += 1
        return self.read_now()

    async def workload(self) -> WorkloadView:
        return self.workload_now()

    async def enable(self, host: str, *, only_if_reason: str) -> None:
        self.enable_now(host, only_if_reason)
        if not self._answers_changes:
            raise ResultUnknownError(f"enabling {host}: no answer")

    def lose_answers(self) -> None:
        """Changes are carried out, but their answers never arrive."""
        self._answers_changes = False

    def heal(self) -> None:
        """The API answers again."""
        super().heal()
        self._answers_changes = True
