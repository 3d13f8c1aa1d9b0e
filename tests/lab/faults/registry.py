"""All faults by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.faults import nova_conf, processes, services, vcenters

if TYPE_CHECKING:
    from lab.faults.model import Fault

FAULTS: dict[str, Fault] = {
    fault.name: fault for fault in (*processes.FAULTS, *vcenters.FAULTS, *services.FAULTS, *nova_conf.FAULTS)
}
