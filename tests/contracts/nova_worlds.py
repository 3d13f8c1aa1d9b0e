"""The worlds in which the contract of Nova's services is tested."""

from __future__ import annotations

from pathlib import Path

from contracts.stand_ins.openstack import PASSWORD, OpenStackStandIn
from contracts.waiting import PATIENCE_S
from fakes.nova import FakeNova
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.nova import OpenStackServices
from nova_watchdog.ports import Clock

# For tests of silence, which last that long. Where answers are due, a slow machine gets its time.
SHORT_S = 0.4


def clouds_yaml(url: str, password: str = PASSWORD) -> str:
    """A clouds.yaml with one cloud, `lab`."""
    return (
        "clouds:\n  lab:\n    region_name: RegionOne\n    auth:\n"
        f"      auth_url: {url}/v3\n      username: watchdog\n      password: {password}\n"
        "      project_name: admin\n      user_domain_id: default\n      project_domain_id: default\n"
    )


class FakeWorld:
    """The fake is both the port and the cloud."""

    def __init__(self) -> None:
        self.nova = FakeNova("vcenter-cluster-a", "vcenter-cluster-b", conductors=2)
        self.port = self.nova

    async def close(self) -> None:
        """Nothing to close."""

    def fail(self) -> None:
        self.nova.fail()

    def heal(self) -> None:
        self.nova.heal()

    def lose_answers(self) -> None:
        self.nova.lose_answers()


class StandInWorld:
    """The real adapter against the stand-in."""

    def __init__(self, directory: Path, *, timeout_s: float = PATIENCE_S, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._timeout_s = timeout_s
        self.nova = FakeNova("vcenter-cluster-a", "vcenter-cluster-b", conductors=2)
        self.server = OpenStackStandIn(self.nova)
        self.clouds_file = directory / "clouds.yaml"

    async def open(self) -> StandInWorld:
        await self.server.start()
        self.clouds_file.write_text(clouds_yaml(self.server.url))
        self.port = OpenStackServices("lab", self.clouds_file, timeout_s=self._timeout_s, clock=self._clock)
        return self

    async def close(self) -> None:
        await self.port.close()
        await self.server.stop()

    def fail(self) -> None:
        self.server.get_status = 503

    def heal(self) -> None:
        self.server.get_status = self.server.put_status = None

    def lose_answers(self) -> None:
        self.server.put_status = 504
