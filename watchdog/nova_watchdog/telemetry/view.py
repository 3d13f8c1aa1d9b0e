"""A snapshot as the JSON document of `/api/v1/status` and `status --json` (docs/status-json.md)."""

from __future__ import annotations

from nova_watchdog.core.diagnose import Diagnosis, condition_of
from nova_watchdog.core.model import Pairing
from nova_watchdog.core.permission import Pause
from nova_watchdog.core.snapshot import (
    FleetSnapshot,
    PairingSnapshot,
    ProbeSnapshot,
    ReceiverSnapshot,
    Transition,
)
from nova_watchdog.telemetry import derived
from nova_watchdog.telemetry.families import RELOADS
from nova_watchdog.telemetry.view_hold import hold_entry, keeper_entry
from nova_watchdog.telemetry.view_readings import Document, readings, rfc3339, seconds

__all__ = ["FORMAT", "Document", "document", "pairing_entry", "rfc3339", "transition_entry"]

# Grows when a field changes its meaning or goes away; a new field does not change it.
FORMAT = 1
# The rest is in the history.
_EDGES = 10


def document(
    snapshot: FleetSnapshot,
    *,
    now_s: float,
    wall_s: float,
    stale_after_s: float = derived.STALE_AFTER_S,
) -> Document:
    """The whole picture. Ages count to `now_s` (monotonic); `wall_s` is the same moment as Unix time."""
    pairings = [
        pairing_entry(snapshot, snapshot.pairings[name], now_s, stale_after_s)
        for name in sorted(snapshot.pairings)
    ]
    return {
        "format": FORMAT,
        "controller": snapshot.controller,
        "version": snapshot.version,
        "at": rfc3339(wall_s),
        "started_at": rfc3339(snapshot.started_wall_s),
        "healthy": _is_healthy(snapshot, pairings),
        "loop_lag_s": seconds(snapshot.loop_lag_s),
        "keeper": keeper_entry(snapshot, now_s),
        "pairings": pairings,
        "unwatched": [
            {"name": name, "mistakes": list(lines)} for name, lines in sorted(snapshot.unwatched.items())
        ],
        "reloads": {outcome: snapshot.reloads.get(outcome, 0) for outcome in RELOADS},
        "reload_mistakes": list(snapshot.reload_mistakes),
        "scheduler_skips": [
            {"job": job, "count": count} for job, count in sorted(snapshot.scheduler_skips.items())
        ],
        "receivers": [_receiver(receiver) for receiver in snapshot.receivers],
        "probes": [_probe(probe) for probe in snapshot.probes],
        "actions": [
            {"pairing": pairing, "rule": rule, "action": action, "outcome": outcome, "count": count}
            for (pairing, rule, action, outcome), count in sorted(snapshot.actions.items())
        ],
    }


def _is_healthy(snapshot: FleetSnapshot, pairings: list[Document]) -> bool:
    """All of them. A controller that does not renew is about to lose what it holds."""
    renews = snapshot.keeper is None or derived.is_renewing(snapshot.keeper)
    return (
        bool(pairings) and renews and not snapshot.unwatched and all(entry["healthy"] for entry in pairings)
    )


def pairing_entry(
    snapshot: FleetSnapshot, shown: PairingSnapshot, now_s: float, stale_after_s: float
) -> Document:
    """One pairing. Ages count to `now_s`; a look older than `stale_after_s` is stale."""
    decision = shown.decision
    stale = derived.is_stale(shown, now_s, stale_after_s)
    # A standby is as it should be: how the pairing is, its holder tells.
    is_fine = decision.diagnosis.diagnosis in (Diagnosis.HEALTHY, Diagnosis.STANDBY)
    return {
        **_identity(shown.pairing),
        # Without its record nothing is done: a pairing that nobody would bring back is not healthy.
        "healthy": is_fine and not stale and not shown.store_problem,
        "stale": stale,
        "looked_at": rfc3339(derived.wall_of(snapshot, shown.ticked_at_s)),
        "look_age_s": seconds(derived.tick_age_s(shown, now_s)),
        "next_look_in_s": seconds(derived.next_look_in_s(shown, now_s)),
        "diagnosis": {
            "word": decision.diagnosis.diagnosis.value,
            "row": decision.diagnosis.number,
            "shown_by": decision.diagnosis.shown_by,
            "since": rfc3339(shown.diagnosis_since_wall_s),
        },
        "condition": condition_of(decision.diagnosis.diagnosis).value,
        "failed_s": seconds(shown.failed_s),
        "concerns": [{"word": one.concern.value, "detail": one.detail} for one in shown.worries],
        "rule": {
            "number": decision.rule.number,
            "verb": decision.rule.verb.value,
            "why": decision.rule.why,
            "remedy": shown.remedy,
        },
        "hold": hold_entry(snapshot, shown, now_s),
        "phase": decision.state.phase.value,
        "facts": {
            "unit": decision.facts.unit.value,
            "vcenter": decision.facts.vcenter.value,
            "nova": decision.facts.nova.value,
            "heartbeat": decision.facts.heartbeat.value,
            "service": derived.service_word(shown),
            "bus": decision.facts.bus.value,
            "rpc": decision.facts.rpc.value,
            "quality": decision.facts.quality.value,
        },
        "permission": shown.permission.value,
        "pause": _pause(derived.pause_of(shown, derived.wall_of(snapshot, now_s))),
        "window": shown.window,
        "heartbeat_age_s": seconds(derived.heartbeat_age_s(shown, now_s)),
        "readings": readings(snapshot, shown, now_s),
        "budget": {"starts_left": shown.starts_left, "starts_allowed": shown.budget},
        "store_problem": shown.store_problem,
        "last_action": shown.last_action,
        "transitions": [transition_entry(edge) for edge in shown.transitions[-_EDGES:]],
    }


def _identity(pairing: Pairing) -> Document:
    return {
        "name": pairing.name,
        "unit": pairing.unit,
        "host": pairing.host,
        "vcenter": pairing.vcenter,
        "bus": pairing.bus,
        "cluster": pairing.cluster,
        "mode": pairing.mode.value,
    }


def _pause(pause: Pause | None) -> Document | None:
    if pause is None:
        return None
    return {
        "reason": pause.reason,
        "by": pause.by,
        "began_at": rfc3339(pause.began_wall_s),
        "until": rfc3339(pause.until_wall_s),
    }


def _receiver(receiver: ReceiverSnapshot) -> Document:
    return {
        "name": receiver.name,
        "delivered": receiver.delivered,
        "failures": receiver.failures,
        "dropped": receiver.dropped,
        "queued": receiver.queued,
        "bound": receiver.bound,
        "problem": receiver.problem,
    }


def _probe(probe: ProbeSnapshot) -> Document:
    success_s = probe.last_success_wall_s
    return {
        "kind": probe.kind,
        "target": probe.target,
        "ok": probe.ok,
        "detail": probe.detail,
        "last_duration_s": seconds(probe.last_duration_s),
        "last_success_at": None if success_s is None else rfc3339(success_s),
        "runs": probe.runs,
        "failures": probe.failures,
    }


def transition_entry(edge: Transition) -> Document:
    """One edge of a pairing."""
    return {
        "at": rfc3339(edge.wall_s),
        "diagnosis": edge.diagnosis,
        "phase": edge.phase,
        "rule": edge.rule,
        "why": edge.why,
        "action": edge.action,
        "readings": edge.readings,
    }
