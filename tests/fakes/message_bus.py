"""A message bus behind its port, without any way between; a test says what its processes do."""

from __future__ import annotations

from dataclasses import dataclass

from nova_watchdog.core.model import Answer, BusView, ComputeOnBus
from nova_watchdog.simulation.parts.bus import BusAccess, BusTruth

_TOOK_S = 0.005


@dataclass
class FakeProcesses:
    """Who consumes from one queue: how many, and whether they answer. `queued`: messages that wait."""

    consumers: int = 1
    answers: bool = True
    queued: int = 0


class FakeMessageBus(BusTruth):
    """`ports.MessageBus` for the nova-computes `hosts`; `queues` are those that exist, by topic."""

    def __init__(self, *hosts: str) -> None:
        super().__init__()
        self._access = BusAccess(self, hosts)
        self.queues = {f"compute.{host}": FakeProcesses() for host in hosts} | {"conductor": FakeProcesses()}
        self.reads = 0

    @property
    def logins(self) -> int:
        """How often the reader logged in, or tried to."""
        return self._access.logins

    async def read(self) -> BusView:
        self.reads += 1
        return self._access.read_now()

    def conductor(self) -> Answer:
        return self._answer("conductor")

    def compute(self, host: str) -> ComputeOnBus:
        topic = f"compute.{host}"
        queue, ping = self.queues.get(topic), self._answer(topic)
        return ComputeOnBus(
            ping=ping,
            took_s=_TOOK_S if ping is Answer.ANSWERED else None,
            consumers=None if queue is None else queue.consumers,
            queued=None if queue is None else queue.queued,
        )

    def silence(self, topic: str) -> None:
        """Its processes hang: the broker still counts them as consumers."""
        self.queues[topic].answers = False

    def end(self, topic: str) -> None:
        """Its processes are gone, the queue is not."""
        self.queues[topic].consumers = 0

    def heal(self) -> None:
        """Nothing is wrong any more, and every process of an existing queue answers."""
        super().heal()
        for topic in self.queues:
            self.queues[topic] = FakeProcesses()

    def _answer(self, topic: str) -> Answer:
        queue = self.queues.get(topic)
        if queue is None:
            return Answer.UNASKED
        return Answer.ANSWERED if queue.consumers and queue.answers else Answer.UNANSWERED
