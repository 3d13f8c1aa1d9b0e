"""The records of the hold protocol in the store, as JSON objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nova_watchdog.core.errors import RecordError
from nova_watchdog.core.strict import (
    MISTAKES,
    count_of,
    flag_of,
    list_of,
    number_of,
    seconds_of,
    text_of,
)

FORMAT = 1
CONTROLLERS = "controllers/"
HOLDS = "holds/"
# So many moves are remembered: no budget can be larger.
MOVES_KEPT = 20
# A record with more is refused, and so is such a configuration: whoever waits must know how long at most.
MAX_DEADLINE_S = 300.0
MAX_KILL_S = 60.0


@dataclass(frozen=True, slots=True)
class Vantage:
    """What a controller says of itself about one pairing: could it serve it now, and if not, why not."""

    ready: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ControllerRecord:
    """`controllers/<name>`: proof of life of one registration of a daemon.

    incarnation: random, made anew by each registration.
    seq: grows with each attempt to renew, so that a written one tells which attempt it was.
    writer: random, made anew by each daemon: a renewal of the daemon before may be written late.
    deadline_s, kill_s: its D and kill time; D is the longest that is armed anywhere.
    fenced: another one took over from it; this registration holds nothing any more.
    vantages: by pairing.
    """

    incarnation: str
    seq: int
    deadline_s: float
    kill_s: float
    fenced: bool = False
    version: str = ""
    writer: str = ""
    vantages: Mapping[str, Vantage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HoldRecord:
    """`holds/<pairing>`: who holds it.

    holder, incarnation: empty after a release.
    epoch: grows with each change of hands.
    successor: for whom it was released; empty: for nobody in particular.
    stopped: a human stopped it on purpose while it was held: nobody starts it.
    moves: Unix times of the changes of hands that no human asked for, the budget's measure.
    """

    holder: str
    incarnation: str
    epoch: int
    successor: str = ""
    stopped: bool = False
    moves: tuple[float, ...] = ()


def controller_key(name: str) -> str:
    """The store's key of a controller."""
    return CONTROLLERS + name


def hold_key(pairing: str) -> str:
    """The store's key of a pairing's hold."""
    return HOLDS + pairing


def to_json(record: ControllerRecord | HoldRecord) -> dict[str, Any]:
    """The JSON object of either record."""
    value = asdict(record)
    if isinstance(record, HoldRecord):
        value["moves"] = list(record.moves[-MOVES_KEPT:])
    return {"format": FORMAT, **value}


def controller_of(value: Mapping[str, Any]) -> ControllerRecord:
    """The record in a JSON object. Fields that are not known are left alone. Raises RecordError."""
    try:
        _check_format(value)
        return ControllerRecord(
            incarnation=text_of(value["incarnation"]),
            seq=count_of(value["seq"]),
            deadline_s=seconds_of(value["deadline_s"], MAX_DEADLINE_S),
            kill_s=seconds_of(value["kill_s"], MAX_KILL_S),
            fenced=flag_of(value["fenced"]),
            version=str(value.get("version", "")),
            writer=text_of(value.get("writer", ""), empty=True),
            vantages={
                str(name): Vantage(flag_of(one["ready"]), str(one.get("reason", "")))
                for name, one in dict(value.get("vantages", {})).items()
            },
        )
    except MISTAKES as error:
        raise RecordError(f"{type(error).__name__}: {error}") from error


def hold_of(value: Mapping[str, Any]) -> HoldRecord:
    """The record in a JSON object. Raises RecordError."""
    try:
        _check_format(value)
        holder = text_of(value["holder"], empty=True)
        return HoldRecord(
            holder=holder,
            incarnation=text_of(value["incarnation"], empty=not holder),
            epoch=count_of(value["epoch"]),
            successor=text_of(value["successor"], empty=True),
            stopped=flag_of(value["stopped"]),
            moves=tuple(number_of(wall_s) for wall_s in list_of(value["moves"])),
        )
    except MISTAKES as error:
        raise RecordError(f"{type(error).__name__}: {error}") from error


def _check_format(value: Mapping[str, Any]) -> None:
    if value.get("format") != FORMAT:
        raise ValueError(f"format is {value.get('format')!r:.50}, this version reads {FORMAT}")
