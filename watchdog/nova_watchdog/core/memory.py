"""What must be remembered between readings: since when, and what changed. A pure fold."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nova_watchdog.core.model import (
    DRIVER_DISABLED_REASON,
    Observation,
    Pairing,
    ServiceRecord,
    Unknown,
    VCenterOutcome,
)

# A dead process's last report may still be on its way through RabbitMQ and a conductor.
_LAST_WORDS_S = 5.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Facts about one pairing that a single reading does not hold. Lives as long as the daemon.

    watching_since_s: when this daemon began to watch.
    process_started_at_s: start of the process that the heartbeat fields speak of (0.0: none seen).
    start_seen: whether that process began while this daemon watched.
    baseline: Nova's record as first read after the process began. Only a change from there is a
        heartbeat of *this* process: a reading that began before it may still show the old one's.
    heartbeat_at_s: local receipt of the last heartbeat of this process.
    services_read_at_s: first answer of Nova's API.
    vcenter_ok_since_s: since when every canary passed and found the cluster.
    vcenter_held_s: for how long they have kept passing, from the first to the last. One alone: 0.
    auto_disabled_since_s: since when the service is disabled with the driver's own reason.
    silent: Nova's record as read while the process is down, and `silent_since_s`, since when it has
        not advanced.
    elsewhere_at_s: local receipt of the last report that came while the process was down: somebody
        else runs this nova-compute.
    """

    watching_since_s: float
    process_started_at_s: float = 0.0
    start_seen: bool = False
    baseline: ServiceRecord | None = None
    heartbeat_at_s: float | None = None
    services_read_at_s: float | None = None
    vcenter_ok_since_s: float | None = None
    vcenter_held_s: float = 0.0
    auto_disabled_since_s: float | None = None
    silent: ServiceRecord | None = None
    silent_since_s: float | None = None
    elsewhere_at_s: float | None = None


def remember(memory: Memory, pairing: Pairing, observation: Observation) -> Memory:
    """Fold one observation into the memory. The same observation twice changes nothing."""
    memory = _remember_process(memory, observation)
    memory = _remember_vcenter(memory, pairing, observation)
    memory = _remember_service(memory, pairing, observation)
    return _remember_silence(memory, pairing, observation)


def _remember_process(memory: Memory, observation: Observation) -> Memory:
    if isinstance(observation.unit, Unknown):
        return memory
    unit = observation.unit.value
    if not unit.has_process or unit.started_at_s == memory.process_started_at_s:
        return memory
    return replace(
        memory,
        process_started_at_s=unit.started_at_s,
        start_seen=unit.started_at_s >= memory.watching_since_s,
        baseline=None,
        heartbeat_at_s=None,
    )


def _remember_vcenter(memory: Memory, pairing: Pairing, observation: Observation) -> Memory:
    seen = observation.vcenter
    if (
        isinstance(seen, Unknown)
        or seen.value.outcome is not VCenterOutcome.OK
        or pairing.cluster not in seen.value.clusters
    ):
        return replace(memory, vcenter_ok_since_s=None, vcenter_held_s=0.0)
    since_s = seen.began_at_s if memory.vcenter_ok_since_s is None else memory.vcenter_ok_since_s
    return replace(memory, vcenter_ok_since_s=since_s, vcenter_held_s=seen.began_at_s - since_s)


def _remember_service(memory: Memory, pairing: Pairing, observation: Observation) -> Memory:
    seen = observation.services
    if isinstance(seen, Unknown):
        return memory
    if memory.services_read_at_s is None:
        memory = replace(memory, services_read_at_s=seen.ended_at_s)
    record = seen.value.computes.get(pairing.host)
    if record is None:
        return replace(memory, auto_disabled_since_s=None)
    auto = record.disabled and record.disabled_reason == DRIVER_DISABLED_REASON
    if not auto:
        memory = replace(memory, auto_disabled_since_s=None)
    elif memory.auto_disabled_since_s is None:
        memory = replace(memory, auto_disabled_since_s=seen.ended_at_s)
    if seen.began_at_s < memory.process_started_at_s:
        return memory
    if memory.baseline is not None and _is_heartbeat(memory.baseline, record):
        memory = replace(memory, heartbeat_at_s=seen.ended_at_s)
    return replace(memory, baseline=record)


def _remember_silence(memory: Memory, pairing: Pairing, observation: Observation) -> Memory:
    """Whether Nova's record stands still while the process is down, as it must."""
    if isinstance(observation.unit, Unknown):
        return memory
    unit = observation.unit.value
    if not unit.is_down:
        return replace(memory, silent=None, silent_since_s=None, elsewhere_at_s=None)
    seen = observation.services
    if isinstance(seen, Unknown) or seen.began_at_s < unit.changed_at_s + _LAST_WORDS_S:
        return memory
    record = seen.value.computes.get(pairing.host)
    if record is None or record == memory.silent:
        return memory
    if memory.silent is not None and _is_heartbeat(memory.silent, record):
        memory = replace(memory, elsewhere_at_s=seen.ended_at_s)
    return replace(memory, silent=record, silent_since_s=seen.ended_at_s)


def _is_heartbeat(before: ServiceRecord, after: ServiceRecord) -> bool:
    """Whether the change is a report of the process, not somebody's write to the record.

    `updated_at` in os-services is the row's, which every write advances
    (nova/servicegroup/drivers/db.py, updated_time).
    """
    written = (before.disabled, before.disabled_reason, before.forced_down) != (
        after.disabled,
        after.disabled_reason,
        after.forced_down,
    )
    return before.updated_at != after.updated_at and not written
