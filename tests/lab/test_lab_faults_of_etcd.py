"""Faults of etcd, by who leads it afterwards."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from lab.errors import LabError

if TYPE_CHECKING:
    from lab.client import Lab

pytestmark = [pytest.mark.lab, pytest.mark.failover]

_ELECTION_TIMEOUT_S = 15.0
_POLL_S = 0.1


def _wait_for_another_leader(lab: Lab, old: str | None) -> str:
    deadline = time.monotonic() + _ELECTION_TIMEOUT_S
    while (leader := lab.etcd_leader()) in (None, old):
        assert time.monotonic() < deadline, f"{old} led, {leader} leads"
        time.sleep(_POLL_S)
    assert leader is not None
    return leader


@pytest.mark.parametrize("fault", ["etcd-member-killed", "etcd-member-frozen"])
def test_without_its_leader_etcd_elects_another(lab: Lab, fault: str) -> None:
    """Two of three are a majority; the third comes back when the fault is cleared."""
    leader = lab.etcd_leader()
    with lab.fault(fault, member=leader):
        _wait_for_another_leader(lab, leader)
    assert all(lab.status()["parts"][member.name] for member in lab.topology.etcd_list)


def test_a_leader_whose_disk_is_frozen_lives_on_and_is_replaced(lab: Lab) -> None:
    """Its process goes on; the others no longer follow it."""
    leader = lab.etcd_leader()
    assert leader is not None
    before = lab.status()["parts"][leader]
    with lab.fault("etcd-leader-disk-frozen"):
        _wait_for_another_leader(lab, leader)
        assert lab.status()["parts"][leader] == before


def test_the_leadership_is_moved_in_order(lab: Lab) -> None:
    """To a member that had it not."""
    leader = lab.etcd_leader()
    lab.inject("etcd-leader-moved")
    assert lab.etcd_leader() not in (None, leader)


def test_all_of_etcd_is_gone_and_comes_back_with_what_it_kept(lab: Lab) -> None:
    """No member runs; afterwards there is a leader, and the daemons hold again: the fixture waits for it."""
    with lab.fault("etcd-all-stopped"):
        assert lab.etcd_leader() is None
        assert not any(lab.status()["parts"][member.name] for member in lab.topology.etcd_list)
        with pytest.raises(LabError, match="etcd1 is not running"):
            lab.inject("etcd-member-killed", member="etcd1")
    assert lab.etcd_leader() is not None
