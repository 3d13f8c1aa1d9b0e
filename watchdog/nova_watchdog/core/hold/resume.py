"""Whether a daemon may go on with the hold of the one before it, and what it leaves to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nova_watchdog.core.hold.moves import Give
from nova_watchdog.core.hold.records import MAX_DEADLINE_S, ControllerRecord
from nova_watchdog.core.hold.sight import Seen
from nova_watchdog.core.strict import MISTAKES, count_of, flag_of, list_of, number_of, seconds_of, text_of

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Terms:
    """How a hold began here. Local monotonic times, so they end with the boot; see `holding.Holding`.

    came: it was another one's or nobody's before. Not left to the next daemon: it only spares some waiting.
    """

    epoch: int
    since_s: float
    dead_since_s: float | None
    came: bool = False


@dataclass(frozen=True, slots=True)
class Handover:
    """What one daemon leaves to the next in `/run`.

    deadline_s: the longest D that may be armed. seq: of the last renewal that was confirmed; a record that
    shows less comes from a store that was restored. gives: by pairing, a human's wish that it moves.
    stops: the pairings whose stop was asked for so that they move, whoever wished it: such a stop is nobody's
    wish that it stays down.
    """

    boot_id: str
    incarnation: str
    deadline_s: float
    terms: Mapping[str, Terms] = field(default_factory=dict)
    seq: int = 0
    gives: Mapping[str, Give] = field(default_factory=dict)
    stops: tuple[str, ...] = ()


def to_json(handover: Handover) -> dict[str, Any]:
    """Its JSON object."""
    return {
        "format": FORMAT,
        "boot_id": handover.boot_id,
        "incarnation": handover.incarnation,
        "deadline_s": handover.deadline_s,
        "seq": handover.seq,
        "gives": {name: [give.why, give.to, give.by_human] for name, give in handover.gives.items()},
        "accepts": {name: list(give.accept) for name, give in handover.gives.items() if give.accept},
        "stops": list(handover.stops),
        "terms": {name: [t.epoch, t.since_s, t.dead_since_s] for name, t in handover.terms.items()},
    }


def from_json(value: Mapping[str, Any] | None) -> Handover | None:
    """What is in the file; None where there is none that this version can read: then all begins anew."""
    try:
        if value is None or value.get("format") != FORMAT:
            return None
        accepts = dict(value.get("accepts", {}))
        return Handover(
            boot_id=text_of(value["boot_id"]),
            incarnation=text_of(value["incarnation"]),
            deadline_s=seconds_of(value["deadline_s"], MAX_DEADLINE_S),
            terms={
                str(name): Terms(
                    count_of(epoch), number_of(since_s), None if dead_s is None else number_of(dead_s)
                )
                for name, (epoch, since_s, dead_s) in dict(value["terms"]).items()
            },
            seq=count_of(value["seq"]),
            gives={
                str(name): Give(
                    text_of(why, empty=True),
                    text_of(to, empty=True),
                    by_human=flag_of(by_human),
                    accept=_names_of(accepts.get(name, [])),
                )
                for name, (why, to, by_human) in dict(value["gives"]).items()
            },
            stops=_names_of(value.get("stops", [])),
        )
    except MISTAKES:
        return None


def _names_of(value: object) -> tuple[str, ...]:
    return tuple(text_of(name) for name in list_of(value))


def why_not_resumed(
    handover: Handover | None,
    boot_id: str,
    own: Seen[ControllerRecord] | None,
    elapses_at_s: float | None,
    now_s: float,
) -> str:
    """Why the hold does not go on; empty: it does.

    `elapses_at_s`: when the deadline fires, None: it does not.
    """
    record = own.value if own else None
    if handover is None:
        return "nothing is known of an earlier daemon"
    if record is None:
        return "the store has no record of this controller that can be read"
    reasons = {
        "the controller was rebooted": handover.boot_id != boot_id,
        "the store's record is of another registration": record.incarnation != handover.incarnation,
        "another controller took over": record.fenced,
        "the store went back to an older record": record.seq < handover.seq,
        "the deadline has fired, or is not armed": elapses_at_s is None or elapses_at_s <= now_s,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
