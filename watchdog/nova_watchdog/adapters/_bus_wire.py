"""The messages that are sent and understood here: oslo.messaging's RPC envelope, and our own proof.

Source: oslo.messaging 18.3, `_drivers/common.py` (envelope 2.0, the same since 2013), `_drivers/amqp.py`
(context), `_drivers/amqpdriver.py` (call and reply); the method is nova's (`nova/baserpc.py`).
"""

from __future__ import annotations

import bz2
import json
import uuid
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import amqp

_ENVELOPE = "2.0"
# What kombu writes into the header `compression` for nova's kombu_compression.
_UNPACK: Mapping[str, Callable[[bytes], bytes]] = {
    "application/x-gzip": zlib.decompress,
    "application/x-bz2": bz2.decompress,
}
_TRANSIENT = 1


def ping(message_id: str, reply_queue: str, ttl_s: float) -> amqp.Message:
    """A call of `ping` in nova's base API, without a context: nova makes an anonymous one of that.

    It is dropped by the broker when nobody took it for `ttl_s`.
    """
    call = {
        "method": "ping",
        "args": {"arg": "nova-watchdog"},
        "namespace": "baseapi",
        "version": "1.1",
        "_msg_id": message_id,
        "_reply_q": reply_queue,
        "_timeout": None,
        "_unique_id": uuid.uuid4().hex,
    }
    return _message({"oslo.version": _ENVELOPE, "oslo.message": json.dumps(call)}, ttl_s)


def proof(message_id: str, ttl_s: float) -> amqp.Message:
    """A message from us to ourselves."""
    return _message({"_msg_id": message_id}, ttl_s)


def message_id_of(message: amqp.Message) -> str | None:
    """The call that a reply answers, well or with an error; None for what is not understood."""
    body = message.body
    try:
        raw = body.encode() if isinstance(body, str) else bytes(body)
        kind = (message.headers or {}).get("compression")
        document = json.loads(_UNPACK[kind](raw) if kind else raw)
        if "oslo.message" in document:
            document = json.loads(document["oslo.message"])
        return str(document["_msg_id"])
    except (ValueError, KeyError, TypeError, OSError, zlib.error):
        return None


def _message(content: Mapping[str, Any], ttl_s: float) -> amqp.Message:
    return amqp.Message(
        json.dumps(content),
        content_type="application/json",
        content_encoding="utf-8",
        delivery_mode=_TRANSIENT,
        priority=0,
        expiration=str(int(ttl_s * 1000)),
    )
