"""Faults of vCenter, all injected by the simulator itself through its control socket."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from lab.faults.model import PAIRING, VCENTER, Fault, Parameter
from lab.parts import vcenter

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.cloud import Cloud
    from lab.faults.model import Arguments


def _switch(cloud: Cloud, name: str, fault: str, on: str, **arguments: str) -> None:
    path = cloud.site.paths.control_socket(name)
    vcenter.control(path, "POST", "/fault", name=fault, on=on, **arguments)


def _whole(fault: str, cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    """A fault of a whole vCenter; `fault` is the simulator's name for it."""
    rest = {key: value for key, value in arguments.items() if key != "vcenter"}
    if "delay" in rest:
        rest["delay"] += "s"
    _switch(cloud, arguments["vcenter"], fault, "1", **rest)
    return functools.partial(_switch, cloud, arguments["vcenter"], fault, "0")


def _expire(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    return _whole("cert-expiring", cloud, arguments | {"days": f"-{arguments['days']}"})


def _drop(cloud: Cloud, arguments: Arguments) -> None:
    _switch(cloud, arguments["vcenter"], "drop-sessions", "1")


def _cluster(fault: str, cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    """A fault of the cluster behind a pairing."""
    pairing = cloud.site.topology.pairing(arguments["pairing"])
    change = functools.partial(_switch, cloud, pairing.vcenter.name, fault, cluster=pairing.cluster)
    change("1")
    return functools.partial(change, "0")


def _of_vcenter(name: str, simulator_name: str, sentence: str, *more: Parameter) -> Fault:
    return Fault(name, sentence, functools.partial(_whole, simulator_name), (VCENTER, *more))


def _of_cluster(name: str, sentence: str) -> Fault:
    return Fault(name, sentence, functools.partial(_cluster, name), (PAIRING,))


FAULTS = (
    _of_vcenter(
        "vcenter-refused",
        "refused",
        "{vcenter} refuses every connection: its pairings become `vcenter down`, and nothing is restarted.",
    ),
    _of_vcenter(
        "vcenter-silent",
        "silent",
        "{vcenter} accepts and never answers: its pairings become `vcenter down`, nothing is restarted.",
    ),
    _of_vcenter(
        "vcenter-503", "status503", "{vcenter} answers everything with HTTP 503, as while it starts."
    ),
    _of_vcenter(
        "vcenter-slow",
        "slow",
        "{vcenter} takes {delay} s longer for each call.",
        Parameter("delay", "seconds", "2"),
    ),
    _of_vcenter(
        "vcenter-wrong-password",
        "wrong-password",
        "The account's password is changed on {vcenter}: sessions live on, every new login is refused.",
    ),
    Fault(
        "vcenter-drop-sessions",
        "{vcenter} forgets all sessions: its clients log in again, and nobody notices.",
        _drop,
        (VCENTER,),
        one_shot=True,
    ),
    _of_vcenter(
        "vcenter-cert-expiring",
        "cert-expiring",
        "{vcenter} shows a certificate that is valid for only {days} more days.",
        Parameter("days", "days", "5"),
    ),
    Fault(
        "vcenter-cert-expired",
        "The certificate of {vcenter} is over for {days} days: no client that verifies it gets in.",
        _expire,
        (VCENTER, Parameter("days", "days", "2")),
    ),
    _of_vcenter(
        "vcenter-no-session-privilege",
        "no-session-privilege",
        "The account may not list the sessions of {vcenter}: they are unknown, and nothing else is.",
    ),
    _of_cluster(
        "drs-off",
        "DRS of {pairing}'s cluster is switched off: nobody balances load inside it any more.",
    ),
    _of_cluster(
        "drs-manual",
        "DRS of {pairing}'s cluster only recommends (manual): nobody carries out what it wants.",
    ),
    _of_cluster("host-disconnected", "The first host of {pairing}'s cluster is disconnected from vCenter."),
    _of_cluster("host-maintenance", "The first host of {pairing}'s cluster is in maintenance mode."),
    _of_cluster("datastore-lost", "{pairing}'s cluster loses access to its datastores."),
    _of_cluster("datastore-full", "The datastores of {pairing}'s cluster have 2 % free."),
    _of_cluster(
        "datastore-not-shared",
        "The datastores of {pairing}'s cluster are not mounted on its last host any more.",
    ),
    _of_cluster(
        "cluster-gone", "The cluster of {pairing} is gone from vCenter: nova-compute cannot start anywhere."
    ),
    _of_cluster(
        "cluster-recreated",
        "The cluster of {pairing} is made anew under its name, with another moid: nova-compute cannot start.",
    ),
)
