"""nova-compute on a controller: its user, its units, and a configuration in two files."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from lab import accounts
from lab.parts import ini, openstack

if TYPE_CHECKING:
    from pathlib import Path

    from lab.site import Site
    from lab.topology import Controller, Pairing

_SYSUSERS = 'u nova - "OpenStack Nova" /var/lib/nova\n'
_UNIT = """\
[Unit]
Description=OpenStack nova-compute for the vSphere cluster of pairing %i
After=network.target nova-watchdog.service
StartLimitIntervalSec=0

[Service]
Type=simple
User=nova
Group=nova
Environment=PYTHONDONTWRITEBYTECODE=1
ExecStart=/opt/nova/bin/nova-compute --config-file /etc/nova/nova.conf \
--config-file /etc/nova/nova-compute-%i/nova-compute.conf
Restart=no
KillMode=control-group

[Install]
WantedBy=multi-user.target
"""
SHARED_FILE = "/etc/nova/nova.conf"


def pairing_file(pairing: Pairing) -> str:
    """The configuration file that only this pairing's nova-compute reads."""
    return f"/etc/nova/nova-compute-{pairing.name}/nova-compute.conf"


def install(site: Site, controller: Controller, root: Path) -> None:
    """Install users, configuration and units for every pairing. Nothing is enabled or started."""
    (root / "usr/lib/sysusers.d/nova-lab.conf").write_text(_SYSUSERS)
    make_users(root)
    (root / "opt").mkdir(exist_ok=True)
    link(root / "opt/nova", site.tools.openstack_venv)
    (root / "etc/systemd/system/nova-compute@.service").write_text(_UNIT)
    write(root, SHARED_FILE, ini.render(shared_sections(controller)), group="nova")
    authority = (site.tools.certificates / "ca.pem").read_text()
    write(root, f"/etc/nova/vcenter-ca-{controller.address}.pem", authority, group="nova", mode=0o644)
    for pairing in site.topology.pairings:
        state = root / f"var/lib/nova/{pairing.name}"
        for directory in (state, state / "instances", state / "lock"):
            directory.mkdir(parents=True)
            chown(root, directory, "nova", "nova")
            directory.chmod(0o750)
        write(root, pairing_file(pairing), ini.render(pairing_sections(pairing)), group="nova")
        write(root, f"/etc/nova/nova-compute-{pairing.name}/compute_id", pairing.compute_id, group="nova")


def shared_sections(controller: Controller) -> ini.Sections:
    """What all nova-computes of a controller share. `$state_path` is the pairing's: later files win."""
    sections = openstack.nova_common()
    sections["DEFAULT"] |= {
        "my_ip": controller.address,
        "state_path": "/var/lib/nova",
        "instances_path": "$state_path/instances",
        "compute_driver": "vmwareapi.VMwareVCDriver",
    }
    sections["oslo_concurrency"] = {"lock_path": "$state_path/lock"}
    sections["vnc"] = {"enabled": "false"}
    sections["vmware"] = {
        "insecure": "false",
        "ca_file": "/etc/nova/vcenter-ca-${my_ip}.pem",
        # a vCenter outage then disables the service after about 85 s instead of eight minutes
        "api_retry_count": "2",
        "cache_prefix": "$host",
    }
    return sections


def pairing_sections(pairing: Pairing) -> ini.Sections:
    """What makes a nova-compute the one of its pairing."""
    return {
        "DEFAULT": {"host": pairing.host, "state_path": f"/var/lib/nova/{pairing.name}"},
        "vmware": {
            "host_ip": pairing.vcenter.address,
            "host_username": accounts.VCENTER_USER,
            "host_password": accounts.VCENTER_PASSWORD,
            "cluster_name": pairing.cluster,
        },
    }


def make_users(root: Path) -> None:
    """Let systemd-sysusers make the users and groups that the files under `root` ask for."""
    subprocess.run(["systemd-sysusers", f"--root={root}"], check=True, capture_output=True, text=True)


def write(root: Path, name: str, text: str, *, group: str, mode: int = 0o640) -> None:
    """Write a file that root owns and `group` may read."""
    path = root / name.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    chown(root, path, "root", group)
    path.chmod(mode)
    path.write_text(text)


def link(path: Path, target: Path) -> None:
    """Make a symbolic link, in place of one that the machine may have."""
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def chown(root: Path, path: Path, user: str, group: str) -> None:
    """Change the owner, with names as the container knows them."""
    os.chown(path, _identifier(root / "etc/passwd", user), _identifier(root / "etc/group", group))


def _identifier(database: Path, name: str) -> int:
    found = re.search(rf"^{re.escape(name)}:[^:]*:(\d+):", database.read_text(), re.MULTILINE)
    if found is None:
        raise KeyError(f"{name} is not in {database}")
    return int(found.group(1))
