"""What every part of a lab needs to know: its directories, its size, and the tools that `prepare` made."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.paths import Paths
from lab.topology import Topology


@dataclass(frozen=True)
class Tools:
    """Things in the cache, all readable by everyone. `daemon_venv` is None for a lab without the daemon."""

    openstack_venv: Path
    daemon_venv: Path | None
    vcsim: Path
    wsdl: Path
    certificates: Path
    seed: Path

    def save(self, path: Path) -> None:
        """Write for the supervisor."""
        path.write_text(json.dumps({k: None if v is None else str(v) for k, v in asdict(self).items()}))

    @classmethod
    def load(cls, path: Path) -> Tools:
        """Read what `save` wrote."""
        saved: dict[str, Any] = json.loads(path.read_text())
        saved = {key: None if value is None else Path(value) for key, value in saved.items()}
        return cls(**saved)


@dataclass(frozen=True)
class Site:
    """One lab."""

    paths: Paths
    topology: Topology
    tools: Tools

    @classmethod
    def load(cls) -> Site:
        """The lab whose state directory the environment names."""
        paths = Paths.from_environment()
        topology = Topology.from_json(json.loads(paths.topology.read_text()))
        return cls(paths, topology, Tools.load(paths.tools))

    def openstack(self, program: str) -> str:
        """Path of a program of the OpenStack venv."""
        return str(self.tools.openstack_venv / "bin" / program)

    def private(self, *parts: str) -> Path:
        """A directory on the lab's tmpfs, made if it is missing."""
        path = self.paths.private.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def log(self, name: str) -> Path:
        """The log file of a part."""
        return self.paths.logs / f"{name}.log"
