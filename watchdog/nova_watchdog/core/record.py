"""A pairing's record in the store: its state and its last transitions, as a JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from nova_watchdog.core.errors import RecordError
from nova_watchdog.core.permission import Pause
from nova_watchdog.core.snapshot import Transition
from nova_watchdog.core.state import PairingState, Phase, Start
from nova_watchdog.core.strict import MISTAKES

FORMAT = 1
TRANSITIONS_KEPT = 50


def key_of(pairing_name: str) -> str:
    """The store's key of a pairing."""
    return f"pairings/{pairing_name}"


def to_record(state: PairingState, transitions: tuple[Transition, ...], boot_id: str) -> dict[str, Any]:
    """The JSON object of a state. Monotonic times are only good with the boot they belong to."""
    return {
        "format": FORMAT,
        "boot_id": boot_id,
        "phase": state.phase.value,
        "seen_running": state.seen_running,
        "starts": [[start.at_s, start.charged] for start in state.starts],
        "attempts": state.attempts,
        "last_enable_at_s": state.last_enable_at_s,
        "last_kill_at_s": state.last_kill_at_s,
        "operator_disabled": state.operator_disabled,
        "hung_since_s": state.hung_since_s,
        "held_epoch": state.held_epoch,
        "pause": None if state.pause is None else asdict(state.pause),
        "transitions": [asdict(t) for t in transitions[-TRANSITIONS_KEPT:]],
    }


def from_record(record: Mapping[str, Any], boot_id: str) -> tuple[PairingState, tuple[Transition, ...]]:
    """The state in a record. Raises RecordError.

    After a reboot the phase stands and what was spent is forgotten: its times mean nothing any
    more, and whoever rebooted the machine has acted.
    """
    if record.get("format") != FORMAT:
        raise RecordError(f"format is {record.get('format')!r}, this version reads {FORMAT}")
    try:
        phase = Phase(record["phase"])
        transitions = tuple(Transition(**t) for t in record["transitions"])
        pause = _pause(record["pause"]) if record.get("pause") else None
        by_operator = bool(record.get("operator_disabled"))
        if record["boot_id"] != boot_id:
            # Whoever rebooted the machine has acted: what was given up gets a new chance.
            phase = Phase.WATCHING if phase is Phase.GIVEN_UP else phase
            return PairingState(phase=phase, pause=pause, operator_disabled=by_operator), transitions
        state = PairingState(
            phase=phase,
            seen_running=bool(record["seen_running"]),
            starts=tuple(Start(float(at_s), bool(charged)) for at_s, charged in record["starts"]),
            attempts=int(record["attempts"]),
            last_enable_at_s=_time(record["last_enable_at_s"]),
            last_kill_at_s=_time(record.get("last_kill_at_s")),
            hung_since_s=_time(record.get("hung_since_s")),
            pause=pause,
            operator_disabled=by_operator,
            held_epoch=int(record.get("held_epoch", 0)),
        )
    except MISTAKES as error:
        raise RecordError(f"{type(error).__name__}: {error}") from error
    return state, transitions


def _pause(value: Mapping[str, Any]) -> Pause:
    return Pause(
        reason=str(value["reason"]),
        by=str(value["by"]),
        began_wall_s=float(value["began_wall_s"]),
        until_wall_s=float(value["until_wall_s"]),
    )


def _time(value: Any) -> float | None:
    return None if value is None else float(value)
