"""A snapshot as the JSON document of `/api/v1/status` and `status --json` (docs/status-json.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.facts import service_record
from nova_watchdog.core.model import Pairing, Reading, UnitState, Unknown, VCenterView
from nova_watchdog.core.snapshot import FleetSnapshot, PairingSnapshot, ProbeSnapshot, Transition
from nova_watchdog.telemetry import derived

# Grows when a field changes its meaning or goes away; a new field does not change it.
FORMAT = 1

Document = dict[str, Any]


def document(
    snapshot: FleetSnapshot,
    *,
    now_s: float,
    wall_s: float,
    stale_after_s: float = derived.STALE_AFTER_S,
) -> Document:
    """The whole picture. Ages count to `now_s` (monotonic); `wall_s` is the same moment as Unix time."""
    pairings = [
        _pairing(snapshot, snapshot.pairings[name], now_s, stale_after_s)
        for name in sorted(snapshot.pairings)
    ]
    return {
        "format": FORMAT,
        "controller": snapshot.controller,
        "version": snapshot.version,
        "at": rfc3339(wall_s),
        "started_at": rfc3339(snapshot.started_wall_s),
        "healthy": bool(pairings) and not snapshot.unwatched and all(entry["healthy"] for entry in pairings),
        "loop_lag_s": _seconds(snapshot.loop_lag_s),
        "pairings": pairings,
        "unwatched": [
            {"name": name, "mistakes": list(lines)} for name, lines in sorted(snapshot.unwatched.items())
        ],
        "probes": [_probe(probe) for probe in snapshot.probes],
        "actions": [
            {"pairing": pairing, "rule": rule, "action": action, "outcome": outcome, "count": count}
            for (pairing, rule, action, outcome), count in sorted(snapshot.actions.items())
        ],
    }


def rfc3339(unix_s: float) -> str:
    """A Unix time as RFC 3339 in UTC, with milliseconds."""
    moment = datetime.fromtimestamp(unix_s, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _pairing(snapshot: FleetSnapshot, shown: PairingSnapshot, now_s: float, stale_after_s: float) -> Document:
    decision = shown.decision
    stale = derived.is_stale(shown, now_s, stale_after_s)
    is_fine = decision.diagnosis.diagnosis is Diagnosis.HEALTHY
    return {
        **_identity(shown.pairing),
        # Without its record nothing is done: a pairing that nobody would bring back is not healthy.
        "healthy": is_fine and not stale and not shown.store_problem,
        "stale": stale,
        "looked_at": rfc3339(derived.wall_of(snapshot, shown.ticked_at_s)),
        "look_age_s": _seconds(derived.tick_age_s(shown, now_s)),
        "next_look_in_s": _seconds(derived.next_look_in_s(shown, now_s)),
        "diagnosis": {
            "word": decision.diagnosis.diagnosis.value,
            "row": decision.diagnosis.number,
            "shown_by": decision.diagnosis.shown_by,
            "since": rfc3339(shown.diagnosis_since_wall_s),
        },
        "rule": {
            "number": decision.rule.number,
            "verb": decision.rule.verb.value,
            "why": decision.rule.why,
            "remedy": shown.remedy,
        },
        "phase": decision.state.phase.value,
        "facts": {
            "unit": decision.facts.unit.value,
            "vcenter": decision.facts.vcenter.value,
            "nova": decision.facts.nova.value,
            "heartbeat": decision.facts.heartbeat.value,
            "service": derived.service_word(shown),
        },
        "heartbeat_age_s": _seconds(derived.heartbeat_age_s(shown, now_s)),
        "readings": {
            "unit": _unit(shown, now_s),
            "vcenter": _vcenter(shown, now_s),
            "services": _services(shown, now_s),
        },
        "budget": {"starts_left": shown.starts_left, "starts_allowed": shown.budget},
        "store_problem": shown.store_problem,
        "last_action": shown.last_action,
        "transitions": [_transition(edge) for edge in shown.transitions],
    }


def _identity(pairing: Pairing) -> Document:
    return {
        "name": pairing.name,
        "unit": pairing.unit,
        "host": pairing.host,
        "vcenter": pairing.vcenter,
        "cluster": pairing.cluster,
        "mode": pairing.mode.value,
    }


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
        "age_s": _seconds(max(0.0, now_s - seen.began_at_s)),
        "took_s": _seconds(max(0.0, seen.ended_at_s - seen.began_at_s)),
    }


def _unknown(seen: Unknown, now_s: float) -> Document:
    return {"known": False, "age_s": _seconds(max(0.0, now_s - seen.since_s)), "reason": seen.reason}


def _probe(probe: ProbeSnapshot) -> Document:
    success_s = probe.last_success_wall_s
    return {
        "kind": probe.kind,
        "target": probe.target,
        "ok": probe.ok,
        "detail": probe.detail,
        "last_duration_s": _seconds(probe.last_duration_s),
        "last_success_at": None if success_s is None else rfc3339(success_s),
        "runs": probe.runs,
        "failures": probe.failures,
    }


def _transition(edge: Transition) -> Document:
    return {
        "at": rfc3339(edge.wall_s),
        "diagnosis": edge.diagnosis,
        "phase": edge.phase,
        "rule": edge.rule,
        "why": edge.why,
        "action": edge.action,
    }


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
