"""The list of faults and the checks of their arguments."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from lab.errors import LabError
from lab.faults.model import Arguments, Fault, Parameter
from lab.faults.registry import FAULTS
from lab.topology import Topology

if TYPE_CHECKING:
    from lab.cloud import Cloud

_CLOUD = cast(
    "Cloud", SimpleNamespace(site=SimpleNamespace(topology=Topology(controllers=2, vcenters=2, etcd=3)))
)
_WANTED = {
    *("kill", "stop-process", "slow-compute", "nova-conf-broken"),
    *("service-disabled", "forced-down", "cell-down"),
    *("vcenter-refused", "vcenter-silent", "vcenter-503", "vcenter-slow", "vcenter-wrong-password"),
    *("vcenter-drop-sessions", "vcenter-cert-expiring", "vcenter-cert-expired"),
    *("vcenter-no-session-privilege", "drs-off", "drs-manual", "host-disconnected", "host-maintenance"),
    *("datastore-lost", "datastore-full", "datastore-not-shared", "cluster-gone", "cluster-recreated"),
    *(
        "nova-api-stopped",
        "keystone-stopped",
        "conductor-stopped",
        "conductor-frozen",
        "rabbitmq-stopped",
        "rabbitmq-memory-alarm",
        "rabbitmq-disk-alarm",
    ),
    *("controller-killed", "controller-frozen", "controller-reboot"),
    *("controller-cut", "controller-one-way", "controller-cut-from"),
    *("daemon-killed", "daemon-stopped", "daemon-crash-loop", "unit-slow-stop"),
    *("etcd-member-killed", "etcd-member-frozen", "etcd-leader-moved", "etcd-leader-disk-frozen"),
    "etcd-all-stopped",
}
_ONE_SHOT = {"kill", "vcenter-drop-sessions", "daemon-killed", "etcd-leader-moved"}


def _example(parameter: Parameter) -> str:
    if parameter.choices:
        return parameter.choices[0]
    examples = {"pairing": "cluster-a", "vcenter": "vcenter2", "controller": "ctl1", "member": "etcd2"}
    return examples.get(parameter.kind, "3")


def _nothing(_cloud: Cloud, _arguments: Arguments) -> None:
    """An injection that does nothing."""


def test_every_fault_the_lab_promises_is_there() -> None:
    """The names that `lab fault --list` prints."""
    assert set(FAULTS) == _WANTED


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_says_in_one_sentence_what_will_happen(fault: Fault) -> None:
    """Every placeholder of the sentence is one of its parameters, and it ends as a sentence does."""
    arguments = {parameter.name: _example(parameter) for parameter in fault.parameters}
    sentence = fault.explain(fault.arguments(_CLOUD, arguments))
    assert sentence.endswith(".")
    assert "{" not in sentence


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_unknown_argument_is_refused(fault: Fault) -> None:
    """A misspelled argument never silently becomes a default."""
    with pytest.raises(LabError, match="unknown argument 'colour'"):
        fault.arguments(_CLOUD, {"colour": "red"})


def test_a_missing_argument_is_asked_for_with_what_is_allowed() -> None:
    """`lab fault kill` lists the pairings."""
    with pytest.raises(LabError, match=r"needs pairing=.*allowed is cluster-a, cluster-b"):
        FAULTS["kill"].arguments(_CLOUD, {})


def test_a_pairing_that_does_not_exist_is_refused() -> None:
    """With the names of those that do."""
    with pytest.raises(LabError, match="allowed is cluster-a, cluster-b"):
        FAULTS["kill"].arguments(_CLOUD, {"pairing": "cluster-z"})


def test_what_is_none_of_the_choices_is_refused_with_them() -> None:
    """A direction that does not exist would otherwise cut nothing."""
    fault = FAULTS["controller-one-way"]
    with pytest.raises(LabError, match="direction = 'up': allowed is out, in"):
        fault.arguments(_CLOUD, {"controller": "ctl2", "direction": "up"})
    with pytest.raises(LabError, match=r"needs direction=.*allowed is out, in"):
        fault.arguments(_CLOUD, {"controller": "ctl2"})


def test_a_lab_without_etcd_has_no_member_to_kill() -> None:
    """The refusal says so in place of an empty list."""
    small = cast("Cloud", SimpleNamespace(site=SimpleNamespace(topology=Topology())))
    with pytest.raises(LabError, match="member = 'etcd1': allowed is none in this lab"):
        FAULTS["etcd-member-killed"].arguments(small, {})


def test_a_vcenter_is_the_first_one_unless_another_is_named() -> None:
    """The usual lab has one."""
    fault = FAULTS["vcenter-refused"]
    assert fault.arguments(_CLOUD, {}) == {"vcenter": "vcenter1"}
    assert fault.arguments(_CLOUD, {"vcenter": "vcenter2"}) == {"vcenter": "vcenter2"}


@pytest.mark.parametrize("value", ["soon", "-1", "0", "nan", "inf"])
def test_a_number_must_be_a_positive_number(value: str) -> None:
    """Before anything is sent to the simulator."""
    with pytest.raises(LabError, match="allowed is a positive number"):
        FAULTS["vcenter-slow"].arguments(_CLOUD, {"delay": value})


def test_only_faults_that_leave_nothing_behind_are_one_shot() -> None:
    """All others can be taken back."""
    assert {name for name, fault in FAULTS.items() if fault.one_shot} == _ONE_SHOT


def test_a_fault_without_parameters_takes_none() -> None:
    """The refusal says so."""
    with pytest.raises(LabError, match="allowed is no argument"):
        Fault("x", "X.", _nothing).arguments(_CLOUD, {"pairing": "cluster-a"})
