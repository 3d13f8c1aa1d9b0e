"""Without faults the simulator behaves towards pyvmomi as a vCenter does."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING, Any

import pytest
from pyVmomi import vim, vmodl

from lab.vcsim import process
from lab.vcsim.clients import clusters

if TYPE_CHECKING:
    from lab.vcsim.process import VCenter

pytestmark = pytest.mark.lab

collector: Any = vmodl.query.PropertyCollector  # pyvmomi has no types of its own


def test_login_shows_the_fixed_instance_uuid(vcenter: VCenter) -> None:
    """The vCenter is told apart by the uuid it was started with."""
    assert vcenter.login().about.instanceUuid == process.INSTANCE_UUID


def test_wrong_password_is_an_invalid_login(vcenter: VCenter) -> None:
    """A wrong password and a wrong user get the fault that a vCenter sends."""
    with pytest.raises(vim.fault.InvalidLogin):
        vcenter.login(password="guess")
    content = vcenter.client().RetrieveContent()
    with pytest.raises(vim.fault.InvalidLogin):
        content.sessionManager.Login("somebody", process.PASSWORD)


def test_sessions_carry_address_agent_and_counted_calls(vcenter: VCenter) -> None:
    """A session shows where its client is, which program it is, and that it is at work."""
    content = vcenter.login()
    key = content.sessionManager.currentSession.key

    def session() -> Any:
        return next(s for s in content.sessionManager.sessionList if s.key == key)

    first = session()
    time.sleep(0.01)
    second = session()
    assert (first.userName, first.ipAddress) == (process.SESSION_USER, "127.0.0.1")
    assert first.userAgent.startswith("pyvmomi")
    assert second.callCount > first.callCount
    assert second.lastActiveTime > first.lastActiveTime
    assert second.loginTime == first.loginTime


def test_control_tells_sessions_without_their_keys(vcenter: VCenter) -> None:
    """The control API shows sessions, but no key that could be used."""
    key = vcenter.login().sessionManager.currentSession.key
    status, sessions = vcenter.control("GET", "/sessions")
    assert status == http.client.OK
    mine = next(s for s in sessions if key.startswith(s["key"]))
    assert len(mine["key"]) == 8
    assert mine["userName"] == process.SESSION_USER
    assert mine["ipAddress"] == "127.0.0.1"
    assert mine["callCount"] >= 1


def test_without_a_session_nothing_is_read(vcenter: VCenter) -> None:
    """Reads without a session get NotAuthenticated, by the property collector and by direct access."""
    content = vcenter.client().RetrieveContent()
    with pytest.raises(vim.fault.NotAuthenticated):
        content.viewManager.CreateContainerView(
            content.rootFolder, [vim.ClusterComputeResource], recursive=True
        )
    with pytest.raises(vim.fault.NotAuthenticated):
        _ = content.rootFolder.childEntity
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=content.rootFolder)],
        propSet=[collector.PropertySpec(type=vim.Folder, pathSet=["name"])],
    )
    with pytest.raises(vim.fault.NotAuthenticated):
        content.propertyCollector.RetrievePropertiesEx([spec], collector.RetrieveOptions())
    assert content.sessionManager.currentSession is None


def test_terminated_session_is_gone(vcenter: VCenter) -> None:
    """A session ended by another client is not authenticated any more."""
    victim, other = vcenter.login(), vcenter.login()
    other.sessionManager.TerminateSession([victim.sessionManager.currentSession.key])
    with pytest.raises(vim.fault.NotAuthenticated):
        clusters(victim)


def test_inventory_is_what_the_driver_and_the_checks_read(vcenter: VCenter) -> None:
    """Clusters have DRS, connected hosts, and datastores of their own that are mounted on each host."""
    found = clusters(vcenter.login())
    assert sorted(found) == ["DC0_C0", "DC0_C1"]
    for cluster in found.values():
        drs = cluster.configurationEx.drsConfig
        assert (drs.enabled, drs.defaultVmBehavior) == (True, "fullyAutomated")
        assert [h.runtime.connectionState for h in cluster.host] == ["connected"] * 2
        assert not any(h.runtime.inMaintenanceMode for h in cluster.host)
        assert cluster.summary.numEffectiveHosts == 2
        for datastore in cluster.datastore:
            assert datastore.name.startswith(cluster.name)
            summary = datastore.summary
            assert (summary.accessible, summary.type) == (True, "VMFS")
            assert 0 < summary.freeSpace < summary.capacity
            mounted = {m.key for m in datastore.host if m.mountInfo.accessible}
            assert mounted == set(cluster.host)


def test_moids_survive_a_restart(vcenter: VCenter) -> None:
    """The same flags give the same inventory, so that a restart is an outage and no new vCenter."""
    before = vcenter.state()["clusters"]
    assert before[0]["moid"] != before[1]["moid"]
    assert vcenter.stop() == 0
    vcenter.start()
    assert vcenter.state()["clusters"] == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"name": "nonsense", "on": 1}, "drop-sessions, drs-manual, drs-off"),
        ({"name": "drs-off", "on": 1, "cluster": "nonsense"}, "DC0_C0, DC0_C1"),
        ({"name": "drs-off", "on": 1}, "DC0_C0, DC0_C1"),
        ({"name": "drs-off", "on": 1, "clusters": "DC0_C0"}, "allowed are [cluster]"),
        ({"name": "refused", "on": "maybe"}, "1 (inject)"),
        ({"name": "slow", "on": 1, "delay": "long"}, "2s"),
        ({"name": "cert-expiring", "on": 1, "days": "soon"}, "whole number"),
        ({"name": "host-disconnected", "on": 1, "cluster": "DC0_C0", "host": "x"}, "DC0_C0_H0"),
        ({"name": "host-disconnected", "on": 1, "cluster": "DC0_C0", "state": "x"}, "notResponding"),
        ({"name": "datastore-lost", "on": 1, "cluster": "DC0_C0", "datastore": "x"}, "DC0_C0_DS0"),
    ],
)
def test_unknown_arguments_are_answered_with_what_is_allowed(
    vcenter: VCenter, arguments: dict[str, str | int], told: str
) -> None:
    """A mistake in a fault changes nothing and says what would be right."""
    status, answer = vcenter.control("POST", "/fault", **arguments)
    assert status == http.client.BAD_REQUEST
    assert told in answer["error"]
    assert vcenter.state()["faults"] == {}


def test_requests_are_logged_without_secrets(vcenter: VCenter) -> None:
    """Each request is one line that says what was asked by whom; keys are shortened, passwords absent."""
    content = vcenter.login()
    key = content.sessionManager.currentSession.key
    with pytest.raises(vim.fault.InvalidLogin):
        vcenter.login(password="guess-this")
    lines = vcenter.logged()
    failed = lines[-1]
    assert (failed["method"], failed["on"]) == ("Login", "SessionManager:SessionManager")
    assert (failed["code"], failed["fault"]) == (500, "InvalidLogin")
    mine = [line for line in lines if line.get("session") == key[:8]]
    assert mine[-1]["client"].startswith("127.0.0.1:")
    assert mine[-1]["agent"].startswith("pyvmomi")
    assert mine[-1]["ms"] >= 0
    text = vcenter.requests.read_text()
    assert key not in text
    assert "guess-this" not in text
