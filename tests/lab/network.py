"""The lab's own bridge, in the lab's network namespace: nothing of it touches the machine's interfaces."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from lab.topology import PREFIX_LENGTH, SERVERS_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

BRIDGE = "lab0"
INTERFACE_INSIDE = "host0"


def make_bridge(extra_addresses: Iterable[str]) -> None:
    """Bring loopback and the bridge up; servers and vCenters listen on its addresses."""
    _ip("link", "set", "lo", "up")
    _ip("link", "add", BRIDGE, "type", "bridge")
    for address in (SERVERS_ADDRESS, *extra_addresses):
        _ip("addr", "add", f"{address}/{PREFIX_LENGTH}", "dev", BRIDGE)
    _ip("link", "set", BRIDGE, "up")


def make_namespace(path: Path, controller: str, address: str) -> None:
    """Make a controller's network namespace (a mount at `path`) with one interface on the bridge."""
    path.parent.mkdir(exist_ok=True)
    path.touch()
    _run("unshare", f"--net={path}", "true")
    outside = f"vb-{controller}"
    _ip("link", "add", outside, "type", "veth", "peer", "name", INTERFACE_INSIDE, "netns", str(path))
    _ip("link", "set", outside, "master", BRIDGE, "up")
    inside = ("nsenter", f"--net={path}", "ip")
    _run(*inside, "link", "set", "lo", "up")
    _run(*inside, "addr", "add", f"{address}/{PREFIX_LENGTH}", "dev", INTERFACE_INSIDE)
    _run(*inside, "link", "set", INTERFACE_INSIDE, "up")


def _ip(*arguments: str) -> None:
    _run("ip", *arguments)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
