"""What lets controllers share their pairings: managed units, and accounts of the store and the bus."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from lab import accounts
from lab.controllers import nova_compute
from lab.parts import etcd, rabbitmq

if TYPE_CHECKING:
    from pathlib import Path

    from lab.controllers.machine import Machine
    from lab.site import Site

TOKENS = "/run/nova-watchdog/tokens"
DEADLINE_SERVICE = "nova-watchdog-deadline.service"
DEADLINES = "nova-watchdog-deadline@*.timer"
DROP_IN = "/etc/systemd/system/nova-compute@.service.d/nova-watchdog.conf"
MANAGED_UNITS = "/etc/nova-watchdog/managed-units"
# Without vCenter a stop takes nova-compute 165 s: systemd's own 90 s would make each test of that long.
_PATIENCE = "[Service]\nTimeoutStopSec=30\n"
_DIRECTORY = "/etc/nova-watchdog"
_STORE_PASSWORD = f"{_DIRECTORY}/etcd-password"
_STORE_CA = f"{_DIRECTORY}/etcd-ca.pem"
_BUS_PASSWORD = f"{_DIRECTORY}/rabbitmq-password"


def install(site: Site, root: Path, group: str) -> None:
    """The secrets that the daemon's configuration names, for `group` to read."""
    nova_compute.write(root, _STORE_PASSWORD, accounts.ETCD_PASSWORD + "\n", group=group)
    nova_compute.write(root, _BUS_PASSWORD, accounts.RABBITMQ_PASSWORD + "\n", group=group)
    authority = (site.tools.certificates / "ca.pem").read_text()
    nova_compute.write(root, _STORE_CA, authority, group=group)


def tables(site: Site) -> list[str]:
    """Lines of the daemon's TOML: the shared store, and where a dead controller's connections are closed."""
    endpoints = ", ".join(f'"{etcd.url(member)}"' for member in site.topology.etcd_list)
    return [
        "",
        "[etcd]",
        f"endpoints = [{endpoints}]",
        f'prefix = "{etcd.PREFIX}"',
        f'username = "{accounts.ETCD_USER}"',
        f'password_file = "{_STORE_PASSWORD}"',
        f'ca_file = "{_STORE_CA}"',
        "",
        "[rabbitmq_management]",
        f'url = "{rabbitmq.MANAGEMENT_URL}"',
        f'username = "{accounts.RABBITMQ_USER}"',
        f'password_file = "{_BUS_PASSWORD}"',
    ]


def manage_units(machine: Machine, program: str, configuration: str) -> None:
    """Put nova-compute's units under the daemon: one that runs goes on, none starts without a token."""
    units = machine.run(program, "config", "units", "--config", configuration)
    nova_compute.write(machine.root, MANAGED_UNITS, units, group="root", mode=0o644)
    target = machine.root / DROP_IN.lstrip("/")
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(machine.site.paths.repository / "systemd" / "managed.conf", target)
    (target.parent / "lab.conf").write_text(_PATIENCE)
    machine.run("systemctl", "daemon-reload")


def is_held(machine: Machine) -> bool:
    """Whether the controller has a token for each pairing, and a deadline that waits."""
    tokens = set(machine.run("ls", TOKENS, check=False).split())
    listed = machine.run("systemctl", "list-units", "--no-legend", "--plain", "--state=waiting", DEADLINES)
    return {p.unit for p in machine.site.topology.pairings} <= tokens and bool(listed.strip())
