"""How big the lab is, and what follows from it: names, addresses, identities and pairings."""

from __future__ import annotations

import string
import uuid
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, TypeVar

from lab.errors import LabError

SERVERS_ADDRESS = "192.0.2.1"
"""All servers of the cloud listen here: the bridge's own address, in a network made for documentation."""
PREFIX_LENGTH = 24
HOSTS_PER_CLUSTER = 2
_IDENTITIES = uuid.UUID("6f1ee0c7-6a2f-4a5c-9d3b-0b6b7d1a90aa")
_MAX_PAGER_FASTER = 15  # a scrape a second
_ETCD_SIZES = (0, 1, 3, 5)
_MAX_CONTROLLERS, _MAX_VCENTERS, _MAX_CLUSTERS = 9, 9, len(string.ascii_lowercase)


@dataclass(frozen=True)
class Controller:
    """A machine that runs nova-compute units and the daemon."""

    name: str
    address: str

    @property
    def machine_id(self) -> str:
        """The fixed content of its /etc/machine-id."""
        return uuid.uuid5(_IDENTITIES, self.name).hex


@dataclass(frozen=True)
class EtcdMember:
    """One member of the etcd that the controllers share."""

    name: str
    address: str


@dataclass(frozen=True)
class VCenter:
    """One simulated vCenter with its own address on the bridge; its clusters are DC0_C0, DC0_C1, ..."""

    name: str
    address: str
    clusters: int

    @property
    def esx_domain(self) -> str:
        """The domain of its ESX hosts, so that no two vCenters name theirs alike."""
        return f"{self.name}.lab"

    @property
    def esx_names(self) -> tuple[str, ...]:
        """Names of its ESX hosts: nova uploads images to a host by name; the simulator answers for all."""
        return tuple(
            f"dc0-c{c}-h{h}.{self.esx_domain}" for c in range(self.clusters) for h in range(HOSTS_PER_CLUSTER)
        )

    @property
    def certificate(self) -> str:
        """Name, without its ending, of its certificate's files; the content depends on its hosts' names."""
        return f"{self.esx_domain}-{self.clusters}"

    @property
    def instance_uuid(self) -> str:
        """The vCenter's fixed instanceUuid, a part of every hypervisor's name in Nova."""
        return str(uuid.uuid5(_IDENTITIES, self.name))


@dataclass(frozen=True)
class Pairing:
    """One nova-compute service and the vSphere cluster behind it."""

    name: str
    vcenter: VCenter
    cluster: str

    @property
    def host(self) -> str:
        """Nova's `host`: the service's identity."""
        return f"vcenter-{self.name}"

    @property
    def unit(self) -> str:
        """The systemd unit that runs it on a controller."""
        return f"nova-compute@{self.name}.service"

    @property
    def compute_id(self) -> str:
        """The node's UUID, the same on every controller (nova refuses to start otherwise)."""
        return str(uuid.uuid5(_IDENTITIES, self.host))


@dataclass(frozen=True)
class Topology:
    """The parameters of `up`.

    `policy` is the body of the daemon's [policy] table, `extra_toml` further tables of its configuration;
    `pager` adds Prometheus, Alertmanager and the recording receiver, `pager_faster` times as fast as in a
    real cloud. With `etcd` members, that many, the controllers share their pairings: one holds, others
    stand by.
    """

    controllers: int = 1
    clusters: int = 2
    vcenters: int = 1
    daemon: bool = True
    policy: str = ""
    extra_toml: str = ""
    pager: bool = False
    pager_faster: int = 15
    etcd: int = 0

    def __post_init__(self) -> None:
        for key, value, most in (
            ("controllers", self.controllers, _MAX_CONTROLLERS),
            ("clusters", self.clusters, _MAX_CLUSTERS),
            ("vcenters", self.vcenters, _MAX_VCENTERS),
            ("pager_faster", self.pager_faster, _MAX_PAGER_FASTER),
        ):
            if not 1 <= value <= most:
                raise LabError(f"{key} = {value}: allowed is 1 to {most}")
        if self.vcenters > self.clusters:
            raise LabError(
                f"vcenters = {self.vcenters}: allowed is at most one for each of {self.clusters} clusters"
            )
        if self.etcd not in _ETCD_SIZES:
            raise LabError(f"etcd = {self.etcd}: allowed is {', '.join(map(str, _ETCD_SIZES))}")
        if self.pager and not self.daemon:
            raise LabError("pager: allowed is only a lab with the daemon, which it scrapes")

    @cached_property
    def controller_list(self) -> tuple[Controller, ...]:
        """ctl1 at .11, ctl2 at .12, ..."""
        return tuple(Controller(f"ctl{n}", f"192.0.2.{10 + n}") for n in range(1, self.controllers + 1))

    @cached_property
    def etcd_list(self) -> tuple[EtcdMember, ...]:
        """etcd1 at .31, etcd2 at .32, ..."""
        return tuple(EtcdMember(f"etcd{n}", f"192.0.2.{30 + n}") for n in range(1, self.etcd + 1))

    @property
    def shares_pairings(self) -> bool:
        """Whether the controllers' daemons know of each other, and nova-compute's units are managed."""
        return self.daemon and self.etcd > 0

    @cached_property
    def vcenter_list(self) -> tuple[VCenter, ...]:
        """vcenter1 at .101, ...; clusters are dealt out in blocks, the first vCenters take one more."""
        share, rest = divmod(self.clusters, self.vcenters)
        return tuple(
            VCenter(f"vcenter{n}", f"192.0.2.{100 + n}", share + (1 if n <= rest else 0))
            for n in range(1, self.vcenters + 1)
        )

    @cached_property
    def pairings(self) -> tuple[Pairing, ...]:
        """cluster-a, cluster-b, ... in the order of vCenters and their clusters."""
        places = [(v, f"DC0_C{n}") for v in self.vcenter_list for n in range(v.clusters)]
        names = [f"cluster-{letter}" for letter in string.ascii_lowercase]
        return tuple(Pairing(name, v, c) for name, (v, c) in zip(names, places, strict=False))

    def pairing(self, name: str) -> Pairing:
        """The pairing of that name, or an error that lists what exists."""
        return _named(self.pairings, "pairing", name)

    def controller(self, name: str) -> Controller:
        """The controller of that name, or an error that lists what exists."""
        return _named(self.controller_list, "controller", name)

    def vcenter(self, name: str) -> VCenter:
        """The vCenter of that name, or an error that lists what exists."""
        return _named(self.vcenter_list, "vcenter", name)

    def etcd_member(self, name: str) -> EtcdMember:
        """The member of that name, or an error that lists what exists."""
        return _named(self.etcd_list, "member", name)

    def to_json(self) -> dict[str, Any]:
        """The parameters alone; everything else follows."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Topology:
        """The inverse of `to_json`."""
        return cls(**data)


_Named = TypeVar("_Named", Controller, EtcdMember, VCenter, Pairing)


def _named(items: tuple[_Named, ...], kind: str, name: str) -> _Named:
    for item in items:
        if item.name == name:
            return item
    raise LabError(f"{kind} = {name!r}: allowed is {', '.join(i.name for i in items) or 'none in this lab'}")
