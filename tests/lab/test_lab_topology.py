"""What follows from the lab's parameters."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from lab.controllers import daemon
from lab.errors import LabError
from lab.paths import Paths
from lab.site import Site, Tools
from lab.topology import Topology

if TYPE_CHECKING:
    from pathlib import Path


def test_the_small_lab_has_one_controller_and_two_pairings_on_one_vcenter() -> None:
    """The default topology, spelled out."""
    topology = Topology()
    assert [(c.name, c.address) for c in topology.controller_list] == [("ctl1", "192.0.2.11")]
    assert [(v.name, v.address, v.clusters) for v in topology.vcenter_list] == [
        ("vcenter1", "192.0.2.101", 2)
    ]
    assert [(p.name, p.host, p.unit, p.cluster) for p in topology.pairings] == [
        ("cluster-a", "vcenter-cluster-a", "nova-compute@cluster-a.service", "DC0_C0"),
        ("cluster-b", "vcenter-cluster-b", "nova-compute@cluster-b.service", "DC0_C1"),
    ]


def test_the_large_lab_deals_its_clusters_out_over_both_vcenters() -> None:
    """Three controllers, ten clusters, two vCenters: five clusters each, cluster names start anew."""
    topology = Topology(controllers=3, clusters=10, vcenters=2)
    assert [c.address for c in topology.controller_list] == ["192.0.2.11", "192.0.2.12", "192.0.2.13"]
    assert [v.clusters for v in topology.vcenter_list] == [5, 5]
    first_of_second = topology.pairings[5]
    assert (first_of_second.name, first_of_second.cluster) == ("cluster-f", "DC0_C0")
    assert first_of_second.vcenter.name == "vcenter2"


def test_clusters_that_cannot_be_shared_equally_go_to_the_first_vcenters() -> None:
    """Seven over three are three, two and two; none is lost."""
    topology = Topology(clusters=7, vcenters=3)
    assert [v.clusters for v in topology.vcenter_list] == [3, 2, 2]
    assert len(topology.pairings) == 7


def test_identities_stay_the_same_from_one_lab_to_the_next() -> None:
    """Nova refuses a compute_id that changed, and tests compare moids and uuids over restarts."""
    first, second = Topology(clusters=3), Topology(clusters=3)
    assert [p.compute_id for p in first.pairings] == [p.compute_id for p in second.pairings]
    assert len({p.compute_id for p in first.pairings}) == 3
    assert first.vcenter_list[0].instance_uuid == second.vcenter_list[0].instance_uuid


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"controllers": 0}, "controllers = 0: allowed is 1 to 9"),
        ({"clusters": 27}, "clusters = 27: allowed is 1 to 26"),
        ({"clusters": 1, "vcenters": 2}, "at most one for each of 1 clusters"),
        ({"etcd": 2}, "etcd = 2: allowed is 0, 1, 3, 5"),
        ({"daemon": False, "pager": True}, "pager: allowed is only a lab with the daemon"),
    ],
)
def test_a_size_that_cannot_be_is_refused_with_what_can(parameters: dict[str, int], words: str) -> None:
    """One line that names the parameter and what is allowed."""
    with pytest.raises(LabError, match=words):
        Topology(**parameters)  # type: ignore[arg-type]  # all are numbers


def test_an_unknown_name_is_refused_with_the_names_that_exist() -> None:
    """`lab fault kill pairing=x` says which pairings there are."""
    with pytest.raises(LabError, match="allowed is cluster-a, cluster-b"):
        Topology().pairing("x")


def test_a_topology_survives_being_written_and_read() -> None:
    """The supervisor works with exactly what was asked for at `up`."""
    topology = Topology(2, 3, 1, policy="x = 1", extra_toml="[log]", pager=True, etcd=3)
    assert Topology.from_json(topology.to_json()) == topology


def test_controllers_share_their_pairings_where_there_is_etcd_and_a_daemon() -> None:
    """Members have addresses of their own, so that one of them alone can be cut off."""
    topology = Topology(controllers=3, etcd=3)
    assert [(m.name, m.address) for m in topology.etcd_list] == [
        ("etcd1", "192.0.2.31"),
        ("etcd2", "192.0.2.32"),
        ("etcd3", "192.0.2.33"),
    ]
    assert topology.shares_pairings
    assert not Topology(etcd=3, daemon=False).shares_pairings
    assert not Topology(controllers=3).shares_pairings


def test_the_daemons_configuration_names_every_member_of_etcd(tmp_path: Path) -> None:
    """And RabbitMQ's management API; a lab without etcd writes neither."""
    written = _configuration(tmp_path, Topology(etcd=3, policy="restart_window_s = 90\n[hold]\nkill_s = 3"))
    addresses = ["192.0.2.31", "192.0.2.32", "192.0.2.33"]
    assert written["etcd"]["endpoints"] == [f"https://{address}:2379" for address in addresses]
    assert written["rabbitmq_management"]["url"] == "http://192.0.2.1:15672"
    assert written["hold"] == {"kill_s": 3}
    assert not {"etcd", "rabbitmq_management"} & set(_configuration(tmp_path, Topology()))


def _configuration(directory: Path, topology: Topology) -> dict[str, Any]:
    tools = Tools(directory, None, directory, directory, directory, directory)
    return tomllib.loads(daemon.configuration(Site(Paths(directory, directory, directory), topology, tools)))


def test_the_daemons_configuration_ends_with_the_tables_asked_for(tmp_path: Path) -> None:
    """After the lab's own ones, so that it may hold any table that the lab does not write."""
    topology = Topology(policy="restart_window_s = 90", extra_toml='[log]\nlevel = "debug"\n')
    written = _configuration(tmp_path, topology)
    assert (written["policy"], written["log"]) == ({"restart_window_s": 90}, {"level": "debug"})
    assert list(written["pairing"]) == ["cluster-a", "cluster-b"]
