"""Faults of the cloud's servers: stopped, or a broker that blocks publishers."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.faults.model import Fault
from lab.parts import rabbitmq

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.cloud import Cloud
    from lab.faults.model import Arguments

_DEFAULT_WATERMARK = 0.4


def _stop(part: str, cloud: Cloud, _: Arguments) -> Callable[[], None]:
    service = cloud.services[part]
    if service.pid is None:
        raise LabError(f"{part} is not running")
    service.stop()
    return service.run


def _memory_alarm(cloud: Cloud, _: Arguments) -> Callable[[], None]:
    rabbitmq.set_memory_watermark(cloud.site, 0)
    return functools.partial(rabbitmq.set_memory_watermark, cloud.site, _DEFAULT_WATERMARK)


def _stopped(name: str, part: str, sentence: str) -> Fault:
    return Fault(name, sentence, functools.partial(_stop, part))


FAULTS = (
    _stopped("nova-api-stopped", "nova-api", "Nova's API is stopped: there is no verdict from Nova's side."),
    _stopped("keystone-stopped", "keystone", "Keystone is stopped: nobody gets a token."),
    _stopped(
        "conductor-stopped",
        "nova-conductor",
        "nova-conductor is stopped: all heartbeats end, no process is at fault.",
    ),
    _stopped(
        "rabbitmq-stopped", "rabbitmq", "RabbitMQ is stopped: all heartbeats end, no process is at fault."
    ),
    Fault(
        "rabbitmq-memory-alarm",
        "RabbitMQ raises its memory alarm and blocks publishers: consumers stay, heartbeats end.",
        _memory_alarm,
    ),
)
