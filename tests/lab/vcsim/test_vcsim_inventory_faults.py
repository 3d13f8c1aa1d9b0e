"""Faults of clusters, datastores and sessions that a monitoring client must tell apart."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from pyVmomi import vim, vmodl

from lab.vcsim.clients import clusters, unchanged
from lab.vcsim.process import SESSION_USER

if TYPE_CHECKING:
    from lab.vcsim.process import VCenter

pytestmark = pytest.mark.lab

collector: Any = vmodl.query.PropertyCollector  # pyvmomi has no types of its own


def test_drs_manual_on_one_cluster_only(vcenter: VCenter) -> None:
    """DRS stays on and only recommends; both of vCenter's properties say so."""
    found = clusters(vcenter.login())
    with unchanged(vcenter, "DC0_C1"):
        vcenter.fault("drs-manual", cluster="DC0_C0")
        for drs in (found["DC0_C0"].configurationEx.drsConfig, found["DC0_C0"].configuration.drsConfig):
            assert (drs.enabled, drs.defaultVmBehavior) == (True, "manual")
        vcenter.fault("drs-manual", cluster="DC0_C0", behavior="partiallyAutomated")
        assert found["DC0_C0"].configurationEx.drsConfig.defaultVmBehavior == "partiallyAutomated"
    vcenter.fault("drs-manual", on=False, cluster="DC0_C0")
    assert found["DC0_C0"].configurationEx.drsConfig.defaultVmBehavior == "fullyAutomated"


def test_drs_off_and_manual_are_taken_back_each_by_itself(vcenter: VCenter) -> None:
    """In either order the other one stays in force."""
    cluster = clusters(vcenter.login())["DC0_C0"]
    vcenter.fault("drs-manual", cluster="DC0_C0")
    vcenter.fault("drs-off", cluster="DC0_C0")
    vcenter.fault("drs-manual", on=False)
    assert cluster.configurationEx.drsConfig.enabled is False
    vcenter.fault("drs-off", on=False)
    drs = cluster.configurationEx.drsConfig
    assert (drs.enabled, drs.defaultVmBehavior) == (True, "fullyAutomated")


def test_host_in_maintenance_mode_stays_connected(vcenter: VCenter) -> None:
    """The cluster has one effective host less."""
    cluster = clusters(vcenter.login())["DC0_C0"]
    with unchanged(vcenter, "DC0_C1"):
        vcenter.fault("host-maintenance", cluster="DC0_C0")
        assert [h.runtime.inMaintenanceMode for h in cluster.host] == [True, False]
        assert {h.runtime.connectionState for h in cluster.host} == {"connected"}
        assert cluster.summary.numEffectiveHosts == 1
    vcenter.fault("host-maintenance", on=False)
    assert cluster.summary.numEffectiveHosts == 2


def test_datastore_full_leaves_so_many_percent(vcenter: VCenter) -> None:
    """In the summary and in the info, of the named datastore alone."""
    first, second = clusters(vcenter.login())["DC0_C0"].datastore
    with unchanged(vcenter, "DC0_C1"):
        vcenter.fault("datastore-full", cluster="DC0_C0", datastore=first.name, free=1)
        assert first.summary.freeSpace == first.info.freeSpace == first.summary.capacity // 100
        assert second.summary.freeSpace == 800 * 2**30
    vcenter.fault("datastore-full", on=False)
    assert first.summary.freeSpace == 800 * 2**30


def test_datastore_not_shared_is_gone_from_the_last_host(vcenter: VCenter) -> None:
    """Neither side lists the other any more, while the datastore stays accessible."""
    cluster = clusters(vcenter.login())["DC0_C0"]
    (datastore, other), (first, last) = cluster.datastore, cluster.host
    with unchanged(vcenter, "DC0_C1"):
        vcenter.fault("datastore-not-shared", cluster="DC0_C0", datastore=datastore.name)
        assert [mount.key for mount in datastore.host] == [first]
        assert list(last.datastore) == [other]
        assert list(first.datastore) == [datastore, other]
        assert datastore.summary.accessible
    vcenter.fault("datastore-not-shared", on=False)
    assert [mount.key for mount in datastore.host] == [first, last]
    assert list(last.datastore) == [datastore, other]


def test_datastore_faults_combine(vcenter: VCenter) -> None:
    """Lost, full and not shared: each is taken back without the others."""
    datastore = clusters(vcenter.login())["DC0_C0"].datastore[0]
    for name in ("datastore-lost", "datastore-full", "datastore-not-shared"):
        vcenter.fault(name, cluster="DC0_C0")
    vcenter.fault("datastore-lost", on=False)
    assert datastore.summary.accessible
    assert [mount.mountInfo.accessible for mount in datastore.host] == [True]
    assert datastore.summary.freeSpace < 800 * 2**30


def test_cluster_recreated_has_another_moid_and_the_same_contents(vcenter: VCenter) -> None:
    """The old moid means nothing; hosts, pool and datastores belong to the new one; the clear undoes it."""
    content = vcenter.login()
    before = clusters(content)["DC0_C0"]
    hosts, datastores = list(before.host), list(before.datastore)
    with unchanged(vcenter, "DC0_C1"):
        vcenter.fault("cluster-recreated", cluster="DC0_C0")
        after = clusters(content)["DC0_C0"]
        assert after._moId != before._moId
        assert after._moId.startswith("domain-c")
        with pytest.raises(vmodl.fault.ManagedObjectNotFound):
            _ = before.name
        assert (list(after.host), list(after.datastore)) == (hosts, datastores)
        assert {host.parent for host in after.host} == {after}
        assert after.resourcePool.owner == after.resourcePool.parent == after
    vcenter.fault("cluster-recreated", on=False)
    assert clusters(content)["DC0_C0"] == before
    assert before.resourcePool.owner == before
    assert {host.parent for host in before.host} == {before}


def test_cluster_recreated_again_never_gets_a_moid_twice(vcenter: VCenter) -> None:
    """As in a vCenter."""
    seen = set()
    for _ in range(3):
        vcenter.fault("cluster-recreated", cluster="DC0_C0")
        seen.add(clusters(vcenter.login())["DC0_C0"]._moId)
        vcenter.clear()
    assert len(seen) == 3


def test_a_recreated_cluster_keeps_the_other_faults_of_its_hosts(vcenter: VCenter) -> None:
    """And they can be taken back while it is another."""
    content = vcenter.login()
    vcenter.fault("drs-off", cluster="DC0_C0")
    vcenter.fault("cluster-recreated", cluster="DC0_C0")
    cluster = clusters(content)["DC0_C0"]
    assert cluster.configurationEx.drsConfig.enabled is False
    vcenter.fault("drs-off", on=False)
    assert cluster.configurationEx.drsConfig.enabled is True


def test_a_cluster_that_is_gone_cannot_be_recreated(vcenter: VCenter) -> None:
    """The refusal says what to do."""
    vcenter.fault("cluster-gone", cluster="DC0_C0")
    status, answer = vcenter.control("POST", "/fault", name="cluster-recreated", on=1, cluster="DC0_C0")
    assert status == 400
    assert "take that back first" in answer["error"]


def test_without_the_privilege_only_the_list_of_sessions_is_withheld(vcenter: VCenter) -> None:
    """By direct access with a fault, by the property collector with a missing property."""
    content = vcenter.login()
    vcenter.fault("no-session-privilege")
    with pytest.raises(vim.fault.NoPermission):
        _ = content.sessionManager.sessionList
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=content.sessionManager)],
        propSet=[collector.PropertySpec(type=vim.SessionManager, pathSet=["sessionList", "currentSession"])],
    )
    (item,) = content.propertyCollector.RetrievePropertiesEx([spec], collector.RetrieveOptions()).objects
    assert [one.name for one in item.propSet] == ["currentSession"]
    (missing,) = item.missingSet
    assert missing.path == "sessionList"
    assert missing.fault.privilegeId == "Sessions.TerminateSession"
    vcenter.fault("no-session-privilege", on=False)
    assert content.sessionManager.sessionList


def test_aged_sessions_were_idle_for_longer_and_wake_with_a_call(vcenter: VCenter) -> None:
    """The calls counted stay as they are."""
    content = vcenter.login()
    mine = content.sessionManager.currentSession.key
    assert vcenter.fault("age-sessions", by="20m") == {}
    told = next(one for one in vcenter.control("GET", "/sessions")[1] if mine.startswith(one["key"]))
    last = dt.datetime.fromisoformat(told["lastActiveTime"])
    assert 1200 <= (dt.datetime.now(dt.UTC) - last).total_seconds() < 1260
    assert told["userName"] == SESSION_USER
    own = content.sessionManager.currentSession
    assert (dt.datetime.now(dt.UTC) - own.lastActiveTime).total_seconds() < 60


def test_only_the_named_call_is_slow(vcenter: VCenter) -> None:
    """All others are answered at once."""
    service = vcenter.client(timeout_s=0.5)
    service.RetrieveContent().sessionManager.Login("nova@vsphere.local", "lab")
    vcenter.fault("slow", delay="30s", call="CurrentTime")
    assert service.RetrieveContent()
    with pytest.raises(TimeoutError):
        service.CurrentTime()
    vcenter.fault("slow", on=False)
    assert service.CurrentTime()


def test_properties_come_in_pages(vcenter: VCenter) -> None:
    """No page has more objects than asked for, together they are all; a token is good once."""
    content = vcenter.login()
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.ManagedEntity], recursive=True)
    wanted = {one._moId for one in view.view}
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=one) for one in view.view],
        propSet=[collector.PropertySpec(type=vim.ManagedEntity, pathSet=["name"])],
    )
    view.Destroy()
    pages = [content.propertyCollector.RetrievePropertiesEx([spec], collector.RetrieveOptions(maxObjects=3))]
    while token := pages[-1].token:
        pages.append(content.propertyCollector.ContinueRetrievePropertiesEx(token))
        with pytest.raises(vmodl.fault.InvalidArgument):
            content.propertyCollector.ContinueRetrievePropertiesEx(token)
    assert len(pages) == -(-len(wanted) // 3)
    assert all(len(page.objects) == 3 for page in pages[:-1])
    assert {item.obj._moId for page in pages for item in page.objects} == wanted


def test_pages_that_nobody_wants_can_be_cancelled(vcenter: VCenter) -> None:
    """Afterwards the token is good for nothing."""
    content = vcenter.login()
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=one) for one in clusters(content).values()],
        propSet=[collector.PropertySpec(type=vim.ClusterComputeResource, pathSet=["name"])],
    )
    options = collector.RetrieveOptions(maxObjects=1)
    token = content.propertyCollector.RetrievePropertiesEx([spec], options).token
    content.propertyCollector.CancelRetrievePropertiesEx(token)
    with pytest.raises(vmodl.fault.InvalidArgument):
        content.propertyCollector.ContinueRetrievePropertiesEx(token)
