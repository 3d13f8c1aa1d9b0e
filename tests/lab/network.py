"""The lab's own bridge, in the lab's network namespace: nothing of it touches the machine's interfaces."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.topology import PREFIX_LENGTH, SERVERS_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

BRIDGE = "lab0"
INTERFACE_INSIDE = "host0"


def make_bridge(extra_addresses: Iterable[str]) -> None:
    """Bring loopback and the bridge up; servers and vCenters listen on its addresses."""
    _ip("link", "set", "lo", "up")
    # A bridge takes the lowest address of its ports by itself: it would change when a controller goes.
    _ip("link", "add", BRIDGE, "address", _hardware_address(SERVERS_ADDRESS), "type", "bridge")
    for address in (SERVERS_ADDRESS, *extra_addresses):
        _ip("addr", "add", f"{address}/{PREFIX_LENGTH}", "dev", BRIDGE)
    _ip("link", "set", BRIDGE, "up")


def make_namespace(path: Path, controller: str, address: str) -> None:
    """Make a controller's network namespace (a mount at `path`) with one interface on the bridge."""
    path.parent.mkdir(exist_ok=True)
    path.touch()
    _run("unshare", f"--net={path}", "true")
    outside = _outside(controller)
    _ip("link", "add", outside, "type", "veth", "peer", "name", INTERFACE_INSIDE, "netns", str(path))
    inside = ("nsenter", f"--net={path}", "ip")
    _run(*inside, "link", "set", "lo", "up")
    _run(*inside, "link", "set", INTERFACE_INSIDE, "address", _hardware_address(address))
    _run(*inside, "addr", "add", f"{address}/{PREFIX_LENGTH}", "dev", INTERFACE_INSIDE)
    _run(*inside, "link", "set", INTERFACE_INSIDE, "up")
    _ip("link", "set", outside, "master", BRIDGE, "up")


def remove_namespace(path: Path, controller: str) -> None:
    """Take a controller's network away, with all that its kernel knew of connections."""
    _ip("link", "delete", _outside(controller))
    _run("umount", "--no-mtab", str(path))


def cut(controller: str) -> None:
    """Pull its cable: nothing comes in or out, no connection is told."""
    _ip("link", "set", _outside(controller), "down")


def mend(controller: str) -> None:
    """Plug its cable in again."""
    _ip("link", "set", _outside(controller), "up")


def drop(path: Path, table: str, rules: Iterable[str]) -> None:
    """Drop packets in a controller's network: rules of nftables, each begins with `input` or `output`."""
    lines = [f"table inet {table} {{"]
    for chain in ("input", "output"):
        matches = [rule.removeprefix(f"{chain} ") for rule in rules if rule.startswith(f"{chain} ")]
        lines += [
            f"chain {chain} {{ type filter hook {chain} priority 0;",
            *(f"{m} drop" for m in matches),
            "}",
        ]
    text = "\n".join([*lines, "}"])
    _run("nsenter", f"--net={path}", "nft", "-f", "-", text=text)


def drop_no_more(path: Path, table: str) -> None:
    """Take back what `drop` did; nothing where the network was made anew meanwhile."""
    command = ["nsenter", f"--net={path}", "nft", "delete", "table", "inet", table]
    subprocess.run(command, check=False, capture_output=True)


def _outside(controller: str) -> str:
    return f"vb-{controller}"


def _hardware_address(address: str) -> str:
    """One that stays the same over boots: neighbours remember it."""
    return "02:00:" + ":".join(f"{int(part):02x}" for part in address.split("."))


def _ip(*arguments: str) -> None:
    _run("ip", *arguments)


def _run(*command: str, text: str = "") -> None:
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise LabError(f"{' '.join(command)} ended with {result.returncode}: {result.stderr.strip()}")
