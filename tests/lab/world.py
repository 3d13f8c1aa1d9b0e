"""What stands in the world outside the controllers, to be compared: vCenters, and the broker's own things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.parts import rabbitmq, vcenter

if TYPE_CHECKING:
    from lab.site import Site


def read_world(site: Site) -> dict[str, Any]:
    """Inventory of each vCenter by name; queues, exchanges and bindings of the message bus, sorted.

    Numbers that go up and down by themselves (sessions, messages, consumers) are left out.
    """
    return {
        "vcenters": {one.name: _inventory(site, one.name) for one in site.topology.vcenter_list},
        "bus": rabbitmq.topology(site),
    }


def _inventory(site: Site, name: str) -> dict[str, Any]:
    state: dict[str, Any] = vcenter.control(site.paths.control_socket(name), "GET", "/state")
    state.pop("sessions", None)
    return state
