"""The running lab, seen from inside: its services and controllers, and the order in which they start."""

from __future__ import annotations

import functools
import sys
import time
from typing import TYPE_CHECKING

from lab import network
from lab.api import watchdog
from lab.api.http import HttpError
from lab.controllers import daemon, holding, nova_compute
from lab.controllers.machine import Machine
from lab.errors import LabError
from lab.parts import (
    alertmanager,
    etcd,
    mariadb,
    openstack,
    prometheus,
    rabbitmq,
    receiver,
    seed,
    vcenter,
)
from lab.processes import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.plan import Plan
    from lab.site import Site
    from lab.topology import Pairing, Topology

FIRST_HEARTBEAT_TIMEOUT_S = 120.0
DAEMON_TIMEOUT_S = 60.0
HOLDS_TIMEOUT_S = 120.0
_POLL_S = 0.25
WORKERS = ("nova-conductor", "nova-scheduler")


class Cloud:
    """All services and controllers of one lab. `services` is keyed by name."""

    def __init__(self, site: Site) -> None:
        self.site = site
        parts = [
            mariadb.service(site),
            rabbitmq.service(site),
            openstack.keystone(site),
            openstack.placement(site),
            openstack.nova_api(site),
            *(openstack.nova_worker(site, name) for name in WORKERS),
            openstack.images(site),
            *(vcenter.service(site, v) for v in site.topology.vcenter_list),
            *(etcd.service(site, member) for member in site.topology.etcd_list),
            observer(site),
        ]
        if site.topology.pager:
            parts += [receiver.service(site), alertmanager.service(site), prometheus.service(site)]
        self.services: dict[str, Service] = {part.name: part for part in parts}
        self.machines: dict[str, Machine] = {c.name: Machine(site, c) for c in site.topology.controller_list}

    @property
    def home(self) -> Machine:
        """The controller on which nova-computes are started at `up`, and which then holds them."""
        return next(iter(self.machines.values()))

    def plan(self, plan: Plan, say: Callable[[str], None]) -> None:
        """Add the steps of `up`, each with what it needs."""
        site, topology = self.site, self.site.topology
        addresses = [vcenter.address for vcenter in topology.vcenter_list]
        network.make_bridge([*addresses, *(member.address for member in topology.etcd_list)])
        openstack.write_configuration(site)
        vcenters = [v.name for v in topology.vcenter_list]
        plan.add("seed", lambda: seed.install(site, say))
        plan.add("mariadb", self.services["mariadb"].run, "seed")
        plan.add("rabbitmq", self.services["rabbitmq"].run)
        plan.add("images", self.services["images"].run)
        for name in vcenters:
            plan.add(name, self.services[name].run)
        self._plan_store(plan)
        for machine in self.machines.values():
            plan.add(machine.controller.name, functools.partial(self._boot, machine))
        for name in ("keystone", "placement", "nova-api"):
            plan.add(name, self.services[name].run, "mariadb")
        for name in WORKERS:
            plan.add(name, self.services[name].run, "mariadb")
        plan.add(
            "observer", self.services["observer"].start, "mariadb", "rabbitmq", *vcenters, *self.machines
        )
        home = self.home.controller.name
        units = [p.unit for p in topology.pairings]
        needs = ("rabbitmq", "placement", "keystone", "observer", *vcenters, home)
        plan.add("nova-compute units", lambda: self._start_units(units), *needs)
        for pairing in topology.pairings:
            heartbeat = functools.partial(self.wait_for_heartbeat, pairing, FIRST_HEARTBEAT_TIMEOUT_S)
            plan.add(f"heartbeat of {pairing.name}", heartbeat, "nova-compute units")
        if topology.daemon:
            self._plan_daemons(plan)

    def _plan_store(self, plan: Plan) -> None:
        members = [member.name for member in self.site.topology.etcd_list]
        for name in members:
            plan.add(name, self.services[name].run)
        if members:
            plan.add("etcd", lambda: etcd.require_login(self.site), *members)

    def _plan_daemons(self, plan: Plan) -> None:
        """Add the daemons and what looks at them. What runs by then is what a first holder takes."""
        topology, home = self.site.topology, self.home.controller.name
        store = ["etcd"] if topology.shares_pairings else []
        for machine in self.machines.values():
            start = functools.partial(daemon.start, machine)
            name = f"daemon on {machine.controller.name}"
            plan.add(name, start, "nova-api", "nova-compute units", machine.controller.name, *store)
        heartbeats = [f"heartbeat of {p.name}" for p in topology.pairings]
        plan.add("daemon sees all healthy", self._wait_for_daemon, f"daemon on {home}", *heartbeats)
        if topology.shares_pairings:
            plan.add("pairings are held", self._wait_for_holds, "daemon sees all healthy")
        if topology.pager:
            plan.add("receiver", self.services["receiver"].run)
            plan.add("alertmanager", self.services["alertmanager"].run)
            # last, so that the start itself raises no alert
            daemons = [f"daemon on {name}" for name in self.machines]
            plan.add("prometheus", self.services["prometheus"].run, "daemon sees all healthy", *daemons)

    def _boot(self, machine: Machine) -> None:
        machine.build()
        nova_compute.install(self.site, machine.controller, machine.root)
        daemon.install(self.site, machine.root)
        machine.boot()

    def _start_units(self, units: Sequence[str]) -> None:
        self.home.run("systemctl", "start", *units)

    def _wait_for_daemon(self) -> None:
        """Return when the daemon calls every pairing healthy; LabError with what it says instead."""
        deadline = time.monotonic() + DAEMON_TIMEOUT_S
        address, pairings = self.home.controller.address, len(self.site.topology.pairings)
        while reason := watchdog.unhealthy(address, pairings):
            if time.monotonic() > deadline:
                raise LabError(f"the daemon does not call all pairings healthy: {reason}")
            time.sleep(_POLL_S)

    def _wait_for_holds(self) -> None:
        """Return when the home controller holds every pairing, and all others could take it over."""
        deadline = time.monotonic() + HOLDS_TIMEOUT_S
        while not holding.is_held(self.home):
            if time.monotonic() > deadline:
                tokens = self.home.run("ls", holding.TOKENS, check=False).split()
                raise LabError(
                    f"{self.home.controller.name} does not hold all pairings: its tokens are {tokens}"
                )
            time.sleep(_POLL_S)
        topology = self.site.topology
        while reasons := self._unready(topology):
            if time.monotonic() > deadline:
                raise LabError(f"not every controller could take over: {', '.join(reasons)}")
            time.sleep(_POLL_S)

    def _unready(self, topology: Topology) -> list[str]:
        try:
            document = watchdog.status(self.home.controller.address)
        except HttpError as error:
            return [str(error)]
        found = [watchdog.unready(document, p.name, topology.controllers) for p in topology.pairings]
        return [reason for reason in found if reason]

    def wait_for_heartbeat(self, pairing: Pairing, timeout_s: float) -> None:
        """Return when the pairing's service has reported to Nova; LabError with its journal's end if not."""
        deadline = time.monotonic() + timeout_s
        while not self._reported(pairing):
            if not self.home.processes(pairing.unit) or time.monotonic() > deadline:
                journal = self.home.run(
                    "journalctl", "--no-pager", "--lines=20", "--output=cat", "--unit", pairing.unit
                )
                raise LabError(f"{pairing.unit} does not report to Nova; the end of its journal:\n{journal}")
            time.sleep(_POLL_S)

    def _reported(self, pairing: Pairing) -> bool:
        connection = mariadb.connect("nova")
        query = (
            "SELECT report_count FROM services WHERE host = %s AND `binary` = 'nova-compute' AND deleted = 0"
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(query, (pairing.host,))
            row = cursor.fetchone()
        return row is not None and row[0] > 0


def observer(site: Site) -> Service:
    """The process that records what happens."""
    return Service(
        "observer",
        [sys.executable, "-m", "lab.observer"],
        site.log("observer"),
        lambda: True,
        grace_s=2.0,
    )
