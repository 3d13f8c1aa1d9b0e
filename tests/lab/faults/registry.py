"""All faults by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.faults import (
    cell,
    controllers,
    daemons,
    nova_conf,
    processes,
    service_record,
    services,
    store,
    vcenters,
)

if TYPE_CHECKING:
    from lab.faults.model import Fault

_OF_ONE_CONTROLLER = (processes, vcenters, services, cell, service_record, nova_conf)
_OF_SEVERAL_CONTROLLERS = (controllers, daemons, store)

FAULTS: dict[str, Fault] = {
    fault.name: fault for module in (*_OF_ONE_CONTROLLER, *_OF_SEVERAL_CONTROLLERS) for fault in module.FAULTS
}
OF_SEVERAL_CONTROLLERS = frozenset(
    fault.name for module in _OF_SEVERAL_CONTROLLERS for fault in module.FAULTS
)
"""What the tests marked `failover` break: in a lab of one controller there is nobody to take over."""
