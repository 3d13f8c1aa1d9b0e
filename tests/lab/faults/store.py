"""Faults of the etcd that the controllers share."""

from __future__ import annotations

import functools
import os
import signal
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.faults import signals
from lab.faults.model import Fault, Parameter
from lab.parts import etcd

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.cloud import Cloud
    from lab.faults.model import Arguments
    from lab.processes import Service

_MEMBER = Parameter("member", "member", "etcd1")


def _members(cloud: Cloud) -> list[Service]:
    found = [cloud.services[member.name] for member in cloud.site.topology.etcd_list]
    if not found:
        raise LabError("this lab has no etcd (`lab up --etcd 3` starts one with it)")
    return found


def _pid(service: Service) -> int:
    if service.pid is None:
        raise LabError(f"{service.name} is not running")
    return service.pid


def _kill(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    service = cloud.services[arguments["member"]]
    os.kill(_pid(service), signal.SIGKILL)
    service.stop()
    return service.run


def _freeze(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    return signals.freeze([_pid(cloud.services[arguments["member"]])])


def _kill_all(cloud: Cloud, _: Arguments) -> Callable[[], None]:
    services = _members(cloud)
    for service in services:
        if service.pid is not None:
            os.kill(service.pid, signal.SIGKILL)
    for service in services:
        service.stop()

    def start() -> None:
        for service in services:
            service.start()
        for service in services:
            service.wait_until_serving()
        etcd.wait_for_leader(cloud.site)

    return start


def _move_leader(cloud: Cloud, _: Arguments) -> None:
    _members(cloud)
    etcd.move_leader(cloud.site)


def _freeze_leaders_disk(cloud: Cloud, _: Arguments) -> Callable[[], None]:
    _members(cloud)
    leader = etcd.leader(cloud.site)
    if leader is None:
        raise LabError("etcd has no leader just now")
    file = etcd.frozen_file(cloud.site, leader)
    file.touch()
    return functools.partial(file.unlink, missing_ok=True)


FAULTS = (
    Fault(
        "etcd-member-killed",
        "{member} dies (kill -9): the other members are a majority, and nothing moves.",
        _kill,
        (_MEMBER,),
    ),
    Fault(
        "etcd-member-frozen",
        "{member} hangs (SIGSTOP): it takes connections and answers none; the other two go on.",
        _freeze,
        (_MEMBER,),
    ),
    Fault(
        "etcd-leader-moved",
        "etcd's leadership is handed to another member in order: nothing moves.",
        _move_leader,
        one_shot=True,
    ),
    Fault(
        "etcd-leader-disk-frozen",
        "Nothing gets to the disk of etcd's leader: the others elect a new one, the old one goes on to answer"
        " what needs no majority.",
        _freeze_leaders_disk,
    ),
    Fault(
        "etcd-all-stopped",
        "Every member of etcd dies (kill -9): each nova-compute is killed at its controller's deadline.",
        _kill_all,
    ),
)
