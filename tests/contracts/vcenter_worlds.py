"""The worlds in which the contract of a vCenter is tested."""

from __future__ import annotations

from contracts.waiting import PATIENCE_S
from fakes.clock import FakeClock
from fakes.vcenter import FakeVCenter
from lab.vcsim.process import ADDRESS, INSTANCE_UUID, PASSWORD, USER, VCenter
from nova_watchdog.adapters.vcenter import PyvmomiVCenter

# For tests of silence, which last that long. Where answers are due, a slow machine gets its time.
SHORT_S = 2.0
CLUSTERS = ("DC0_C0", "DC0_C1")


class FakeWorld:
    """The fake is both the port and the vCenter."""

    uuid = "fake-uuid"

    def __init__(self) -> None:
        self.port = FakeVCenter(
            {"DC0_C0": "domain-c1", "DC0_C1": "domain-c2", "DC0_C9": "domain-c9"}, configured=CLUSTERS
        )

    @property
    def moids(self) -> dict[str, str]:
        return {name: moid for name, moid in self.port.clusters.items() if name in CLUSTERS}

    async def close(self) -> None:
        """Nothing to close."""

    def logins(self) -> int:
        return self.port.logins

    def cut(self) -> None:
        self.port.cut()

    def restore(self) -> None:
        self.port.heal()

    def drop_sessions(self) -> None:
        self.port.drop_sessions()

    def remove_cluster(self, name: str) -> None:
        del self.port.clusters[name]

    def use_wrong_password(self) -> None:
        self.port.refuse_login()

    def use_right_password(self) -> None:
        self.port.correct_password()


class SimulatorWorld:
    """The real adapter against govmomi's simulator, over TLS that it verifies."""

    uuid = INSTANCE_UUID

    def __init__(self, vcenter: VCenter, *, timeout_s: float = PATIENCE_S) -> None:
        self.vcenter = vcenter
        self.password = PASSWORD
        self.clock = FakeClock()
        self._earlier = len(vcenter.logged())
        self.port = PyvmomiVCenter(
            ADDRESS,
            vcenter.port,
            USER,
            lambda: self.password,
            CLUSTERS,
            ca_file=vcenter._ca,
            insecure=False,
            timeout_s=timeout_s,
            clock=self.clock,
        )

    @property
    def moids(self) -> dict[str, str]:
        return {cluster["name"]: cluster["moid"] for cluster in self.vcenter.state()["clusters"]}

    async def close(self) -> None:
        await self.port.close()

    def requests(self) -> list[str]:
        """The methods called since the last time this was asked."""
        logged = self.vcenter.logged()
        new, self._earlier = logged[self._earlier :], len(logged)
        return [entry["method"] for entry in new]

    def logins(self) -> int:
        return self.requests().count("Login")

    def cut(self) -> None:
        self.vcenter.fault("refused")

    def restore(self) -> None:
        self.vcenter.clear()

    def drop_sessions(self) -> None:
        self.vcenter.fault("drop-sessions")

    def remove_cluster(self, name: str) -> None:
        self.vcenter.fault("cluster-gone", cluster=name)

    def use_wrong_password(self) -> None:
        self.password = "wrong"
        self.vcenter.fault("drop-sessions")

    def use_right_password(self) -> None:
        self.password = PASSWORD
