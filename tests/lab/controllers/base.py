"""What makes an overlay of the machine's root a controller: none of the machine's units, an own identity."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from lab.topology import SERVERS_ADDRESS

if TYPE_CHECKING:
    from pathlib import Path

    from lab.topology import Controller, Topology

_MASKED = (
    "console-getty.service",
    "getty.target",
    "systemd-logind.service",  # polkit works without; nobody logs in
    "systemd-resolved.service",
    "systemd-networkd.service",
    "systemd-timesyncd.service",
    "systemd-udevd.service",
    "systemd-pcrphase.service",
    "systemd-pcrphase-sysinit.service",
)
_JOURNAL = """\
[Journal]
Storage=volatile
RateLimitIntervalSec=0
RateLimitBurst=0
"""


def strip(root: Path) -> None:
    """Take away what would start or mount in the container because the machine has it.

    Which units start is what packages and the administrator enabled in /etc/systemd/system: a controller
    begins there with nothing, as after a minimal installation.
    """
    units = root / "etc/systemd/system"
    shutil.rmtree(units, ignore_errors=True)
    units.mkdir(parents=True)
    for name in _MASKED:
        (units / name).symlink_to("/dev/null")
    generators = root / "etc/systemd/system-generators"
    generators.mkdir(exist_ok=True)
    for name in ("systemd-sysv-generator", "systemd-rc-local-generator"):  # old-style init scripts
        link = generators / name
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    (root / "etc/fstab").write_text("")


def identify(root: Path, controller: Controller, topology: Topology) -> None:
    """Give it a host name, a machine id, the names of its peers, and no name server."""
    (root / "etc/hostname").write_text(controller.name + "\n")
    (root / "etc/machine-id").write_text(controller.machine_id + "\n")
    hosts = [("127.0.0.1", "localhost"), (SERVERS_ADDRESS, "control")]
    hosts += [(c.address, c.name) for c in topology.controller_list]
    hosts += [(v.address, name) for v in topology.vcenter_list for name in (v.name, *v.esx_names)]
    (root / "etc/hosts").write_text("".join(f"{address} {name}\n" for address, name in hosts))
    resolver = root / "etc/resolv.conf"
    resolver.unlink(missing_ok=True)  # may be a link into the machine's /run
    resolver.write_text("# no name server in the lab\n")
    journal = root / "etc/systemd/journald.conf.d"
    journal.mkdir(exist_ok=True)
    (journal / "lab.conf").write_text(_JOURNAL)
