"""A message bus that can be cut off, block publishers and refuse logins, and the ways to it."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence

from nova_watchdog.core.model import Answer, BusOutcome, BusView, ComputeOnBus
from nova_watchdog.ports import ProbeError
from nova_watchdog.simulation.parts.login import Login, LoginTruth
from nova_watchdog.simulation.parts.network import BUS, Network, SilenceError
from nova_watchdog.simulation.timeline import Timeline

_TOOK_S = 0.005
# How long RabbitMQ keeps the consumer of a process that it does not hear of any more, as measured.
_KEEPS_SILENT_S = 147.0


class BusTruth(LoginTruth, abc.ABC):
    """What is true of one bus. unreachable, blocked, login_refused, garbled: why, None: it is not so."""

    usual_refusal = "ACCESS_REFUSED - Login was refused"

    def __init__(self) -> None:
        super().__init__()
        self.unreachable: str | None = None
        self.blocked: str | None = None
        self.garbled: str | None = None

    @abc.abstractmethod
    def conductor(self) -> Answer:
        """What becomes of a ping to a conductor."""

    @abc.abstractmethod
    def compute(self, host: str) -> ComputeOnBus:
        """What becomes of a ping to a nova-compute, and its queue."""

    def cut(self, detail: str = "192.0.2.1:5672: Connection refused") -> None:
        """No broker answers."""
        self.unreachable = detail

    def block(self, detail: str = "the broker blocks publishers: a memory or disk alarm") -> None:
        """Nobody may publish."""
        self.blocked = detail

    def garble(self, reason: str = "the message bus answered: PRECONDITION_FAILED") -> None:
        """Answers that say nothing."""
        self.garbled = reason

    def heal(self) -> None:
        """All of that is over."""
        self.unreachable = self.blocked = self.login_refused = self.garbled = None

    @property
    def takes_reports(self) -> bool:
        """Whether a nova-compute's heartbeat gets through."""
        return self.unreachable is None and self.blocked is None


class BusAccess:
    """One reader's connection to a bus, for the nova-computes `hosts`."""

    def __init__(self, truth: BusTruth, hosts: Sequence[str]) -> None:
        self._truth = truth
        self._hosts = tuple(hosts)
        self._login = Login(truth)

    @property
    def logins(self) -> int:
        """How often it logged in, or tried to."""
        return self._login.logins

    def read_now(self) -> BusView:
        """What one look gets."""
        truth = self._truth
        if truth.garbled is not None:
            raise ProbeError(truth.garbled)
        if truth.unreachable is not None:
            self._login.lose()
            return BusView(BusOutcome.UNREACHABLE, truth.unreachable)
        if not self._login.try_once():
            return BusView(BusOutcome.LOGIN_REFUSED, truth.login_refused or "")
        if truth.blocked is not None:
            return BusView(BusOutcome.BLOCKED, truth.blocked)
        computes = {host: truth.compute(host) for host in self._hosts}
        return BusView(BusOutcome.OK, "", conductor=truth.conductor(), computes=computes)


class Consumer:
    """One process that consumes from its queue. answers: whether it would answer a ping now."""

    def __init__(self, answers: Callable[[], bool]) -> None:
        self.answers = answers
        self.heard_at_s = 0.0


class SimulatedBus(BusTruth):
    """The bus of all controllers. Its consumers are the processes; who is not heard of is dropped late."""

    def __init__(self, timeline: Timeline) -> None:
        super().__init__()
        self._timeline = timeline
        self._consumers: dict[str, list[Consumer]] = {}
        self._turns: dict[str, int] = {}
        self.conductor_answers = True

    def hear(self, host: str, consumer: Consumer) -> None:
        """A process shows that it lives; one that was dropped, or is new, consumes from now on."""
        consumer.heard_at_s = self._timeline.now_s
        consumers = self._consumers.setdefault(host, [])
        if consumer not in consumers:
            consumers.append(consumer)

    def close(self, host: str, consumer: Consumer) -> None:
        """Its connection was closed."""
        if consumer in self._consumers.get(host, []):
            self._consumers[host].remove(consumer)

    def conductor(self) -> Answer:
        """Whether conductors work."""
        return Answer.ANSWERED if self.conductor_answers else Answer.UNANSWERED

    def compute(self, host: str) -> ComputeOnBus:
        """A ping goes to one consumer after the other, the dead ones too."""
        if host not in self._consumers:
            return ComputeOnBus(Answer.UNASKED, None, None, None)
        now_s = self._timeline.now_s
        known = [one for one in self._consumers[host] if now_s - one.heard_at_s < _KEEPS_SILENT_S]
        self._consumers[host] = known
        turn = self._turns[host] = self._turns.get(host, 0) + 1
        if known and known[turn % len(known)].answers():
            return ComputeOnBus(Answer.ANSWERED, _TOOK_S, len(known), 0)
        return ComputeOnBus(Answer.UNANSWERED, None, len(known), 0)


class BusPort:
    """`ports.MessageBus` of one controller, through the network. `target`: the bus's name there."""

    def __init__(
        self,
        controller: str,
        truth: BusTruth,
        network: Network,
        hosts: Sequence[str],
        *,
        target: str = BUS,
        timeout_s: float = 5.0,
    ) -> None:
        self._controller = controller
        self._access = BusAccess(truth, hosts)
        self._network = network
        self._target = target
        self._timeout_s = timeout_s

    async def read(self) -> BusView:
        """One look. Silence is what an unreachable one shows."""
        try:
            return await self._network.carry(
                self._controller,
                self._target,
                self._access.read_now,
                timeout_s=self._timeout_s,
                unanswered=lambda: SilenceError(f"no answer within {self._timeout_s:g} s"),
            )
        except SilenceError as error:
            return BusView(BusOutcome.UNREACHABLE, str(error))
