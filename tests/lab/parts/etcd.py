"""etcd: the store that the controllers share. Clients come by TLS, with user and password.

Members speak to each other without TLS: nobody but the lab is in their network.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from lab import accounts
from lab.api.http import HttpError, json_request
from lab.errors import LabError
from lab.processes import Service, accepts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lab.site import Site
    from lab.topology import EtcdMember

CLIENT_PORT = 2379
PREFIX = "/nova-watchdog/"
_PEER_PORT = 2380
_METRICS_PORT = 2381
_ROLE = "nova-watchdog"
_TIMEOUT_S = 30.0
_COMMAND_TIMEOUT_S = 5.0
_PROBE_TIMEOUT_S = 1.0
_POLL_S = 0.1


def url(member: EtcdMember) -> str:
    """Where clients reach a member."""
    return f"https://{member.address}:{CLIENT_PORT}"


def service(site: Site, member: EtcdMember) -> Service:
    """One member, whose disk can be frozen (see `disk_gate`)."""
    directory = site.private("etcd", member.name)
    certificates = site.tools.certificates
    peer = f"http://{member.address}:{_PEER_PORT}"
    cluster = ",".join(f"{m.name}=http://{m.address}:{_PEER_PORT}" for m in site.topology.etcd_list)
    command = [
        *(sys.executable, "-m", "lab.parts.disk_gate", str(frozen_file(site, member)), "etcd"),
        f"--name={member.name}",
        f"--data-dir={directory / 'data'}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--listen-client-urls={url(member)}",
        f"--advertise-client-urls={url(member)}",
        f"--cert-file={certificates / f'{member.name}.pem'}",
        f"--key-file={certificates / f'{member.name}.key'}",
        f"--listen-metrics-urls=http://{member.address}:{_METRICS_PORT}",
        f"--initial-cluster={cluster}",
        "--initial-cluster-token=lab",
        "--logger=zap",
    ]
    serves = functools.partial(accepts, member.address, CLIENT_PORT)
    return Service(member.name, command, site.log(member.name), serves, grace_s=2.0)


def frozen_file(site: Site, member: EtcdMember) -> Path:
    """While it exists nothing of this member gets to its disk."""
    return site.private("etcd", member.name) / "frozen"


def require_login(site: Site) -> None:
    """Wait until the members are a cluster, then make the users; from here on nobody gets in without."""
    wait_for_leader(site)
    for command in (
        ["user", "add", f"root:{accounts.ETCD_ROOT_PASSWORD}"],
        ["user", "grant-role", "root", "root"],
        ["role", "add", _ROLE],
        ["role", "grant-permission", _ROLE, "--prefix=true", "readwrite", PREFIX],
        ["user", "add", f"{accounts.ETCD_USER}:{accounts.ETCD_PASSWORD}"],
        ["user", "grant-role", accounts.ETCD_USER, _ROLE],
        ["auth", "enable"],
    ):
        control(site, command, login=False)


def wait_for_leader(site: Site) -> None:
    """Return when the members are a cluster."""
    _wait(lambda: leader(site) is not None, "etcd has no leader")


def leader(site: Site) -> EtcdMember | None:
    """The member that leads, or None. One whose disk is frozen may go on to call itself that: not asked."""
    working = [member for member in site.topology.etcd_list if not frozen_file(site, member).exists()]
    for member in working:
        numbers = _metrics(member)
        if numbers.get("etcd_server_is_leader") == 1 and numbers.get("etcd_server_has_leader") == 1:
            return member
    return None


def move_leader(site: Site) -> str:
    """Hand the leadership to another member in order; the name of the new one."""
    old = leader(site)
    others = [member for member in site.topology.etcd_list if member != old]
    if old is None or not others:
        raise LabError("etcd has no leader, or no other member, to move the leadership to")
    heads = control(site, ["member", "list"]).splitlines()
    identifier = next(line.split(",")[0] for line in heads if line.split(", ")[2] == others[0].name)
    control(site, ["move-leader", identifier], endpoint=url(old))
    _wait(lambda: leader(site) == others[0], f"{others[0].name} did not become the leader")
    return others[0].name


def control(site: Site, command: Sequence[str], *, endpoint: str = "", login: bool = True) -> str:
    """Run etcdctl as the store's administrator; its output, or LabError with what it said."""
    endpoints = endpoint or ",".join(url(member) for member in site.topology.etcd_list)
    environment = {
        "PATH": "/usr/bin:/bin",
        "ETCDCTL_API": "3",
        "ETCDCTL_ENDPOINTS": endpoints,
        "ETCDCTL_CACERT": str(site.tools.certificates / "ca.pem"),
        "ETCDCTL_COMMAND_TIMEOUT": f"{_COMMAND_TIMEOUT_S:g}s",
    }
    if login:
        environment["ETCDCTL_USER"] = f"root:{accounts.ETCD_ROOT_PASSWORD}"
    result = subprocess.run(
        ["etcdctl", *command],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * _COMMAND_TIMEOUT_S,
        check=False,
    )
    if result.returncode != 0:
        raise LabError(f"etcdctl {' '.join(command[:2])} failed: {(result.stderr or result.stdout).strip()}")
    return result.stdout


def _metrics(member: EtcdMember) -> dict[str, float]:
    """A member's own numbers without labels; empty if it does not answer."""
    place = f"http://{member.address}:{_METRICS_PORT}/metrics"
    try:
        text = str(json_request("GET", place, timeout_s=_PROBE_TIMEOUT_S).content)
    except HttpError:
        return {}
    pairs = [line.split(" ") for line in text.splitlines() if line.startswith("etcd_") and "{" not in line]
    return {name: float(value) for name, value in pairs}


def _wait(is_so: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while not is_so():
        if time.monotonic() > deadline:
            raise LabError(f"{complaint} after {_TIMEOUT_S:g} s")
        time.sleep(_POLL_S)
