"""How many consumers a queue of the message bus has, asked as any client may: by a passive declare."""

from __future__ import annotations

import contextlib
import logging

import amqp

from lab import accounts
from lab.parts import endpoints
from lab.topology import SERVERS_ADDRESS

_TIMEOUT_S = 2.0
logging.getLogger("amqp").setLevel(logging.ERROR)


class QueueWatcher:
    """Keeps one connection to RabbitMQ, and opens it again when it was lost. For one thread."""

    def __init__(self) -> None:
        self._connection: amqp.Connection | None = None

    def consumers(self, queue: str) -> int | None:
        """The number of consumers, 0 if there is no such queue, None if the broker cannot be asked."""
        try:
            channel = self._open().channel()
            try:
                return int(channel.queue_declare(queue, passive=True).consumer_count)
            except amqp.NotFound:  # the broker closed the channel with its answer
                return 0
            finally:
                with contextlib.suppress(amqp.AMQPError):
                    channel.close()
        except (OSError, amqp.AMQPError):
            self.close()
            return None

    def close(self) -> None:
        """Drop the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.collect()

    def _open(self) -> amqp.Connection:
        if self._connection is None:
            connection = amqp.Connection(
                f"{SERVERS_ADDRESS}:{endpoints.RABBITMQ_PORT}",
                userid=accounts.RABBITMQ_USER,
                password=accounts.RABBITMQ_PASSWORD,
                connect_timeout=_TIMEOUT_S,
                read_timeout=_TIMEOUT_S,
                write_timeout=_TIMEOUT_S,
            )
            connection.connect()
            self._connection = connection
        return self._connection


def has_consumer(queue: str) -> bool:
    """True if at least one process consumes from the queue right now."""
    watcher = QueueWatcher()
    try:
        return bool(watcher.consumers(queue))
    finally:
        watcher.close()
