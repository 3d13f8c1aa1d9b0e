"""Processes that answer RPC pings as nova's services do, over oslo.messaging's wire format."""

from __future__ import annotations

import contextlib
import json
import threading
import zlib
from typing import Any

import amqp

from contracts.stand_ins.rabbitmq import PASSWORD, PORT, USER, RabbitMq
from contracts.waiting import PATIENCE_S

EXCHANGE = "nova"


class NovaProcess(threading.Thread):
    """One consumer of `topic`. `answers`: whether it replies; `compresses`: as with kombu_compression."""

    def __init__(
        self, broker: RabbitMq, topic: str, *, answers: bool = True, compresses: bool = False
    ) -> None:
        super().__init__(daemon=True)
        self._broker = broker
        self._topic = topic
        self.answers = answers
        self._compresses = compresses
        self._stop_asked = threading.Event()
        self._ready = threading.Event()
        self.calls: list[dict[str, Any]] = []
        self.properties: list[dict[str, Any]] = []

    def begin(self) -> NovaProcess:
        """Return when it consumes."""
        self.start()
        assert self._ready.wait(PATIENCE_S)
        return self

    def end(self) -> None:
        """Leave the queue without a consumer."""
        self._stop_asked.set()
        self.join(PATIENCE_S)
        assert not self.is_alive()

    def run(self) -> None:
        self._broker.enter_network()
        with amqp.Connection(f"127.0.0.1:{PORT}", userid=USER, password=PASSWORD) as connection:
            channel = connection.channel()
            channel.exchange_declare(EXCHANGE, "topic", durable=False, auto_delete=False)
            channel.queue_declare(self._topic, durable=False, auto_delete=False)
            channel.queue_bind(self._topic, EXCHANGE, self._topic)
            channel.basic_consume(self._topic, no_ack=True, callback=lambda m: self._on_call(channel, m))
            self._ready.set()
            while not self._stop_asked.is_set():
                with contextlib.suppress(TimeoutError):
                    connection.drain_events(timeout=0.05)

    def _on_call(self, channel: amqp.Channel, message: amqp.Message) -> None:
        envelope = json.loads(message.body)
        assert envelope["oslo.version"] == "2.0"
        call = json.loads(envelope["oslo.message"])
        self.calls.append(call)
        self.properties.append(message.properties)
        if self.answers:
            channel.basic_publish(self._reply(call), "", call["_reply_q"], mandatory=True)

    def _reply(self, call: dict[str, Any]) -> amqp.Message:
        result = {"service": self._topic, "arg": call["args"]["arg"]}
        reply = {"result": result, "failure": None, "ending": True, "_msg_id": call["_msg_id"]}
        body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(reply)})
        if not self._compresses:
            return amqp.Message(body, content_type="application/json", content_encoding="utf-8")
        return amqp.Message(
            zlib.compress(body.encode()),
            content_type="application/json",
            content_encoding="utf-8",
            application_headers={"compression": "application/x-gzip"},
        )
