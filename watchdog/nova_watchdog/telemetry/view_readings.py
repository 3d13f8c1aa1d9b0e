"""The readings of a pairing as JSON: each with its age, or why it is unknown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nova_watchdog.core.concerns import usable_datastores
from nova_watchdog.core.facts import service_record
from nova_watchdog.core.model import (
    BusOutcome,
    ClusterView,
    Pairing,
    Reading,
    UnitState,
    Unknown,
    VCenterView,
)
from nova_watchdog.core.snapshot import FleetSnapshot, PairingSnapshot
from nova_watchdog.telemetry import derived

Document = dict[str, Any]

# 9999-12-31T23:59:59Z: RFC 5280 gives it to certificates that never end, and no later moment can be written.
_LAST_S = 253402300799.0


def readings(snapshot: FleetSnapshot, shown: PairingSnapshot, now_s: float) -> Document:
    """Every reading of the pairing. Ages count to `now_s`."""
    return {
        "unit": _unit(shown, now_s),
        "vcenter": _vcenter(shown, now_s),
        "services": _services(shown, now_s),
        "bus": _bus(shown, now_s),
        "inventory": _inventory(snapshot, shown, now_s),
        "workload": _workload(shown, now_s),
    }


def rfc3339(unix_s: float) -> str:
    """A Unix time as RFC 3339 in UTC, with milliseconds; the last of year 9999 for anything later."""
    moment = datetime.fromtimestamp(min(unix_s, _LAST_S), UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def seconds(value: float | None) -> float | None:
    """Rounded to milliseconds."""
    return None if value is None else round(value, 3)


def _unit(shown: PairingSnapshot, now_s: float) -> Document:
    seen = shown.observation.unit
    if isinstance(seen, Unknown):
        return _unknown(seen, now_s)
    unit: UnitState = seen.value
    return {
        **_known(seen, now_s),
        "load": unit.load.value,
        "active": unit.active.value,
        "sub": unit.sub,
        "main_pid": unit.main_pid,
        "result": unit.result,
        "detail": unit.detail,
        "job": unit.job,
        "stop_cause": unit.stop_cause.value,
    }


def _vcenter(shown: PairingSnapshot, now_s: float) -> Document:
    seen = shown.observation.vcenter
    if isinstance(seen, Unknown):
        return _unknown(seen, now_s)
    view: VCenterView = seen.value
    return {
        **_known(seen, now_s),
        "outcome": view.outcome.value,
        "detail": view.detail,
        "instance_uuid": view.instance_uuid,
        "cluster_moid": view.clusters.get(shown.pairing.cluster),
    }


def _services(shown: PairingSnapshot, now_s: float) -> Document:
    seen = shown.observation.services
    if isinstance(seen, Unknown):
        return _unknown(seen, now_s)
    found = {
        **_known(seen, now_s),
        "conductors": seen.value.conductors,
        "conductors_up": seen.value.conductors_up,
        "record": None,
    }
    record = service_record(shown.pairing, shown.observation)
    if record is not None:
        found["record"] = {
            "up": record.up,
            "disabled": record.disabled,
            "disabled_reason": record.disabled_reason,
            "forced_down": record.forced_down,
            "updated_at": record.updated_at,
        }
    return found


def _known(seen: Reading[Any], now_s: float) -> Document:
    return {
        "known": True,
        "age_s": seconds(max(0.0, now_s - seen.began_at_s)),
        "took_s": seconds(max(0.0, seen.ended_at_s - seen.began_at_s)),
    }


def _unknown(seen: Unknown, now_s: float) -> Document:
    return {"known": False, "age_s": seconds(max(0.0, now_s - seen.since_s)), "reason": seen.reason}


def _bus(shown: PairingSnapshot, now_s: float) -> Document:
    seen = shown.observation.bus
    if isinstance(seen, Unknown):
        return _unknown(seen, now_s)
    view = seen.value
    compute = view.computes.get(shown.pairing.host) if view.outcome is BusOutcome.OK else None
    return {
        **_known(seen, now_s),
        "outcome": view.outcome.value,
        "detail": view.detail,
        "conductor": view.conductor.value,
        "compute": None
        if compute is None
        else {
            "ping": compute.ping.value,
            "ping_took_s": seconds(compute.took_s),
            "consumers": compute.consumers,
            "queued": compute.queued,
        },
    }


def _inventory(snapshot: FleetSnapshot, shown: PairingSnapshot, now_s: float) -> Document:
    seen = shown.observation.inventory
    if isinstance(seen, Unknown):
        return _unknown(seen, now_s)
    view = seen.value
    left_s = view.certificate_expires_in_s
    ends_s = None if left_s is None else round(derived.wall_of(snapshot, seen.ended_at_s) + left_s)
    cluster = view.clusters.get(shown.pairing.cluster)
    return {
        **_known(seen, now_s),
        "instance_uuid": view.instance_uuid,
        "certificate_expires_at": None if ends_s is None else rfc3339(ends_s),
        "sessions": None
        if view.sessions is None
        else [
            {
                "ip_address": one.ip_address,
                "user_agent": one.user_agent,
                "idle_s": seconds(one.idle_s),
                "calls": one.calls,
                "age_s": seconds(one.age_s),
            }
            for one in view.sessions
        ],
        "own_address": view.own_address,
        "nova_session": shown.decision.session.value,
        "cluster": None if cluster is None else _cluster(shown.pairing, cluster),
    }


def _cluster(pairing: Pairing, cluster: ClusterView) -> Document:
    return {
        "moid": cluster.moid,
        "drs_enabled": cluster.drs_enabled,
        "drs_behavior": cluster.drs_behavior,
        "hosts": cluster.hosts,
        "connected": cluster.connected,
        "in_maintenance": cluster.in_maintenance,
        "datastores": [
            {
                "name": one.name,
                "kind": one.kind,
                "capacity_bytes": one.capacity_bytes,
                "free_bytes": one.free_bytes,
                "accessible": one.accessible,
                "in_maintenance": one.in_maintenance,
                "mounted_on": one.mounted_on,
            }
            for one in usable_datastores(pairing, cluster)
        ],
    }


def _workload(shown: PairingSnapshot, now_s: float) -> Document:
    seen = shown.observation.workload
    if isinstance(seen, Unknown):
        return _unknown(seen, now_s)
    load = seen.value.hosts.get(shown.pairing.host)
    return {
        **_known(seen, now_s),
        "load": None
        if load is None
        else {
            "instances": load.instances,
            "nodes": list(load.nodes),
            "builds_s": [seconds(one_s) for one_s in load.builds_s],
        },
    }
