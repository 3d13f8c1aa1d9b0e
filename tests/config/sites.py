"""A complete, right configuration to be broken piece by piece, and the data files that say how."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from nova_watchdog.config import ConfigError, Settings, load

NOVA_CONF = """\
[DEFAULT]
compute_driver = vmwareapi.VMwareVCDriver
transport_url = rabbit://nova:bus-password@192.0.2.1:5672/nova
my_ip = 192.0.2.11
"""

PAIRING_CONF = """\
[DEFAULT]
host = vcenter-{name}
state_path = /var/lib/nova-{name}
[vmware]
host_ip = vc1.example.org
host_username = nova@vsphere.local
host_password = vcenter-password
cluster_name = {name}
insecure = true
"""

TOML = """\
mode = "protect"
controller = "ctl1"
[openstack]
cloud = "lab"
clouds_file = "{root}/clouds.yaml"
[pairing.cluster-a]
unit = "nova-compute@cluster-a.service"
nova_config = ["{root}/nova.conf", "{root}/cluster-a.conf"]
[pairing.cluster-b]
unit = "nova-compute@cluster-b.service"
nova_config = ["{root}/nova.conf", "{root}/cluster-b.conf"]
[control]
socket = "{root}/control.sock"
[store]
path = "{root}/store.json"
"""


@dataclass(frozen=True)
class Site:
    """The files of one controller, below `root`."""

    root: Path

    @property
    def toml(self) -> Path:
        return self.root / "nova-watchdog.toml"

    def edit(self, name: str, changes: Mapping[str, str]) -> None:
        """Replace texts in a file; each has to be there."""
        path = self.root / name
        text = path.read_text()
        for old, new in changes.items():
            assert old in text, f"{old!r} is not in {name}"
            text = text.replace(old, new)
        path.write_text(text)

    def append(self, name: str, text: str) -> None:
        with (self.root / name).open("a") as file:
            file.write(text)

    def load(self) -> Settings:
        return load(self.toml)

    def mistakes(self) -> list[str]:
        """The lines that an operator gets, with the directory's name as `ROOT`."""
        with pytest.raises(ConfigError) as caught:
            self.load()
        return [line.replace(str(self.root), "ROOT") for line in str(caught.value).splitlines()]


@dataclass(frozen=True)
class Case:
    """One mistake: a replaced text in a right file, and the line that an operator gets."""

    old: str
    new: str
    line: str

    def change(self, root: Path) -> dict[str, str]:
        """The replacement for `Site.edit`."""
        return {self.old.replace("ROOT", str(root)): self.new.replace("ROOT", str(root))}


def cases(name: str) -> list[Case]:
    """The cases of a data file beside this one."""
    data = tomllib.loads((Path(__file__).parent / name).read_text())
    return [Case(**entry) for entry in data["mistake"]]
