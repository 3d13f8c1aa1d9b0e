"""Faults of the cloud's servers: stopped, frozen, or a broker that blocks publishers."""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.faults import signals
from lab.faults.model import Fault
from lab.parts import rabbitmq

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.cloud import Cloud
    from lab.faults.model import Arguments

_DEFAULT_WATERMARK = 0.4
_DEFAULT_DISK_LIMIT = "50MB"
_MORE_THAN_ANY_DISK = "1000000GB"


def _stop(part: str, cloud: Cloud, _: Arguments) -> Callable[[], None]:
    service = cloud.services[part]
    if service.pid is None:
        raise LabError(f"{part} is not running")
    service.stop()
    return service.run


def _freeze(part: str, cloud: Cloud, _: Arguments) -> Callable[[], None]:
    leader = cloud.services[part].pid
    if leader is None:
        raise LabError(f"{part} is not running")
    return signals.freeze(_group(leader))


def _group(leader: int) -> list[int]:
    """The processes of a part: it and its workers are a process group of their own."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(int(directory.name)) == leader:
                found.append(int(directory.name))
    return found


def _memory_alarm(cloud: Cloud, _: Arguments) -> Callable[[], None]:
    rabbitmq.set_memory_watermark(cloud.site, 0)
    return functools.partial(rabbitmq.set_memory_watermark, cloud.site, _DEFAULT_WATERMARK)


def _disk_alarm(cloud: Cloud, _: Arguments) -> Callable[[], None]:
    rabbitmq.set_disk_free_limit(cloud.site, _MORE_THAN_ANY_DISK)
    return functools.partial(rabbitmq.set_disk_free_limit, cloud.site, _DEFAULT_DISK_LIMIT)


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
    Fault(
        "conductor-frozen",
        "nova-conductor hangs (SIGSTOP): it keeps its connection and answers nobody; all heartbeats end.",
        functools.partial(_freeze, "nova-conductor"),
    ),
    _stopped(
        "rabbitmq-stopped", "rabbitmq", "RabbitMQ is stopped: all heartbeats end, no process is at fault."
    ),
    Fault(
        "rabbitmq-memory-alarm",
        "RabbitMQ raises its memory alarm and blocks publishers: consumers stay, heartbeats end.",
        _memory_alarm,
    ),
    Fault(
        "rabbitmq-disk-alarm",
        "RabbitMQ raises its disk alarm and blocks publishers: consumers stay, heartbeats end.",
        _disk_alarm,
    ),
)
