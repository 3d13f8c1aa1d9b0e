"""All faults by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.faults import cell, nova_conf, processes, service_record, services, vcenters

if TYPE_CHECKING:
    from lab.faults.model import Fault

_MODULES = (processes, vcenters, services, cell, service_record, nova_conf)

FAULTS: dict[str, Fault] = {fault.name: fault for module in _MODULES for fault in module.FAULTS}
