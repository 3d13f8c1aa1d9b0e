"""A message bus that can be cut off, block publishers and refuse logins, with nova-computes on it."""

from __future__ import annotations

from dataclasses import dataclass

from nova_watchdog.core.model import Answer, BusOutcome, BusView, ComputeOnBus
from nova_watchdog.ports import ProbeError

_TOOK_S = 0.005


@dataclass
class FakeProcesses:
    """Who consumes from one queue: how many, and whether they answer. `queued`: messages that wait."""

    consumers: int = 1
    answers: bool = True
    queued: int = 0


class FakeMessageBus:
    """`ports.MessageBus` for the nova-computes `hosts`; `queues` are those that exist, by topic."""

    def __init__(self, *hosts: str) -> None:
        self._hosts = hosts
        self.queues = {f"compute.{host}": FakeProcesses() for host in hosts} | {"conductor": FakeProcesses()}
        self._unreachable: str | None = None
        self._blocked: str | None = None
        self._login_refused: str | None = None
        self._garbled: str | None = None
        self._is_logged_in = self._was_refused = False
        self.reads = 0
        self.logins = 0

    async def read(self) -> BusView:
        self.reads += 1
        if self._garbled is not None:
            raise ProbeError(self._garbled)
        if self._unreachable is not None:
            self._is_logged_in = False
            return BusView(BusOutcome.UNREACHABLE, self._unreachable)
        if not self._log_in():
            return BusView(BusOutcome.LOGIN_REFUSED, self._login_refused or "")
        if self._blocked is not None:
            return BusView(BusOutcome.BLOCKED, self._blocked)
        return BusView(
            BusOutcome.OK,
            "",
            conductor=self._answer("conductor"),
            computes={host: self._compute(f"compute.{host}") for host in self._hosts},
        )

    def silence(self, topic: str) -> None:
        """Its processes hang: the broker still counts them as consumers."""
        self.queues[topic].answers = False

    def end(self, topic: str) -> None:
        """Its processes are gone, the queue is not."""
        self.queues[topic].consumers = 0

    def cut(self, detail: str = "192.0.2.1:5672: Connection refused") -> None:
        """No broker answers."""
        self._unreachable = detail

    def block(self, detail: str = "the broker blocks publishers: a memory or disk alarm") -> None:
        """Nobody may publish."""
        self._blocked = detail

    def refuse_login(self, detail: str = "ACCESS_REFUSED - Login was refused") -> None:
        """The secret is wrong. It is tried once, and not again before it was corrected."""
        self._login_refused = detail
        self._is_logged_in = self._was_refused = False

    def correct_secret(self) -> None:
        """The secret on this side changed, and is the right one now."""
        self._login_refused = None

    def garble(self, reason: str = "the message bus answered: PRECONDITION_FAILED") -> None:
        """Answers that say nothing."""
        self._garbled = reason

    def heal(self) -> None:
        """All of that is over, and every process of an existing queue answers."""
        self._unreachable = self._blocked = self._login_refused = self._garbled = None
        for topic in self.queues:
            self.queues[topic] = FakeProcesses()

    def _log_in(self) -> bool:
        """Whether there is a connection now; a secret that was refused is not tried again."""
        if self._login_refused is None and not self._is_logged_in:
            self.logins += 1
            self._is_logged_in = True
        elif self._login_refused is not None and not self._is_logged_in and not self._was_refused:
            self.logins += 1
            self._was_refused = True
        return self._is_logged_in

    def _answer(self, topic: str) -> Answer:
        queue = self.queues.get(topic)
        if queue is None:
            return Answer.UNASKED
        return Answer.ANSWERED if queue.consumers and queue.answers else Answer.UNANSWERED

    def _compute(self, topic: str) -> ComputeOnBus:
        queue, ping = self.queues.get(topic), self._answer(topic)
        return ComputeOnBus(
            ping=ping,
            took_s=_TOOK_S if ping is Answer.ANSWERED else None,
            consumers=None if queue is None else queue.consumers,
            queued=None if queue is None else queue.queued,
        )
