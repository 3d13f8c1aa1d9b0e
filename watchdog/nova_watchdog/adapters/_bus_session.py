"""One round at a message bus over one connection, in blocking calls: used from one thread only."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import amqp
from oslo_config import cfg

from nova_watchdog.core.model import Answer, BusOutcome, BusView, ComputeOnBus
from nova_watchdog.ports import Clock, ProbeError

from ._bus_access import Broker, BusAccess, bus_access
from ._bus_connection import BusConnection, LoginRefusedError, NotConfirmedError, Queue
from ._bus_deadline import Deadline
from ._local_fault import is_local_fault
from ._refusals import RefusalMemory

_REFUSED_LOGIN_PAUSE_S = 60.0
# A frozen first broker must leave time for the others, and all of them for the round itself.
_CONNECT_SHARE = 0.4
_PROOF_SHARE = 0.25
_PROOF_RESERVE_S = 1.0
_CONDUCTOR = "conductor"
# The broker deals the pings out in turn: one consumer of several that hangs is no verdict on all. It keeps
# the consumer of a lost nova-compute for minutes, beside that of its successor.
_MAX_PINGS = 3
# RabbitMQ logs two lines of errors for each look at a queue that is not there.
_LOOK_FOR_ABSENT_EVERY_S = 600.0
# What py-amqp raises for frames that it cannot take apart, and Python for a host's name that is none.
_NONSENSE = (struct.error, LookupError, ValueError)


class _UnreachableError(Exception):
    """No broker could be reached, for the reasons in the text."""


@dataclass(frozen=True, slots=True)
class _Ping:
    message_id: str
    sent_at_s: float


@dataclass(frozen=True, slots=True)
class _Outcome:
    """`was_returned`: no queue is bound to the topic, so nothing was delivered."""

    answer: Answer
    took_s: float | None
    was_returned: bool


class BusSession:
    """Keeps one connection, and makes another one when it was lost or nova's options changed."""

    def __init__(
        self,
        conf: Callable[[], cfg.ConfigOpts],
        hosts: Sequence[str],
        *,
        timeout_s: float,
        ping_timeout_s: float,
        clock: Clock,
    ) -> None:
        self._conf = conf
        self._hosts = tuple(hosts)
        self._timeout_s = timeout_s
        self._ping_timeout_s = ping_timeout_s
        self._refusals = RefusalMemory(clock)
        self._access: BusAccess | None = None
        self._connection: BusConnection | None = None
        self._last_good: Broker | None = None
        self._absent_at_s: dict[str, float] = {}  # when a queue was looked for and was not there

    def read(self) -> BusView:
        """One round. Raises ProbeError for what is not understood."""
        deadline = Deadline(self._timeout_s)
        access = self._current_access()
        try:
            return self._round_on_a_living_connection(access, deadline)
        except LoginRefusedError as error:
            return BusView(BusOutcome.LOGIN_REFUSED, str(error))
        except NotConfirmedError as error:
            return self._blocked(str(error))
        except _UnreachableError as error:
            return BusView(BusOutcome.UNREACHABLE, str(error))
        except amqp.ChannelError as error:
            self.drop()
            raise ProbeError(f"the message bus answered: {error.reply_text}") from error
        except (OSError, amqp.AMQPError) as error:
            if isinstance(error, TimeoutError) and self._connection and self._connection.blocked:
                return self._blocked("the broker blocks publishers: a memory or disk alarm")
            address = self._connection.broker.address if self._connection else "the message bus"
            self.drop()
            _check_is_local(error)
            return BusView(BusOutcome.UNREACHABLE, f"{address}: {_reason(error)}")
        except (ProbeError, MemoryError):
            raise
        except Exception as error:  # py-amqp takes frames apart without looking: anything may come of it
            self.drop()
            raise ProbeError(f"py-amqp failed with {type(error).__name__}") from error

    def close(self) -> None:
        """Log out where the broker answers at once."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def drop(self) -> None:
        """Close the socket."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop()

    def _blocked(self, detail: str) -> BusView:
        # A blocked connection is kept: the broker does not read from it, so closed ones would pile up there.
        if self._connection is not None and not self._connection.blocked:
            self.drop()
        return BusView(BusOutcome.BLOCKED, detail)

    def _current_access(self) -> BusAccess:
        try:
            access = bus_access(self._conf())
        except (OSError, ValueError, cfg.Error) as error:
            raise ProbeError(f"nova's options cannot be read: {type(error).__name__}") from error
        if access != self._access:
            self.close()
            self._access = access
        return access

    def _round_on_a_living_connection(self, access: BusAccess, deadline: Deadline) -> BusView:
        kept = self._connection is not None
        try:
            return self._round(access, self._connected(access, deadline), deadline)
        except (OSError, amqp.ConnectionError):
            if not kept or self._connection is None or self._connection.blocked:
                raise
            self.drop()  # it was ended between two rounds, or its broker is lost and another one is there
        return self._round(access, self._connected(access, deadline), deadline)

    def _connected(self, access: BusAccess, deadline: Deadline) -> BusConnection:
        if self._connection is not None:
            return self._connection
        if access.tls is not None:
            access.tls.check()
        brokers = sorted(access.brokers, key=lambda broker: broker != self._last_good)
        share = deadline.within(_CONNECT_SHARE * self._timeout_s)
        if (standing := self._refusals.standing(access.secret)) is not None:
            refusal, left_s = standing
            _check_any_accepts(brokers, share)
            raise LoginRefusedError(
                f"{refusal.reason} {self._refusals.ago_s(refusal):.0f} s ago; not tried again until nova's"
                f" transport_url changes, or in {left_s:.0f} s"
            )
        reasons = []
        for index, broker in enumerate(brokers):
            try:
                turn = share.within(share.left_s() / (len(brokers) - index))
                self._connection = BusConnection(access, broker, turn)
            except LoginRefusedError as error:
                self._refusals.add(access.secret, str(error), _REFUSED_LOGIN_PAUSE_S, is_verdict=True)
                raise
            except amqp.ChannelError:
                raise
            except (OSError, amqp.AMQPError, *_NONSENSE) as error:
                _check_is_verdict(access, error)
                reasons.append(f"{broker.address}: {_reason(error)}")
            else:
                self._last_good = broker
                return self._connection
        raise _UnreachableError("; ".join(reasons))

    def _round(self, access: BusAccess, connection: BusConnection, deadline: Deadline) -> BusView:
        connection.catch_up(deadline)
        connection.prove(deadline.within(_PROOF_SHARE * self._timeout_s))
        topics = [_CONDUCTOR, *map(_topic, self._hosts)]
        queues = {topic: self._look(connection, topic, deadline) for topic in topics}
        if problem := self._no_pings_because(access, connection, deadline):
            computes = {host: _on_bus(Answer.UNASKED, None, queues[_topic(host)]) for host in self._hosts}
            return BusView(BusOutcome.OK, problem, computes=computes)
        pings = self._ping(access, connection, queues)
        proof_deadline = deadline.within(_PROOF_SHARE * self._timeout_s)
        connection.prove(proof_deadline)
        for topic in [topic for topic in self._absent_at_s if not pings[topic].was_returned]:
            del self._absent_at_s[topic]  # the ping was delivered: there is one now
            queues[topic] = self._look(connection, topic, proof_deadline)
        return _view(self._hosts, queues, pings)

    def _look(self, connection: BusConnection, topic: str, deadline: Deadline) -> Queue | None:
        absent_at_s = self._absent_at_s.get(topic)
        if absent_at_s is not None and time.monotonic() - absent_at_s < _LOOK_FOR_ABSENT_EVERY_S:
            return None
        queue = connection.look(topic, deadline)
        if queue is None:
            self._absent_at_s[topic] = time.monotonic()
        else:
            self._absent_at_s.pop(topic, None)
        return queue

    def _no_pings_because(self, access: BusAccess, connection: BusConnection, deadline: Deadline) -> str:
        if deadline.left_s() < self._ping_timeout_s + _PROOF_RESERVE_S:
            return "nothing was pinged: the bus answered too slowly for that"
        if not connection.has_exchange(access.exchange, deadline):
            return f"nothing was pinged: the bus has no exchange {access.exchange}"
        return ""

    def _ping(
        self, access: BusAccess, connection: BusConnection, queues: Mapping[str, Queue | None]
    ) -> Mapping[str, _Outcome]:
        """Ping all at once, and take the answers as they come."""
        deadline = Deadline(self._ping_timeout_s)
        # To a topic without a queue too: the broker returns it, and logs nothing.
        sent = {
            topic: [
                _Ping(
                    connection.ping(access.exchange, topic, self._ping_timeout_s, deadline), time.monotonic()
                )
                for _ in range(_pings(queue))
            ]
            for topic, queue in queues.items()
        }

        def is_settled(pings: Sequence[_Ping]) -> bool:
            return any(
                connection.arrived_at_s(ping.message_id) is not None
                or connection.was_returned(ping.message_id)
                for ping in pings
            )

        connection.wait(lambda: all(map(is_settled, sent.values())), deadline)
        return {topic: _outcome(connection, pings) for topic, pings in sent.items()}


def _topic(host: str) -> str:
    return f"compute.{host}"


def _pings(queue: Queue | None) -> int:
    return 1 if queue is None else min(max(queue.consumers, 1), _MAX_PINGS)


def _outcome(connection: BusConnection, pings: Sequence[_Ping]) -> _Outcome:
    """One answer is enough."""
    for ping in pings:
        if (arrived_at_s := connection.arrived_at_s(ping.message_id)) is not None:
            return _Outcome(Answer.ANSWERED, max(0.0, arrived_at_s - ping.sent_at_s), was_returned=False)
    if any(connection.was_returned(ping.message_id) for ping in pings):
        return _Outcome(Answer.UNASKED, None, was_returned=True)
    return _Outcome(Answer.UNANSWERED, None, was_returned=False)


def _view(hosts: Sequence[str], queues: Mapping[str, Queue | None], pings: Mapping[str, _Outcome]) -> BusView:
    unbound = [topic for topic, queue in queues.items() if queue is not None and pings[topic].was_returned]
    return BusView(
        BusOutcome.OK,
        f"the queue {', '.join(unbound)} is not bound to nova's exchange" if unbound else "",
        conductor=pings[_CONDUCTOR].answer,
        computes={
            host: _on_bus(pings[_topic(host)].answer, pings[_topic(host)].took_s, queues[_topic(host)])
            for host in hosts
        },
    )


def _on_bus(ping: Answer, took_s: float | None, queue: Queue | None) -> ComputeOnBus:
    return ComputeOnBus(
        ping=ping,
        took_s=took_s,
        consumers=None if queue is None else queue.consumers,
        queued=None if queue is None else queue.queued,
    )


def _check_any_accepts(brokers: Sequence[Broker], share: Deadline) -> None:
    """Without an account: whether there is a broker at all. Raises _UnreachableError."""
    reasons = []
    for index, broker in enumerate(brokers):
        try:
            timeout_s = share.left_s() / (len(brokers) - index)
            socket.create_connection((broker.host, broker.port), timeout=timeout_s).close()
        except (OSError, *_NONSENSE) as error:
            _check_is_local(error)
            reasons.append(f"{broker.address}: {_reason(error)}")
        else:
            return
    raise _UnreachableError("; ".join(reasons))


def _check_is_local(error: Exception) -> None:
    """Raises ProbeError for a fault of this machine, which says nothing about the broker."""
    if isinstance(error, OSError) and is_local_fault(error):
        raise ProbeError(f"no connection can be made here: {_reason(error)}") from error


def _check_is_verdict(access: BusAccess, error: Exception) -> None:
    """Raises ProbeError for an error that says nothing about whether nova-compute gets through."""
    _check_is_local(error)
    is_untrusted = isinstance(error, ssl.SSLCertVerificationError)
    if is_untrusted and access.tls is not None and not access.tls.ca_file:
        raise ProbeError(
            f"{_reason(error)}; nova itself verifies none without ssl_ca_file, the daemon logs in to no other"
        ) from error


def _reason(error: Exception) -> str:
    """What went wrong, without anything of the account."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate does not verify: {error.verify_message or error.reason}"
    if isinstance(error, ssl.SSLError):
        return f"TLS fault: {error.reason or type(error).__name__}"
    if isinstance(error, TimeoutError) and error.errno is None:
        return "no answer in time"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    if isinstance(error, _NONSENSE):
        is_name = isinstance(error, UnicodeError) and "idna" in str(error)
        return "no name of a host" if is_name else "the answer is not AMQP"
    text = error.reply_text if isinstance(error, amqp.AMQPError) else ""
    return text or type(error).__name__
