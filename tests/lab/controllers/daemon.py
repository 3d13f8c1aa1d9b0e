"""The daemon on a controller, installed as an operator installs it: exactly the repository's files."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from lab import accounts
from lab.controllers import holding, nova_compute
from lab.errors import LabError
from lab.parts import endpoints

if TYPE_CHECKING:
    from pathlib import Path

    from lab.controllers.machine import Machine
    from lab.site import Site

UNIT = "nova-watchdog.service"
PROGRAM = "/opt/nova-watchdog/bin/nova-watchdog"
CONFIGURATION = "/etc/nova-watchdog/nova-watchdog.toml"
CLOUDS = "/etc/nova-watchdog/clouds.yaml"
ROUTING_KEY = "/etc/nova-watchdog/pagerduty-routing-key"
"""Where `extra_toml` finds the key that the recording receiver knows."""
HTTP_PORT = 9743
_GROUP = "nova-watchdog"
_FILES = {
    "nova-watchdog.service": "etc/systemd/system/nova-watchdog.service",
    "nova-watchdog.sysusers": "usr/lib/sysusers.d/nova-watchdog.conf",
    "nova-watchdog.tmpfiles": "usr/lib/tmpfiles.d/nova-watchdog.conf",
    "nova-watchdog-deadline@.timer": "etc/systemd/system/nova-watchdog-deadline@.timer",
    "nova-watchdog-deadline.service": "etc/systemd/system/nova-watchdog-deadline.service",
    "50-nova-watchdog.rules": "etc/polkit-1/rules.d/50-nova-watchdog.rules",
}
_PROGRAMS = {name: f"usr/lib/nova-watchdog/{name}" for name in ("deadline", "may-start")}
_POLKIT_UNITS = "/etc/polkit-1/rules.d/49-nova-watchdog-units.rules"


def install(site: Site, root: Path) -> None:
    """Copy the repository's files, write the configuration; before the boot, after nova-compute."""
    if site.tools.daemon_venv is None:
        return
    for files, mode in ((_FILES, 0o644), (_PROGRAMS, 0o755)):
        for name, place in files.items():
            _copy(site.paths.repository / "systemd" / name, root / place, mode)
    nova_compute.make_users(root)
    nova_compute.link(root / "opt/nova-watchdog", site.tools.daemon_venv)
    nova_compute.write(root, CONFIGURATION, configuration(site), group=_GROUP)
    nova_compute.write(root, CLOUDS, clouds(), group=_GROUP)
    nova_compute.write(root, ROUTING_KEY, accounts.PAGERDUTY_ROUTING_KEY + "\n", group=_GROUP)
    if site.topology.shares_pairings:
        holding.install(site, root, _GROUP)


def _copy(source: Path, target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def start(machine: Machine) -> None:
    """Write the polkit rule of the pairings' units as the daemon prints it; enable and start the daemon."""
    if machine.site.tools.daemon_venv is None:
        return
    rules = machine.run(PROGRAM, "config", "polkit", "--config", CONFIGURATION)
    nova_compute.write(machine.root, _POLKIT_UNITS, rules, group="root", mode=0o644)
    if machine.site.topology.shares_pairings:
        holding.manage_units(machine, PROGRAM, CONFIGURATION)
    machine.run("systemctl", "enable", "--quiet", UNIT)
    try:
        machine.run("systemctl", "start", UNIT)
    except LabError as error:
        journal = machine.run("journalctl", "--no-pager", "--lines=30", "--output=cat", "--unit", UNIT)
        raise LabError(f"{error}\nThe end of its journal:\n{journal}") from error


def configuration(site: Site) -> str:
    """The daemon's TOML: every pairing, and the [policy] and further tables asked for at `up`."""
    lines = [
        'mode = "protect"',
        "",
        "[openstack]",
        'cloud = "lab"',
        f'clouds_file = "{CLOUDS}"',
        "",
        "[http]",
        f'listen = "0.0.0.0:{HTTP_PORT}"',
    ]
    for pairing in site.topology.pairings:
        files = f'"{nova_compute.SHARED_FILE}", "{nova_compute.pairing_file(pairing)}"'
        lines += ["", f"[pairing.{pairing.name}]", f'unit = "{pairing.unit}"', f"nova_config = [{files}]"]
    if site.topology.shares_pairings:
        lines += holding.tables(site)
    if site.topology.policy:
        lines += ["", "[policy]", site.topology.policy.strip()]
    if site.topology.extra_toml:
        lines += ["", site.topology.extra_toml.strip()]
    return "\n".join(lines) + "\n"


def clouds() -> str:
    """clouds.yaml with the administrator's account."""
    return f"""\
clouds:
  lab:
    auth:
      auth_url: {endpoints.KEYSTONE}
      username: {accounts.ADMIN_USER}
      password: {accounts.ADMIN_PASSWORD}
      project_name: admin
      user_domain_id: default
      project_domain_id: default
    region_name: RegionOne
    identity_api_version: 3
"""
