"""Readings of a healthy pairing, to be varied by the tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nova_watchdog.core.breaker import Breaker
from nova_watchdog.core.decide import Decision, decide
from nova_watchdog.core.memory import Memory, remember
from nova_watchdog.core.model import (
    DRIVER_DISABLED_REASON,
    ActiveState,
    LoadState,
    Mode,
    Observation,
    Pairing,
    Reading,
    ServiceRecord,
    ServicesView,
    StopCause,
    UnitState,
    VCenterOutcome,
    VCenterView,
)
from nova_watchdog.core.permission import permission_of
from nova_watchdog.core.policy import Policy
from nova_watchdog.core.state import PairingState, Phase

PAIRING = Pairing(
    name="cluster-a",
    unit="nova-compute@cluster-a.service",
    host="vcenter-cluster-a",
    vcenter="vc1:443",
    cluster="DC0_C0",
    mode=Mode.PROTECT,
)
POLICY = Policy()

RUNNING = UnitState(
    load=LoadState.LOADED,
    active=ActiveState.ACTIVE,
    sub="running",
    main_pid=4711,
    result="success",
    detail="",
    job=None,
    started_at_s=100.0,
    changed_at_s=100.0,
    invocation_id="inv-1",
    stop_cause=StopCause.RUNNING,
)


def killed(at_s: float = 200.0) -> UnitState:
    """The unit after kill -9."""
    return replace(
        RUNNING,
        active=ActiveState.FAILED,
        sub="failed",
        main_pid=0,
        result="signal",
        detail="signal=KILL",
        changed_at_s=at_s,
        stop_cause=StopCause.BY_ITSELF,
    )


def stopped(at_s: float = 200.0) -> UnitState:
    """The unit after a human's `systemctl stop`."""
    return replace(
        killed(at_s),
        active=ActiveState.INACTIVE,
        sub="dead",
        result="success",
        detail="",
        stop_cause=StopCause.FOREIGN_JOB,
    )


OK = VCenterView(VCenterOutcome.OK, "", "uuid", {"DC0_C0": "domain-c1"})
REFUSED = VCenterView(VCenterOutcome.UNREACHABLE, "connection refused")

RECORD = ServiceRecord(
    service_id="id",
    host="vcenter-cluster-a",
    up=True,
    disabled=False,
    disabled_reason="",
    forced_down=False,
    updated_at="t0",
)
AUTO_DISABLED = replace(RECORD, disabled=True, disabled_reason=DRIVER_DISABLED_REASON)


def services(record: ServiceRecord | None = RECORD, conductors_up: int = 1) -> ServicesView:
    """All of os-services, with at most one nova-compute."""
    return ServicesView({record.host: record} if record else {}, conductors_up, 1)


def reading(value: Any, at_s: float) -> Reading[Any]:
    """A reading that took no time."""
    return Reading(value, at_s, at_s)


def observation(
    at_s: float,
    unit: UnitState = RUNNING,
    vcenter: VCenterView = OK,
    record: ServiceRecord | None = RECORD,
) -> Observation:
    """All three readings, taken at one moment."""
    return Observation(reading(unit, at_s), reading(vcenter, at_s), reading(services(record), at_s))


class Bench:
    """One pairing under the core alone: feed observations, look at decisions."""

    def __init__(self, phase: Phase = Phase.WATCHING, pairing: Pairing = PAIRING) -> None:
        self.pairing = pairing
        self.policy = POLICY
        self.state = PairingState(phase=phase, seen_running=phase is not Phase.NEW)
        self.memory = Memory(watching_since_s=90.0)
        self.breaker = Breaker.CLOSED

    def see(self, seen: Observation, at_s: float) -> Decision:
        """Fold, decide, keep the state."""
        self.memory = remember(self.memory, self.pairing, seen)
        decision = decide(
            self.pairing,
            self.state,
            seen,
            self.memory,
            self.policy,
            at_s,
            permission=permission_of(self.pairing.mode, self.state.pause, "", 0.0),
            breaker=self.breaker,
        )
        self.state = decision.state
        return decision

    def healthy_at(self, at_s: float) -> Decision:
        """Two readings with a heartbeat between them: the process works."""
        first = replace(RECORD, updated_at=f"before {at_s}")
        self.see(observation(at_s - 1, record=first), at_s - 1)
        second = replace(RECORD, updated_at=f"at {at_s}")
        return self.see(observation(at_s, record=second), at_s)
