"""The worlds in which the contract of a vCenter is tested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from contracts.waiting import PATIENCE_S
from fakes.clock import FakeClock
from fakes.vcenter import FakeVCenter
from lab.vcsim.process import ADDRESS, INSTANCE_UUID, PASSWORD, USER, VCenter
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.vcenter import PyvmomiVCenter
from nova_watchdog.core.model import ClusterView, Datastore, VCenterSession

# For tests of silence, which last that long. Where answers are due, a slow machine gets its time.
SHORT_S = 2.0
CLUSTERS = ("DC0_C0", "DC0_C1")
DAY_S = 86400.0


class FakeWorld:
    """The fake is both the port and the vCenter."""

    uuid = "fake-uuid"

    def __init__(self) -> None:
        self.port = FakeVCenter(
            {"DC0_C0": "domain-c1", "DC0_C1": "domain-c2", "DC0_C9": "domain-c9"}, configured=CLUSTERS
        )
        self.port.own_address = "127.0.0.1"

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

    def recreate_cluster(self, name: str) -> None:
        self.port.clusters[name] = "domain-c100"

    def use_wrong_password(self) -> None:
        self.port.refuse_login()

    def use_right_password(self) -> None:
        self.port.correct_password()

    def hang_inspect(self) -> None:
        self.port.hang_inspect()

    def disable_drs(self, name: str) -> None:
        self._change(name, lambda view: replace(view, drs_enabled=False))

    def make_drs_manual(self, name: str) -> None:
        self._change(name, lambda view: replace(view, drs_behavior="manual"))

    def disconnect_host(self, name: str) -> None:
        self._change(name, lambda view: replace(view, connected=view.connected - 1))
        self._change_datastores(name, lambda one: replace(one, mounted_on=one.mounted_on - 1))

    def put_host_into_maintenance(self, name: str) -> None:
        self._change(name, lambda view: replace(view, in_maintenance=1))

    def lose_datastores(self, name: str) -> None:
        self._change_datastores(name, lambda one: replace(one, accessible=False, mounted_on=0))

    def fill_datastores(self, name: str) -> None:
        self._change_datastores(name, lambda one: replace(one, free_bytes=one.capacity_bytes // 50))

    def unshare_datastores(self, name: str) -> None:
        self._change_datastores(name, lambda one: replace(one, mounted_on=one.mounted_on - 1))

    def end_certificate_in(self, days: int) -> None:
        self.port.certificate_expires_in_s = days * DAY_S

    def deny_sessions(self) -> None:
        self.port.sessions = None

    def open_session(self, agent: str, *, idle_s: int) -> None:
        session = VCenterSession("127.0.0.1", agent, idle_s, 2, 1.0)
        self.port.sessions = (*(self.port.sessions or ()), session)

    def _change(self, name: str, change: Callable[[ClusterView], ClusterView]) -> None:
        self.port.views[name] = change(self.port.view(name))

    def _change_datastores(self, name: str, change: Callable[[Datastore], Datastore]) -> None:
        self._change(name, lambda view: replace(view, datastores=tuple(map(change, view.datastores))))


class SimulatorWorld:
    """The real adapter against govmomi's simulator, over TLS that it verifies."""

    uuid = INSTANCE_UUID

    def __init__(
        self,
        vcenter: VCenter,
        *,
        timeout_s: float = PATIENCE_S,
        inspect_timeout_s: float = PATIENCE_S,
        memory_file: Path | None = None,
    ) -> None:
        self.vcenter = vcenter
        self.password = PASSWORD
        # Of a certificate's end only the real time can tell; all else is told by monotonic time.
        self.clock = FakeClock(wall_s=SystemClock().wall_s())
        self._earlier = len(vcenter.logged())
        self.port = PyvmomiVCenter(
            ADDRESS,
            vcenter.port,
            USER,
            lambda: self.password,
            CLUSTERS,
            ca_file=vcenter.ca_file,
            insecure=False,
            timeout_s=timeout_s,
            clock=self.clock,
            inspect_timeout_s=inspect_timeout_s,
            memory_file=memory_file,
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

    def recreate_cluster(self, name: str) -> None:
        self.vcenter.fault("cluster-recreated", cluster=name)

    def use_wrong_password(self) -> None:
        self.password = "wrong"
        self.vcenter.fault("drop-sessions")

    def use_right_password(self) -> None:
        self.password = PASSWORD

    def hang_inspect(self) -> None:
        self.vcenter.fault("slow", delay="60s", call="CurrentTime")  # which no canary asks for

    def disable_drs(self, name: str) -> None:
        self.vcenter.fault("drs-off", cluster=name)

    def make_drs_manual(self, name: str) -> None:
        self.vcenter.fault("drs-manual", cluster=name)

    def disconnect_host(self, name: str) -> None:
        self.vcenter.fault("host-disconnected", cluster=name)

    def put_host_into_maintenance(self, name: str) -> None:
        self.vcenter.fault("host-maintenance", cluster=name)

    def lose_datastores(self, name: str) -> None:
        self.vcenter.fault("datastore-lost", cluster=name)

    def fill_datastores(self, name: str) -> None:
        self.vcenter.fault("datastore-full", cluster=name)

    def unshare_datastores(self, name: str) -> None:
        self.vcenter.fault("datastore-not-shared", cluster=name)

    def end_certificate_in(self, days: int) -> None:
        self.vcenter.fault("cert-expiring", days=days)

    def deny_sessions(self) -> None:
        self.vcenter.fault("no-session-privilege")

    def open_session(self, agent: str, *, idle_s: int) -> None:
        self.vcenter.login(agent=agent)
        self.vcenter.fault("age-sessions", by=f"{idle_s}s")
