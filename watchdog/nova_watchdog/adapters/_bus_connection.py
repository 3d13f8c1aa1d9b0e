"""One connection to one broker through py-amqp, in blocking calls: used from one thread only.

py-amqp opens a connection anew, without any bound, when one of its properties is touched after it was
closed. So whoever uses this drops it after any error.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import amqp

from ._bus_access import Broker, BusAccess
from ._bus_deadline import Deadline
from ._bus_wire import message_id_of, ping, proof

logging.getLogger("amqp").setLevel(logging.CRITICAL)  # what it says is told by the exceptions too

_HEARTBEAT_S = 60
# How long sent data may stay without TCP's own acknowledgement before the connection counts as lost.
_UNACKNOWLEDGED_MS = 5000
_PARTING_S = 0.3


class LoginRefusedError(Exception):
    """The broker said no to the account, or to its use of the virtual host."""


class NotConfirmedError(Exception):
    """The broker answers, and lets nothing be published. The text says how that showed."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What a passive declare tells."""

    consumers: int
    queued: int


class BusConnection:
    """Logged in, with a queue of our own that ends with the connection."""

    def __init__(self, access: BusAccess, broker: Broker, deadline: Deadline) -> None:
        """Open it. Raises LoginRefusedError, OSError, amqp.AMQPError."""
        self.broker = broker
        self.blocked = False
        # As oslo.messaging names its reply queues, since an account may be limited to such names.
        self._queue = f"reply_nova-watchdog-{uuid.uuid4().hex}"
        self._awaited: set[str] = set()
        self._arrived_at_s: dict[str, float] = {}
        self._returned: set[str] = set()
        self._published = self._proof_tag = 0
        self._is_confirmed = False
        connect_timeout_s = deadline.left_s()
        self._connection = amqp.Connection(
            broker.address,
            userid=broker.username,
            password=broker.password,
            login_method=access.login_method,
            virtual_host=access.virtual_host,
            ssl=access.tls.options(broker.host) if access.tls else False,
            connect_timeout=connect_timeout_s,
            heartbeat=_HEARTBEAT_S,
            client_properties={"product": "nova-watchdog", "connection_name": "nova-watchdog"},
            socket_settings={socket.TCP_USER_TIMEOUT: _UNACKNOWLEDGED_MS},
            on_blocked=self._on_blocked,
            on_unblocked=self._on_unblocked,
        )
        try:
            self._log_in()
            self._prepare(deadline)
        except BaseException:
            self.drop()
            raise

    def prove(self, deadline: Deadline) -> None:
        """Send a message to ourselves, have it confirmed, and get it back.

        Raises NotConfirmedError, OSError, amqp.AMQPError; TimeoutError where nothing at all is answered.
        """
        self._check_not_blocked()
        self.look(self._queue, deadline)  # a broker that hangs is told from one that refuses to publish
        message_id = uuid.uuid4().hex
        self._awaited.add(message_id)
        self._is_confirmed = False
        self._proof_tag = self._publish(proof(message_id, deadline.left_s()), "", self._queue, deadline)
        self.wait(lambda: self._is_confirmed and message_id in self._arrived_at_s, deadline)
        self._check_not_blocked()
        if not self._is_confirmed:
            raise NotConfirmedError("the broker did not confirm our own message")
        if message_id not in self._arrived_at_s:
            raise amqp.ConnectionError("our own message was confirmed and did not come back")

    def look(self, queue: str, deadline: Deadline) -> Queue | None:
        """Consumers and messages of a queue; None where there is no such queue. Makes none."""
        self._limit(deadline)
        try:
            found = self._look_channel.queue_declare(queue, passive=True)
        except amqp.NotFound:  # the broker closed the channel with its answer, py-amqp opened it again
            return None
        return Queue(found.consumer_count, found.message_count)

    def has_exchange(self, exchange: str, deadline: Deadline) -> bool:
        """Whether there is such an exchange. Makes none."""
        self._limit(deadline)
        try:
            self._look_channel.exchange_declare(exchange, "topic", passive=True)
        except amqp.NotFound:
            return False
        return True

    def ping(self, exchange: str, topic: str, ttl_s: float, deadline: Deadline) -> str:
        """Send a ping to whoever consumes from the topic. Returns its id, for `arrived_at_s`."""
        message_id = uuid.uuid4().hex
        self._awaited.add(message_id)
        self._publish(ping(message_id, self._queue, ttl_s), exchange, topic, deadline, message_id)
        return message_id

    def arrived_at_s(self, message_id: str) -> float | None:
        """When the answer came, on the monotonic clock; None before."""
        return self._arrived_at_s.get(message_id)

    def was_returned(self, message_id: str) -> bool:
        """Whether the broker gave it back, because no queue is bound to the topic."""
        return message_id in self._returned

    def wait(self, is_done: Callable[[], bool], deadline: Deadline) -> bool:
        """Take what the broker sends until it is done, publishers are blocked, or time is over."""
        while not is_done() and not self.blocked:
            try:
                self._connection.drain_events(timeout=deadline.left_s())
            except TimeoutError as error:
                if error.errno is not None:  # the kernel's: the connection is lost
                    raise
                break
        return is_done()

    def catch_up(self, deadline: Deadline) -> None:
        """Take what came meanwhile and forget the last round.

        Raises amqp.ConnectionForced when heartbeats stay out, OSError, amqp.AMQPError.
        """
        self._awaited.clear()
        self._arrived_at_s.clear()
        self._returned.clear()
        with contextlib.suppress(TimeoutError):
            while deadline.left_s():
                self._connection.drain_events(timeout=0)
        self._connection.heartbeat_tick()

    def close(self) -> None:
        """Say goodbye where the broker answers at once."""
        with contextlib.suppress(OSError, amqp.AMQPError):
            if self._connection.connected and not self.blocked:
                self._connection.sock.settimeout(_PARTING_S)
                self._connection.close()
        self.drop()

    def drop(self) -> None:
        """Close the socket; the broker cleans up by itself."""
        with contextlib.suppress(OSError):
            if self._connection.connected:
                self._connection.sock.settimeout(_PARTING_S)
        if self._connection.channels is not None:
            self._connection.collect()

    def _check_not_blocked(self) -> None:
        if self.blocked:
            raise NotConfirmedError("the broker blocks publishers: a memory or disk alarm")

    def _log_in(self) -> None:
        try:
            self._connection.connect()
        except (amqp.AccessRefused, amqp.NotAllowed) as error:
            if "limit" in error.reply_text:
                raise  # the account is fine, there are too many connections
            raise LoginRefusedError(error.reply_text) from error

    def _prepare(self, deadline: Deadline) -> None:
        self._limit(deadline)
        channel = self._connection.channel()
        channel.queue_declare(self._queue, exclusive=True, auto_delete=True, durable=False)
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_confirmed)
        channel.events["basic_return"].add(self._on_returned)
        channel.basic_consume(self._queue, no_ack=True, exclusive=True, callback=self._on_message)
        self._channel = channel
        self._look_channel = self._connection.channel()  # what is not there ends its channel for a moment

    def _publish(
        self, message: amqp.Message, exchange: str, topic: str, deadline: Deadline, message_id: str = ""
    ) -> int:
        """The number under which the broker confirms it."""
        self._limit(deadline)
        if message_id:
            message.properties["message_id"] = message_id  # a returned message is known by it
        self._channel.basic_publish(message, exchange, topic, mandatory=True, timeout=deadline.left_s())
        self._published += 1
        return self._published

    def _limit(self, deadline: Deadline) -> None:
        """Bound the next blocking call; py-amqp itself waits for its answers for ever."""
        self._connection.sock.settimeout(deadline.left_s())

    def _on_blocked(self, _: str) -> None:
        self.blocked = True

    def _on_unblocked(self) -> None:
        self.blocked = False

    def _on_confirmed(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 - py-amqp's signature
        if tag == self._proof_tag or (multiple and tag > self._proof_tag):
            self._is_confirmed = True

    def _on_returned(self, _: Exception, __: str, ___: str, message: amqp.Message) -> None:
        self._returned.add(str(message.properties.get("message_id", "")))

    def _on_message(self, message: amqp.Message) -> None:
        message_id = message_id_of(message)
        if message_id in self._awaited and message_id is not None:
            self._arrived_at_s.setdefault(message_id, time.monotonic())
