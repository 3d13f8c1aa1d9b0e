"""What must be remembered between readings: since when, and what changed. A pure fold."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nova_watchdog.core.model import (
    DRIVER_DISABLED_REASON,
    Answer,
    BusOutcome,
    Observation,
    Pairing,
    Reading,
    ServiceRecord,
    Unknown,
    VCenterOutcome,
)

# nova-compute waits so long before its first report: what comes sooner is somebody else's, or a dead one's.
_FIRST_REPORT_S = 5.0
# A dead process's last report may still be on its way through RabbitMQ and a conductor.
_LAST_WORDS_S = 5.0
# Of the four runs of readings about the bus: since when and for how long.
_Runs = tuple[float | None, float, float | None, float, float | None, float, float | None, float]
_NO_RUNS: _Runs = (None, 0.0, None, 0.0, None, 0.0, None, 0.0)


@dataclass(frozen=True, slots=True)
class Memory:
    """Facts about one pairing that a single reading does not hold. Lives as long as the daemon.

    watching_since_s: when this daemon began to watch.
    process_started_at_s: start of the process that the heartbeat fields speak of (0.0: none seen).
    start_seen: whether that process began while this daemon watched.
    process_ended_at_s: when the last process that was seen here ended (0.0: none was seen to).
    baseline: Nova's record as first read after the process began. Only a change from there is a
        heartbeat of *this* process: a reading that began before it may still show the old one's.
    heartbeat_at_s: local receipt of the last heartbeat of this process.
    services_read_at_s: first answer of Nova's API.
    vcenter_ok_since_s: since when every canary passed and found the cluster.
    vcenter_held_s: for how long they have kept passing, from the first to the last. One alone: 0.
    vcenter_lost_since_s, vcenter_lost_held_s: the same for canaries that did not reach vCenter.
    auto_disabled_since_s: since when the service is disabled with the driver's own reason.
    silent: Nova's record as read while the process is down, and `silent_since_s`, since when it has
        not advanced.
    silent_read_at_s: when the last reading began that still showed that record.
    elsewhere_at_s: local receipt of the last report that came while the process was down: somebody
        else runs this nova-compute. `elsewhere_after_s`: it was sent after that.
    record_seen: whether Nova ever showed a record of the host: one that is missing later is hidden.
    unanswered_since_s: since when every ping of this process went unanswered on a proven bus with a
        conductor answering, and `unanswered_held_s`, from the first to the last of them. One alone: 0.
    conductor_silent_since_s, conductor_silent_held_s: the same for the conductors.
    two_consumers_since_s, two_consumers_held_s: the same for more than one consumer on its queue.
    bus_lost_since_s, bus_lost_held_s: the same for a bus that was not reached.
    """

    watching_since_s: float
    process_started_at_s: float = 0.0
    start_seen: bool = False
    process_ended_at_s: float = 0.0
    process_lives: bool = False
    baseline: ServiceRecord | None = None
    heartbeat_at_s: float | None = None
    services_read_at_s: float | None = None
    vcenter_ok_since_s: float | None = None
    vcenter_held_s: float = 0.0
    vcenter_lost_since_s: float | None = None
    vcenter_lost_held_s: float = 0.0
    auto_disabled_since_s: float | None = None
    silent: ServiceRecord | None = None
    silent_since_s: float | None = None
    silent_read_at_s: float = 0.0
    elsewhere_at_s: float | None = None
    elsewhere_after_s: float = 0.0
    record_seen: bool = False
    unanswered_since_s: float | None = None
    unanswered_held_s: float = 0.0
    conductor_silent_since_s: float | None = None
    conductor_silent_held_s: float = 0.0
    two_consumers_since_s: float | None = None
    two_consumers_held_s: float = 0.0
    bus_lost_since_s: float | None = None
    bus_lost_held_s: float = 0.0


def remember(memory: Memory, pairing: Pairing, observation: Observation) -> Memory:
    """Fold one observation into the memory. The same observation twice changes nothing.

    What changes nothing gives back the very same memory: most observations do, and a copy is dear.
    """
    memory = _remember_process(memory, observation)
    memory = _remember_vcenter(memory, pairing, observation)
    memory = _remember_service(memory, pairing, observation)
    memory = _remember_bus(memory, pairing, observation)
    return _remember_silence(memory, pairing, observation)


def carried_over(memory: Memory, before: Pairing, now: Pairing) -> Memory:
    """What stands of it when new settings put `now` in the place of `before`, for the same process.

    For how long another vCenter, cluster or message bus was fine says nothing about the new one.
    """
    if (before.vcenter, before.cluster) != (now.vcenter, now.cluster):
        memory = replace(
            memory,
            vcenter_ok_since_s=None,
            vcenter_held_s=0.0,
            vcenter_lost_since_s=None,
            vcenter_lost_held_s=0.0,
        )
    return memory if before.bus == now.bus else _without_bus(memory)


def _remember_process(memory: Memory, observation: Observation) -> Memory:
    if isinstance(observation.unit, Unknown):
        return memory
    unit = observation.unit.value
    if not unit.has_process:
        if not memory.process_lives:
            return memory
        # A unit that systemd has forgotten has no times: it ended before it was read.
        ended_s = unit.changed_at_s or observation.unit.began_at_s
        return replace(memory, process_lives=False, process_ended_at_s=ended_s)
    if unit.started_at_s == memory.process_started_at_s:
        return memory
    return replace(
        memory,
        process_lives=True,
        process_started_at_s=unit.started_at_s,
        start_seen=unit.started_at_s >= memory.watching_since_s,
        baseline=None,
        heartbeat_at_s=None,
        unanswered_since_s=None,
        unanswered_held_s=0.0,
    )


def _remember_vcenter(memory: Memory, pairing: Pairing, observation: Observation) -> Memory:
    seen = observation.vcenter
    passes = lost = False
    at_s = 0.0
    if isinstance(seen, Reading):
        at_s, view = seen.began_at_s, seen.value
        passes = view.outcome is VCenterOutcome.OK and pairing.cluster in view.clusters
        lost = view.outcome is VCenterOutcome.UNREACHABLE
    runs = (
        *_run(memory.vcenter_ok_since_s, at_s, goes_on=passes),
        *_run(memory.vcenter_lost_since_s, at_s, goes_on=lost),
    )
    before = (
        memory.vcenter_ok_since_s,
        memory.vcenter_held_s,
        memory.vcenter_lost_since_s,
        memory.vcenter_lost_held_s,
    )
    if runs == before:
        return memory
    return replace(
        memory,
        vcenter_ok_since_s=runs[0],
        vcenter_held_s=runs[1],
        vcenter_lost_since_s=runs[2],
        vcenter_lost_held_s=runs[3],
    )


def _remember_service(memory: Memory, pairing: Pairing, observation: Observation) -> Memory:
    seen = observation.services
    if isinstance(seen, Unknown):
        return memory
    if memory.services_read_at_s is None:
        memory = replace(memory, services_read_at_s=seen.ended_at_s)
    record = seen.value.computes.get(pairing.host)
    auto = record is not None and record.disabled and record.disabled_reason == DRIVER_DISABLED_REASON
    if auto != (memory.auto_disabled_since_s is not None):
        memory = replace(memory, auto_disabled_since_s=seen.ended_at_s if auto else None)
    if record is None:
        return memory
    if not memory.record_seen:
        memory = replace(memory, record_seen=True)
    if seen.began_at_s < memory.process_started_at_s or record == memory.baseline:
        return memory
    can_be_its_own = seen.ended_at_s - memory.process_started_at_s >= _FIRST_REPORT_S
    if memory.baseline is not None and can_be_its_own and _is_heartbeat(memory.baseline, record):
        return replace(memory, baseline=record, heartbeat_at_s=seen.ended_at_s)
    return replace(memory, baseline=record)


def _remember_bus(memory: Memory, pairing: Pairing, observation: Observation) -> Memory:
    """Runs of unanswered pings. A bus that was not proven breaks a run: no witness, no verdict."""
    seen = observation.bus
    if isinstance(seen, Unknown):
        return _without_bus(memory)
    view, at_s = seen.value, seen.began_at_s
    proven = view.outcome is BusOutcome.OK
    compute = view.computes.get(pairing.host)
    began_after_process = at_s >= memory.process_started_at_s
    unanswered = (
        proven
        and isinstance(observation.unit, Reading)
        and observation.unit.value.runs
        and view.conductor is Answer.ANSWERED
        and compute is not None
        and compute.ping is Answer.UNANSWERED
        and began_after_process
    )
    two = proven and compute is not None and (compute.consumers or 0) > 1
    conductor_silent = proven and view.conductor is Answer.UNANSWERED
    runs = (
        *_run(memory.unanswered_since_s, at_s, goes_on=unanswered),
        *_run(memory.conductor_silent_since_s, at_s, goes_on=conductor_silent),
        *_run(memory.two_consumers_since_s, at_s, goes_on=two),
        *_run(memory.bus_lost_since_s, at_s, goes_on=view.outcome is BusOutcome.UNREACHABLE),
    )
    return _with_runs(memory, runs)


def _without_bus(memory: Memory) -> Memory:
    return _with_runs(memory, _NO_RUNS)


def _with_runs(memory: Memory, runs: _Runs) -> Memory:
    """Unanswered, without a conductor, with two consumers, not reached: since when and for how long."""
    before = (
        memory.unanswered_since_s,
        memory.unanswered_held_s,
        memory.conductor_silent_since_s,
        memory.conductor_silent_held_s,
        memory.two_consumers_since_s,
        memory.two_consumers_held_s,
        memory.bus_lost_since_s,
        memory.bus_lost_held_s,
    )
    if runs == before:
        return memory
    return replace(
        memory,
        unanswered_since_s=runs[0],
        unanswered_held_s=runs[1],
        conductor_silent_since_s=runs[2],
        conductor_silent_held_s=runs[3],
        two_consumers_since_s=runs[4],
        two_consumers_held_s=runs[5],
        bus_lost_since_s=runs[6],
        bus_lost_held_s=runs[7],
    )


def _run(since_s: float | None, at_s: float, *, goes_on: bool) -> tuple[float | None, float]:
    """Since when an unbroken run of readings shows something, and for how long it has."""
    if not goes_on:
        return None, 0.0
    began_s = at_s if since_s is None else since_s
    return began_s, at_s - began_s


def _remember_silence(memory: Memory, pairing: Pairing, observation: Observation) -> Memory:
    """Whether Nova's record stands still while the process is down, as it must."""
    if isinstance(observation.unit, Unknown):
        return memory
    unit = observation.unit.value
    if not unit.is_down:
        return _without_silence(memory)
    seen = observation.services
    if isinstance(seen, Unknown) or seen.began_at_s < unit.changed_at_s + _LAST_WORDS_S:
        return memory
    record = seen.value.computes.get(pairing.host)
    if record is None:
        return memory
    if record == memory.silent:
        read_again = seen.began_at_s != memory.silent_read_at_s
        return replace(memory, silent_read_at_s=seen.began_at_s) if read_again else memory
    reported = memory.silent is not None and _is_heartbeat(memory.silent, record)
    return replace(
        memory,
        silent=record,
        silent_since_s=seen.ended_at_s,
        silent_read_at_s=seen.began_at_s,
        elsewhere_at_s=seen.ended_at_s if reported else memory.elsewhere_at_s,
        elsewhere_after_s=memory.silent_read_at_s if reported else memory.elsewhere_after_s,
    )


def _without_silence(memory: Memory) -> Memory:
    if (memory.silent, memory.silent_since_s, memory.elsewhere_at_s) == (None, None, None):
        return memory
    return replace(memory, silent=None, silent_since_s=None, elsewhere_at_s=None)


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
