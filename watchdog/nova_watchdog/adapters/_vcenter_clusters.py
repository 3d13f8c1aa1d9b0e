"""Which properties describe a cluster, and what they say. Pure, on what the property collector gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nova_watchdog.core.model import ClusterView, Datastore
from nova_watchdog.ports import ProbeError

from ._vcenter_sdk import moid, vim, vmodl

Properties = Mapping[str, Any]

_query: Any = vmodl.query.PropertyCollector
# `configuration` and not `configurationEx`: its declared type has a `drsConfig`, so that one path reads
# it alone; all of either would bring a line for each instance.
_DRS = "configuration.drsConfig"
_CONNECTION = "runtime.connectionState"
_MAINTENANCE = "runtime.inMaintenanceMode"
_KIND = "summary.type"
_CAPACITY = "summary.capacity"
_FREE = "summary.freeSpace"
_ACCESSIBLE = "summary.accessible"
_DATASTORE_MAINTENANCE = "summary.maintenanceMode"
_NORMAL = "normal"
_CONNECTED = "connected"


def property_specs() -> list[Any]:
    """The properties of clusters, hosts and datastores: these and no other."""
    wanted = {
        vim.ClusterComputeResource: ["name", _DRS, "host", "datastore"],
        vim.HostSystem: [_CONNECTION, _MAINTENANCE],
        vim.Datastore: ["name", _KIND, _CAPACITY, _FREE, _ACCESSIBLE, _DATASTORE_MAINTENANCE, "host"],
    }
    return [_query.PropertySpec(type=kind, pathSet=paths, all=False) for kind, paths in wanted.items()]


def traversals() -> list[Any]:
    """From a cluster to its hosts and its datastores."""
    return [
        _query.TraversalSpec(type=vim.ClusterComputeResource, path=path, skip=False)
        for path in ("host", "datastore")
    ]


def cluster_view(cluster_moid: str, found: Mapping[str, Properties]) -> ClusterView:
    """One cluster out of the properties by moid. Raises ProbeError where vCenter left one out."""
    cluster = found[cluster_moid]
    drs = _required(cluster, _DRS, "cluster")
    if drs.enabled is None or drs.defaultVmBehavior is None:
        raise ProbeError("vCenter does not tell how DRS is set")
    # A host that was removed between two pages is no part of the cluster any more.
    hosts = {moid(one): found[moid(one)] for one in cluster.get("host") or () if moid(one) in found}
    connected = {one for one, host in hosts.items() if _required(host, _CONNECTION, "host") == _CONNECTED}
    return ClusterView(
        moid=cluster_moid,
        drs_enabled=drs.enabled,
        drs_behavior=drs.defaultVmBehavior,
        hosts=len(hosts),
        connected=len(connected),
        in_maintenance=sum(1 for one in connected if hosts[one].get(_MAINTENANCE)),
        datastores=tuple(
            _datastore(found[moid(one)], connected)
            for one in cluster.get("datastore") or ()
            if moid(one) in found
        ),
    )


def _datastore(properties: Properties, connected: set[str]) -> Datastore:
    mounts: Sequence[Any] = properties.get("host") or ()
    return Datastore(
        name=_required(properties, "name", "datastore"),
        kind=_required(properties, _KIND, "datastore").lower(),
        capacity_bytes=properties.get(_CAPACITY, 0),  # of one that is not accessible it may not be known
        free_bytes=properties.get(_FREE, 0),
        accessible=_required(properties, _ACCESSIBLE, "datastore"),
        in_maintenance=properties.get(_DATASTORE_MAINTENANCE, _NORMAL) != _NORMAL,
        mounted_on=sum(1 for one in mounts if moid(one.key) in connected and _is_usable(one.mountInfo)),
    )


def _is_usable(mount: Any) -> bool:
    """Unset, as older hosts leave both, means yes."""
    return mount.mounted is not False and mount.accessible is not False


def _required(properties: Properties, path: str, kind: str) -> Any:
    if path not in properties:
        raise ProbeError(f"vCenter does not tell `{path}` of a {kind}")
    return properties[path]
