"""Each fault does to clients what it says, touches nothing else, and is taken back without a trace."""

from __future__ import annotations

import datetime as dt
import http.client
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest
from pyVmomi import vim, vmodl

from lab.vcsim.clients import Held, clusters, unchanged

if TYPE_CHECKING:
    from lab.vcsim.process import VCenter

pytestmark = pytest.mark.lab

collector: Any = vmodl.query.PropertyCollector  # pyvmomi has no types of its own
_CUT = "reset|refused|EOF|end closed"  # a reset as TLS and HTTP clients put it


def test_refused_closes_the_port_and_keeps_the_state(vcenter: VCenter) -> None:
    """connect() gets ECONNREFUSED, open connections a reset; afterwards the old session goes on."""
    content = vcenter.login()
    raw = vcenter.tcp()
    vcenter.fault("refused")
    with pytest.raises(ConnectionRefusedError):
        vcenter.tcp()
    with pytest.raises(ConnectionResetError):
        raw.recv(1)
    raw.close()
    with pytest.raises(OSError, match=_CUT):
        clusters(content)
    vcenter.fault("refused", on=False)
    assert sorted(clusters(content)) == ["DC0_C0", "DC0_C1"]


def test_silent_accepts_and_hangs_in_the_handshake(vcenter: VCenter) -> None:
    """TCP connects, the TLS handshake never ends; it goes on when the fault clears."""
    vcenter.fault("silent")
    raw = vcenter.tcp()
    raw.settimeout(10)
    held = Held(lambda: vcenter.tls(raw))
    assert not held.returned_within(1.5)
    vcenter.fault("silent", on=False)
    assert held.returned_within(5)
    assert held.result.version() == "TLSv1.3"
    held.result.close()


def test_silent_freezes_calls_on_open_connections(vcenter: VCenter) -> None:
    """A call on an established connection is held, and answered after the thaw."""
    content = vcenter.login(timeout_s=20)
    clusters(content)
    vcenter.fault("silent")
    held = Held(lambda: sorted(clusters(content)))
    assert not held.returned_within(1.5)
    vcenter.fault("silent", on=False)
    assert held.returned_within(5)
    assert held.result == ["DC0_C0", "DC0_C1"]


def test_refused_while_silent_and_back(vcenter: VCenter) -> None:
    """Faults combine: a silent vCenter can be refused on top, and is silent again afterwards."""
    vcenter.fault("silent")
    assert set(vcenter.fault("refused")) == {"silent", "refused"}
    assert not vcenter.listens()
    vcenter.fault("refused", on=False)
    with pytest.raises(TimeoutError), vcenter.tcp() as raw:
        vcenter.tls(raw)
    vcenter.clear()
    vcenter.tls().close()


def test_status503_answers_everything_so(vcenter: VCenter) -> None:
    """SOAP and the WSDL answer 503, as a vCenter whose vpxd is down."""
    vcenter.fault("status503")
    connection = http.client.HTTPSConnection("127.0.0.1", vcenter.port, context=vcenter.trust())
    connection.request("GET", "/sdk/vimService.wsdl")
    assert connection.getresponse().status == 503
    connection.close()
    with pytest.raises(http.client.HTTPException, match="503"):
        vcenter.client().RetrieveContent()
    vcenter.fault("status503", on=False)
    vcenter.login()


def test_slow_delays_each_call(vcenter: VCenter) -> None:
    """Every SOAP call takes as much longer as was asked for."""
    client = vcenter.client()
    client.RetrieveContent()
    vcenter.fault("slow", delay="300ms")
    start = time.monotonic()
    client.RetrieveContent()
    assert time.monotonic() - start >= 0.3
    assert vcenter.fault("slow", on=False) == {}
    took_s = []
    for _ in range(10):  # a busy machine may make one of them slow
        start = time.monotonic()
        client.RetrieveContent()
        took_s.append(time.monotonic() - start)
    assert min(took_s) < 0.3


def test_wrong_password_lets_sessions_live(vcenter: VCenter) -> None:
    """A changed password refuses logins only; taken back, the old one works again."""
    content = vcenter.login()
    vcenter.fault("wrong-password")
    with pytest.raises(vim.fault.InvalidLogin):
        vcenter.login()
    assert clusters(content)
    vcenter.fault("wrong-password", on=False)
    vcenter.login()


def test_wrong_password_twice_is_still_taken_back(vcenter: VCenter) -> None:
    """Injecting a fault that is in force does not lose what was before it."""
    vcenter.fault("wrong-password")
    vcenter.fault("wrong-password")
    vcenter.fault("wrong-password", on=False)
    vcenter.login()


def test_drop_sessions_happens_once(vcenter: VCenter) -> None:
    """Every session is forgotten, nothing stays in force, and a new login works."""
    content = vcenter.login()
    assert vcenter.fault("drop-sessions") == {}
    assert vcenter.state()["sessions"] == 0
    with pytest.raises(vim.fault.NotAuthenticated):
        clusters(content)
    vcenter.login()


@pytest.mark.parametrize("days", [5, 40])
def test_cert_expiring_shows_a_trusted_certificate_near_its_end(vcenter: VCenter, days: int) -> None:
    """New connections see a certificate of the same authority and names that ends in so many days."""

    def days_left() -> float:
        with vcenter.tls() as connection:
            certificate = connection.getpeercert()
        assert certificate is not None
        end = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
        return (end - dt.datetime.now(dt.UTC).timestamp()) / 86400

    vcenter.fault("cert-expiring", days=days)
    assert days - 0.1 < days_left() <= days
    vcenter.fault("cert-expiring", on=False)
    assert days_left() > 300


def test_cert_expired_is_refused_by_clients(vcenter: VCenter) -> None:
    """A negative number of days is a certificate that has ended."""
    vcenter.fault("cert-expiring", days=-1)
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"), vcenter.tcp() as raw:
        vcenter.tls(raw)


def test_drs_off_on_one_cluster_only(vcenter: VCenter) -> None:
    """DRS of the named cluster is disabled, the other keeps its own."""
    found = clusters(vcenter.login())
    with unchanged(vcenter, "DC0_C1"):
        vcenter.fault("drs-off", cluster="DC0_C0")
        assert found["DC0_C0"].configurationEx.drsConfig.enabled is False
        assert found["DC0_C1"].configurationEx.drsConfig.enabled is True
    vcenter.fault("drs-off", on=False, cluster="DC0_C0")
    assert found["DC0_C0"].configurationEx.drsConfig.enabled is True


def test_host_disconnected_on_one_cluster_only(vcenter: VCenter) -> None:
    """The first host, or the named one, is not connected, and the cluster has one effective host less."""
    cluster = clusters(vcenter.login())["DC0_C0"]
    with unchanged(vcenter, "DC0_C1"):
        vcenter.fault("host-disconnected", cluster="DC0_C0")
        assert [h.runtime.connectionState for h in cluster.host] == ["disconnected", "connected"]
        assert [h.summary.runtime.connectionState for h in cluster.host] == ["disconnected", "connected"]
        assert cluster.summary.numEffectiveHosts == 1
        second = cluster.host[1].name
        vcenter.fault("host-disconnected", cluster="DC0_C0", host=second, state="notResponding")
        assert [h.runtime.connectionState for h in cluster.host] == ["disconnected", "notResponding"]
    vcenter.fault("host-disconnected", on=False, cluster="DC0_C0", host=second)
    assert [h.runtime.connectionState for h in cluster.host] == ["disconnected", "connected"]
    vcenter.fault("host-disconnected", on=False)
    assert [h.runtime.connectionState for h in cluster.host] == ["connected", "connected"]
    assert cluster.summary.numEffectiveHosts == 2


def test_datastore_lost_on_one_cluster_only(vcenter: VCenter) -> None:
    """A lost datastore is neither accessible nor mounted anywhere; the cluster's others stay."""
    cluster = clusters(vcenter.login())["DC0_C1"]
    first, second = cluster.datastore
    with unchanged(vcenter, "DC0_C0"):
        vcenter.fault("datastore-lost", cluster="DC0_C1", datastore=first.name)
        assert (first.summary.accessible, second.summary.accessible) == (False, True)
        assert not any(m.mountInfo.mounted or m.mountInfo.accessible for m in first.host)
        vcenter.fault("datastore-lost", cluster="DC0_C1")
        assert (first.summary.accessible, second.summary.accessible) == (False, False)
    vcenter.fault("datastore-lost", on=False, cluster="DC0_C1")
    assert all(m.mountInfo.mounted and m.mountInfo.accessible for m in first.host)
    assert (first.summary.accessible, second.summary.accessible) == (True, True)


def test_cluster_gone_comes_back_with_the_same_moid(vcenter: VCenter) -> None:
    """A removed cluster is nowhere, its moid means nothing; the clear brings the same objects back."""
    content = vcenter.login()
    before = clusters(content)
    gone, hosts = before["DC0_C0"], list(before["DC0_C0"].host)
    with unchanged(vcenter, "DC0_C1"):
        vcenter.fault("cluster-gone", cluster="DC0_C0")
        assert sorted(clusters(content)) == ["DC0_C1"]
        with pytest.raises(vmodl.fault.ManagedObjectNotFound):
            _ = gone.name
        with pytest.raises(vmodl.fault.ManagedObjectNotFound):
            _ = hosts[0].name
    vcenter.fault("cluster-gone", on=False, cluster="DC0_C0")
    after = clusters(content)
    assert {name: c._moId for name, c in after.items()} == {name: c._moId for name, c in before.items()}
    assert list(after["DC0_C0"].host) == hosts
    assert after["DC0_C0"].resourcePool.owner == gone


def test_cluster_renamed_keeps_its_moid(vcenter: VCenter) -> None:
    """With a new name the cluster is the same object."""
    content = vcenter.login()
    moid = clusters(content)["DC0_C0"]._moId
    vcenter.fault("cluster-gone", cluster="DC0_C0", rename="Production")
    assert clusters(content)["Production"]._moId == moid
    vcenter.fault("cluster-gone", on=False)
    assert clusters(content)["DC0_C0"]._moId == moid


def test_faults_of_all_kinds_at_once_are_all_taken_back(vcenter: VCenter) -> None:
    """One clear ends everything, whatever it was."""
    before = vcenter.state()["clusters"]
    of_clusters = (
        *("drs-off", "drs-manual", "host-disconnected", "host-maintenance", "datastore-lost"),
        *("datastore-full", "datastore-not-shared", "cluster-recreated", "cluster-gone"),
    )
    for name in of_clusters:
        for cluster in ("DC0_C0", "DC0_C1"):
            vcenter.fault(name, cluster=cluster)
    of_vcenters = (
        *("cert-expiring", "wrong-password", "no-session-privilege"),
        *("slow", "status503", "silent", "refused"),
    )
    for name in of_vcenters:
        vcenter.fault(name)
    assert set(vcenter.state()["faults"]) == {*of_clusters, *of_vcenters}
    vcenter.clear()
    assert vcenter.state()["clusters"] == before
    assert sorted(clusters(vcenter.login())) == ["DC0_C0", "DC0_C1"]


def test_waiting_for_updates_sees_a_fault(vcenter: VCenter) -> None:
    """A client that waits for updates learns of a change at once, and other calls go on meanwhile."""
    content = vcenter.login()
    cluster = clusters(content)["DC0_C0"]
    waiter = content.propertyCollector
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=cluster)],
        propSet=[collector.PropertySpec(type=vim.ClusterComputeResource, pathSet=["name"])],
    )
    waiter.CreateFilter(spec, partialUpdates=False)
    first = waiter.WaitForUpdatesEx(version="", options=None)
    held = Held(lambda: waiter.WaitForUpdatesEx(version=first.version, options=None))
    assert not held.returned_within(0.3)
    vcenter.fault("cluster-gone", cluster="DC0_C0", rename="Production")
    assert held.returned_within(5)
    change = held.result.filterSet[0].objectSet[0].changeSet[0]
    assert (change.name, change.val) == ("name", "Production")


def test_silence_does_not_reach_the_control_socket(vcenter: VCenter) -> None:
    """However many calls are held, faults can be taken back."""
    content = vcenter.login(timeout_s=20)
    vcenter.fault("silent")
    sockets: list[socket.socket] = [vcenter.tcp() for _ in range(20)]
    held = Held(lambda: clusters(content))
    assert not held.returned_within(0.5)
    assert len(vcenter.state()["clusters"]) == 2
    vcenter.clear()
    assert held.returned_within(5)
    for raw in sockets:
        raw.close()


def test_cluster_gone_takes_its_instances_along(vcenter: VCenter) -> None:
    """Virtual machines of a removed cluster are gone with it, and come back with it."""
    content = vcenter.login()
    cluster = clusters(content)["DC0_C0"]
    folder = content.rootFolder.childEntity[0].vmFolder
    machine: Any = vim.vm
    files = machine.FileInfo(vmPathName=f"[{cluster.datastore[0].name}]")
    folder.CreateVM_Task(
        config=machine.ConfigSpec(name="instance", files=files, guestId="otherGuest"),
        pool=cluster.resourcePool,
    )
    deadline = time.monotonic() + 5
    while not folder.childEntity:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (instance,) = folder.childEntity
    vcenter.fault("cluster-gone", cluster="DC0_C0")
    assert list(folder.childEntity) == []
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        _ = instance.name
    vcenter.clear()
    assert list(folder.childEntity) == [instance]
    assert instance.name == "instance"
    instance.Destroy_Task()
