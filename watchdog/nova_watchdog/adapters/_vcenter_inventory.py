"""What changes slowly at a vCenter, over the session of the canary, in blocking calls.

Used from one thread only, which is another than the canary's. It has a stub of its own and never logs
in: without the canary's session there is no inventory.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from xml.parsers.expat import ExpatError

from nova_watchdog.core.model import ClusterView, InventoryView, VCenterSession
from nova_watchdog.ports import Clock, ProbeError

from ._vcenter_certificate import certificate_ends_at_wall_s
from ._vcenter_clusters import Properties, cluster_view, property_specs, traversals
from ._vcenter_sdk import AGENT, Endpoint, Ticket, fault_name, moid, network_reason, vim, vmodl

# Each answer holds at most so many objects. A datastore brings a line for each host that mounts it: 50
# of them on 64 hosts are about a megabyte.
_PAGE_OBJECTS = 50
_query: Any = vmodl.query.PropertyCollector


class VCenterInventory:
    """Reads clusters, certificate and sessions. `ticket` tells the canary's session, None without one."""

    def __init__(
        self, endpoint: Endpoint, username: str, *, ticket: Callable[[], Ticket | None], clock: Clock
    ) -> None:
        self._endpoint = endpoint
        self._username = username
        self._ticket = ticket
        self._clock = clock

    def read(self) -> InventoryView:
        """One look. Raises ProbeError."""
        ticket = self._ticket()
        if ticket is None:
            raise ProbeError("no session yet: the canary has not logged in")
        stub = self._endpoint.stub()
        stub.cookie = ticket.cookie
        try:
            service = vim.ServiceInstance("ServiceInstance", stub)
            content = service.RetrieveContent()
            clusters = self._clusters(content.propertyCollector, ticket.moids)
            listed, now = self._listed(service, content)
        except (OSError, http.client.HTTPException) as error:
            raise ProbeError(network_reason(error, self._endpoint.timeout_s)) from error
        except vmodl.MethodFault as error:
            raise ProbeError(f"vCenter answered with {fault_name(error)}") from error
        except ExpatError as error:
            raise ProbeError("the answer is not a vCenter's (no XML)") from error
        finally:
            stub.DropConnections()
        return InventoryView(
            content.about.instanceUuid or "",
            clusters,
            self._certificate(),
            None if listed is None else self._sessions(listed, now, ticket),
            _own_address(listed or (), ticket),
        )

    def _certificate(self) -> float | None:
        """Seconds until the presented certificate ends, None where it cannot be told."""
        try:
            ends_at_s = certificate_ends_at_wall_s(
                self._endpoint.address, self._endpoint.port, self._endpoint.timeout_s
            )
        except OSError:
            return None
        return None if ends_at_s is None else ends_at_s - self._clock.wall_s()

    def _clusters(self, collector: Any, moids: Mapping[str, str]) -> dict[str, ClusterView]:
        if not moids:
            return {}
        spec = _query.FilterSpec(
            objectSet=[
                _query.ObjectSpec(obj=vim.ClusterComputeResource(one), skip=False, selectSet=traversals())
                for one in moids.values()
            ],
            propSet=property_specs(),
            reportMissingObjectsInResults=True,  # one that is gone since the canary is left out
        )
        found = {moid(item.obj): _told(item) for item in _pages(collector, [spec])}
        return {
            name: cluster_view(one, found)
            for name, one in moids.items()
            if found.get(one, {}).get("name") == name
        }

    def _listed(self, service: Any, content: Any) -> tuple[Sequence[Any] | None, Any]:
        """Every session, None without the privilege to list them, and vCenter's time."""
        # Before the list: a call in between then counts as "just now", never as longer ago than it was.
        now = service.CurrentTime()
        spec = _query.FilterSpec(
            objectSet=[_query.ObjectSpec(obj=content.sessionManager)],
            propSet=[_query.PropertySpec(type=vim.SessionManager, pathSet=["sessionList"], all=False)],
        )
        try:
            (told,) = (_told(item) for item in _pages(content.propertyCollector, [spec]))
        except vim.fault.NotAuthenticated:
            raise  # a kind of NoPermission in vSphere's types, but it is the session that is gone
        except vim.fault.NoPermission:
            return None, now
        return told.get("sessionList"), now

    def _sessions(self, listed: Sequence[Any], now: Any, ticket: Ticket) -> tuple[VCenterSession, ...]:
        """The sessions of our account that are no watchdog's."""
        spellings = _spellings(self._username) | _spellings(ticket.user_name)
        return tuple(
            VCenterSession(
                ip_address=one.ipAddress or "",
                user_agent=one.userAgent or "",
                idle_s=max(0.0, (now - one.lastActiveTime).total_seconds()),
                calls=one.callCount or 0,
                age_s=max(0.0, (now - one.loginTime).total_seconds()),
            )
            for one in listed
            if one.userName.casefold() in spellings
            and one.key != ticket.key
            and not (one.userAgent or "").startswith(f"{AGENT}/")
        )


def _own_address(listed: Sequence[Any], ticket: Ticket) -> str:
    """From where vCenter sees the canary's session come: what this controller is behind any translation."""
    return next((one.ipAddress or "" for one in listed if one.key == ticket.key), "")


def _pages(collector: Any, specs: Sequence[Any]) -> Iterator[Any]:
    """Every object that the specs select, however many pages vCenter makes of it."""
    answer = collector.RetrievePropertiesEx(
        specSet=list(specs), options=_query.RetrieveOptions(maxObjects=_PAGE_OBJECTS)
    )
    while answer is not None:
        yield from answer.objects
        if not answer.token:
            return
        answer = collector.ContinueRetrievePropertiesEx(token=answer.token)


def _told(item: Any) -> Properties:
    """The properties that vCenter gave. Raises the fault of one that it withheld for lack of a permission."""
    for missing in item.missingSet or ():
        if isinstance(missing.fault, vim.fault.NoPermission):
            raise missing.fault
    return {one.name: one.val for one in item.propSet}


def _spellings(username: str) -> frozenset[str]:
    r"""`user@domain` and `DOMAIN\user` alike, compared without regard to case."""
    folded = username.casefold()
    domain, is_down_level, user = folded.partition("\\")
    if is_down_level:
        return frozenset({folded, f"{user}@{domain}"})
    user, is_principal, domain = folded.rpartition("@")
    return frozenset({folded, f"{domain}\\{user}"}) if is_principal else frozenset({folded})
