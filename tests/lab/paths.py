"""Where the lab keeps things: a cache that stays, and a state directory that exists while the lab runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_CACHE = "/var/cache/nova-watchdog-lab"
DEFAULT_STATE = "/run/nova-watchdog-lab"


@dataclass(frozen=True)
class Paths:
    """Directories of one lab. `state` is seen inside and outside its namespaces, `private` only inside."""

    repository: Path
    cache: Path
    state: Path

    @classmethod
    def from_environment(cls) -> Paths:
        """The directories named by LAB_CACHE and LAB_STATE, or the defaults."""
        return cls(
            repository=Path(__file__).resolve().parents[2],
            cache=Path(os.environ.get("LAB_CACHE", DEFAULT_CACHE)).absolute(),
            state=Path(os.environ.get("LAB_STATE", DEFAULT_STATE)).absolute(),
        )

    @property
    def private(self) -> Path:
        """Mount point of the lab's tmpfs: databases, overlays, private keys. Empty when seen from outside."""
        return self.state / "private"

    @property
    def logs(self) -> Path:
        """One log file a part, and those of the lab's own processes."""
        return self.state / "logs"

    @property
    def events(self) -> Path:
        """What the observer and the faults recorded, one JSON object a line."""
        return self.state / "events.jsonl"

    @property
    def socket(self) -> Path:
        """Where the supervisor listens."""
        return self.state / "supervisor.sock"

    @property
    def progress(self) -> Path:
        """Steps of `up`, one JSON object a line."""
        return self.state / "progress.jsonl"

    @property
    def keeper(self) -> Path:
        """Process ids of the keeper and of the lab's init, as the machine numbers them."""
        return self.state / "keeper.json"

    @property
    def topology(self) -> Path:
        """What was asked for at `up`."""
        return self.state / "topology.json"

    @property
    def tools(self) -> Path:
        """What `prepare` made for this lab: paths into the cache."""
        return self.state / "tools.json"

    def control_socket(self, vcenter: str) -> Path:
        """Control socket of one simulated vCenter."""
        return self.state / f"{vcenter}.sock"
