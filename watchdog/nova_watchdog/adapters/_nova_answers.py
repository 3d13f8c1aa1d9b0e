"""Nova's answers as the core's words (Compute API reference).

Each function raises KeyError, TypeError, ValueError or AttributeError for what the reference does not say.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nova_watchdog.core.model import HostLoad, ServiceRecord, ServicesView, WorkloadView

COMPUTE = "nova-compute"
_CONDUCTOR = "nova-conductor"
_HIDDEN = "UNKNOWN"
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_Json = Mapping[str, Any]


def services_view(services: Iterable[_Json]) -> ServicesView:
    """`services` of "List Compute Services"."""
    services = list(services)
    readable = [service for service in services if not is_hidden(service)]
    conductors = [record(service) for service in readable if service["binary"] == _CONDUCTOR]
    computes = [record(service) for service in readable if service["binary"] == COMPUTE]
    return ServicesView(
        computes={compute.host: compute for compute in computes},
        conductors_up=sum(conductor.up for conductor in conductors),
        conductors=len(conductors),
        hidden=frozenset(
            str(service["host"])
            for service in services
            if is_hidden(service) and service["binary"] == COMPUTE
        ),
    )


def is_hidden(service: _Json) -> bool:
    """Whether it is the stub of a record in a cell that does not answer (microversion 2.69)."""
    return bool(service["status"] == _HIDDEN)


def record(service: _Json) -> ServiceRecord:
    """One element of `services` whose cell answers."""
    return ServiceRecord(
        service_id=str(service["id"]),
        host=str(service["host"]),
        up=service["state"] == "up",
        disabled=service["status"] == "disabled",
        disabled_reason=service["disabled_reason"] or "",
        forced_down=bool(service["forced_down"]),
        updated_at=service["updated_at"] or "",
    )


def workload_view(hypervisors: Iterable[_Json], builds_s: Mapping[str, Sequence[float]]) -> WorkloadView:
    """`hypervisors` of "List Hypervisors Details" (below microversion 2.88), and ages of builds by host."""
    instances: dict[str, int] = defaultdict(int)
    nodes: dict[str, list[str]] = defaultdict(list)
    ids: dict[str, list[str]] = defaultdict(list)
    for hypervisor in hypervisors:
        host = str(hypervisor["service"]["host"])
        instances[host] += int(hypervisor["running_vms"])
        nodes[host].append(str(hypervisor["hypervisor_hostname"]))
        ids[host] += [uuid for uuid in [str(hypervisor["id"]).lower()] if _UUID.fullmatch(uuid)]
    return WorkloadView(
        {
            host: HostLoad(
                instances=instances[host],
                nodes=tuple(sorted(names)),
                builds_s=tuple(sorted(builds_s.get(host, ()), reverse=True)),
                node_ids=tuple(sorted(ids[host])),
            )
            for host, names in nodes.items()
        }
    )


def builds_by_host(servers: Sequence[_Json], date: str) -> dict[str, list[float]]:
    """How long each of `servers` ("List Servers Detailed") is unchanged, in seconds, by its host.

    `date` is the answer's own Date header. A server that the scheduler has placed nowhere is nobody's.
    """
    now = email.utils.parsedate_to_datetime(date)
    ages_s: dict[str, list[float]] = defaultdict(list)
    for server in servers:
        if host := server.get("OS-EXT-SRV-ATTR:host"):
            age = now - dt.datetime.fromisoformat(server["updated"])
            ages_s[str(host)].append(max(0.0, age.total_seconds()))
    return dict(ages_s)
