"""A standby on which everything is as it should be, to be varied by the tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.builders import PAIRING, observation, reading
from core.here_bench import STANDBY
from nova_watchdog.core.model import (
    Answer,
    BusOutcome,
    BusView,
    ComputeOnBus,
    HostLoad,
    LoadState,
    Observation,
    Reading,
    WorkloadView,
)
from nova_watchdog.core.preflight.check import Check
from nova_watchdog.core.preflight.ready import Local, checks_of
from nova_watchdog.core.preflight.witnesses import Others
from nova_watchdog.core.setup import MAY_START, Command, ComputeIdPlace, NovaSetup, UnitSetup, options_text
from nova_watchdog.core.snapshot import KeeperSnapshot

ID = "0b1f8a5e-3f52-4c8e-9d7c-6a2a3b3f0001"
OTHER_ID = "0b1f8a5e-3f52-4c8e-9d7c-6a2a3b3f0002"
NODE = "domain-c1.uuid"
BUS = "rabbit://a:5672,b:5672/v"
FILES = ("/etc/nova/nova.conf", "/etc/nova/a/nova.conf")

UNIT = UnitSetup(
    load=LoadState.LOADED,
    fragment="/etc/systemd/system/nova-compute@.service",
    start=(Command(("/opt/nova/bin/nova-compute", "--config-file", FILES[0], "--config-file", FILES[1])),),
    conditions=(Command((MAY_START, PAIRING.unit), frozenset({"privileged"})),),
    enabled="disabled",
    listed=True,
    nova_version="34.0.0",
)
NOVA = NovaSetup(
    host=PAIRING.host,
    bus=BUS,
    config_files=FILES,
    state_path="/var/lib/nova/a",
    places=(ComputeIdPlace("/etc/nova/a", ID), ComputeIdPlace("/var/lib/nova/a", ID)),
    cache_prefix="$host",
    options=options_text({("vmware", "cache_prefix"): "$host"}),
    ca="0123456789ab",
)
KEEPER = KeeperSnapshot(registered=True, until_s=1000.0)
LOCAL = Local(PAIRING, reading(UNIT, 0.0), reading(NOVA, 0.0), NODE)
TOLD = dict(LOCAL.identity)


def others(**told: Any) -> Others:
    """ctl2 looks at what the holder ctl1 says, and at ctl3, which says what ctl2 does."""
    silent = told.pop("silent", False)
    renews = frozenset({"ctl2", "ctl3"} | (set() if silent else {"ctl1"}))
    return Others("ctl2", "ctl1", renews, {"ctl1": TOLD | told, "ctl3": TOLD})


def alone_with(holder: Others) -> Others:
    """The same without ctl3."""
    return replace(holder, identities={"ctl1": holder.identities["ctl1"]}, renews=holder.renews - {"ctl3"})


def seen(load: HostLoad | None = None, *, bus: BusView | None = None) -> Observation:
    """What is read of the world. load: what Nova has behind the host, None: that is not read."""
    found = observation(0.0)
    if load is not None:
        found = replace(found, workload=reading(WorkloadView({PAIRING.host: load}), 0.0))
    return found if bus is None else replace(found, bus=reading(bus, 0.0))


def right_bus(consumers: int | None = 0) -> BusView:
    """The bus on which a conductor answers, and on which the host has its queue, unless it is None."""
    queue = ComputeOnBus(Answer.UNANSWERED, None, consumers, None if consumers is None else 0)
    return BusView(BusOutcome.OK, "", Answer.ANSWERED, {PAIRING.host: queue})


def checks(**changed: Any) -> dict[str, Check]:
    """All checks by name. unit, nova: fields to replace."""
    unit = replace(UNIT, **changed.get("unit", {}))
    nova = replace(NOVA, **changed.get("nova", {}))
    local = changed.get("local") or replace(LOCAL, unit=reading(unit, 0.0), nova=reading(nova, 0.0))
    observation = changed.get("observation", seen())
    if isinstance(observation.workload, Reading):
        local = replace(local, hosts=observation.workload.value.hosts)
    found = checks_of(
        local,
        changed.get("others", others()),
        observation,
        changed.get("facts", STANDBY),
        changed.get("keeper", KEEPER),
    )
    assert len({check.name for check in found}) == len(found)
    return {check.name: check for check in found}
