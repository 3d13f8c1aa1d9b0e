"""The records of the hold protocol in the store, as JSON objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
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
# What a controller says of the pairings lies apart: it is large, and a renewal is written every few seconds.
VANTAGES = "vantages/"
# Below what the adapter lets through for one value, 64 KiB.
MOST_VANTAGES_BYTES = 60_000
_SHORT_REASON = 40
# So many moves are remembered: no budget can be larger.
MOVES_KEPT = 20
# A record with more is refused, and so is such a configuration: whoever waits must know how long at most.
MAX_DEADLINE_S = 300.0
MAX_KILL_S = 60.0


@dataclass(frozen=True, slots=True)
class Vantage:
    """What a controller says of itself about one pairing: could it serve it now, and if not, why not.

    identity: what must be the same wherever the pairing runs, by the name of the check; nothing secret.
    failing: the names of the checks that speak against it, which a human may accept; empty where it is not
        ready for a reason that nobody can accept.
    unproven: what could not be told; no reason against it, and no proof either.
    serves: it runs here under a hold, reaches what it needs, and reports.
    """

    ready: bool
    reason: str = ""
    identity: Mapping[str, str] = field(default_factory=dict)
    failing: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    serves: bool = False


@dataclass(frozen=True, slots=True)
class ControllerRecord:
    """`controllers/<name>`: proof of life of one registration of a daemon.

    incarnation: random, made anew by each registration.
    seq: grows with each attempt to renew, so that a written one tells which attempt it was.
    writer: random, made anew by each daemon: a renewal of the daemon before may be written late.
    deadline_s, kill_s: its D and kill time; D is the longest that is armed anywhere.
    fenced: another one took over from it; this registration holds nothing any more.
    vantages: by pairing.
    priority: of several standbys that could serve, the one with the highest comes first.
    reads: the newest format of records that its daemon can read (docs/safety.md, "The records").
    """

    incarnation: str
    seq: int
    deadline_s: float
    kill_s: float
    fenced: bool = False
    version: str = ""
    writer: str = ""
    vantages: Mapping[str, Vantage] = field(default_factory=dict)
    priority: int = 0
    reads: int = FORMAT


@dataclass(frozen=True, slots=True)
class HoldRecord:
    """`holds/<pairing>`: who holds it.

    holder, incarnation: empty after a release.
    epoch: grows with each change of hands.
    successor: for whom it was released; empty: for nobody in particular.
    stopped: a human stopped it on purpose while it was held: nobody starts it.
    moves: Unix times of the changes of hands that no human asked for, the budget's measure.
    accepted: checks of the successor that a human accepts although they fail.
    failed: since when (Unix time) a controller is known that could not make it work.
    """

    holder: str
    incarnation: str
    epoch: int
    successor: str = ""
    stopped: bool = False
    moves: tuple[float, ...] = ()
    accepted: tuple[str, ...] = ()
    failed: Mapping[str, float] = field(default_factory=dict)


def controller_key(name: str) -> str:
    """The store's key of a controller."""
    return CONTROLLERS + name


def vantages_key(name: str) -> str:
    """The store's key of what a controller says of the pairings."""
    return VANTAGES + name


def renewal_json(record: ControllerRecord) -> dict[str, Any]:
    """What a renewal writes each time: everything but the vantages."""
    return to_json(replace(record, vantages={}))


def vantages_json(record: ControllerRecord) -> dict[str, Any]:
    """What is written beside it, in the same transaction, where the vantages changed.

    Never so large that the store would refuse it and the renewal with it: with many pairings the words are
    left out first, then what is compared, then all of it.
    """
    whole = record.vantages
    told = (
        {name: asdict(vantage) for name, vantage in said.items()}
        for said in (whole, _without_words(whole), _bare(whole))
    )
    value = next((one for one in told if len(json.dumps(one)) <= MOST_VANTAGES_BYTES), {})
    return {"format": FORMAT, "incarnation": record.incarnation, "vantages": value}


def _without_words(vantages: Mapping[str, Vantage]) -> Mapping[str, Vantage]:
    return {name: replace(one, reason=one.reason[:_SHORT_REASON]) for name, one in vantages.items()}


def _bare(vantages: Mapping[str, Vantage]) -> Mapping[str, Vantage]:
    short = _without_words(vantages)
    return {name: replace(one, identity={}, failing=(), unproven=()) for name, one in short.items()}


def joined(found: Mapping[str, tuple[Mapping[str, Any], int]]) -> dict[str, tuple[Mapping[str, Any], int]]:
    """One answer of the store with each controller's vantages in its record.

    Those of another registration than the record's say nothing of this one, and those that cannot be read
    say nothing at all: a record of holding is worth no less for that.
    """
    records = {}
    for key, (value, revision) in found.items():
        if key.startswith(VANTAGES):
            continue
        beside, _ = found.get(vantages_key(key.removeprefix(CONTROLLERS)), ({}, 0))
        is_its = key.startswith(CONTROLLERS) and beside.get("incarnation") == value.get("incarnation")
        said = beside.get("vantages", {}) if is_its else {}
        records[key] = ({**value, "vantages": said} if said and _are_vantages(said) else value, revision)
    return records


def _are_vantages(value: object) -> bool:
    try:
        return bool(_vantages_of(value))
    except MISTAKES:
        return False


def hold_key(pairing: str) -> str:
    """The store's key of a pairing's hold."""
    return HOLDS + pairing


def to_json(record: ControllerRecord | HoldRecord) -> dict[str, Any]:
    """The JSON object of either record."""
    value = asdict(record)
    if isinstance(record, HoldRecord):
        value["moves"] = list(record.moves[-MOVES_KEPT:])
        value["accepted"] = list(record.accepted)
        newest = sorted(record.failed.items(), key=lambda one: one[1])[-MOVES_KEPT:]
        value["failed"] = dict(newest)
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
            vantages=_vantages_of(value.get("vantages", {})),
            priority=int(number_of(value.get("priority", 0))),
            reads=count_of(value.get("reads", FORMAT)),
        )
    except MISTAKES as error:
        raise RecordError(f"{type(error).__name__}: {error}") from error


def _vantages_of(value: Any) -> dict[str, Vantage]:
    return {str(name): _vantage_of(one) for name, one in dict(value).items()}


def _vantage_of(value: Mapping[str, Any]) -> Vantage:
    return Vantage(
        ready=flag_of(value["ready"]),
        reason=str(value.get("reason", "")),
        identity={str(check): str(shown) for check, shown in dict(value.get("identity", {})).items()},
        failing=_names_of(value.get("failing", [])),
        unproven=_names_of(value.get("unproven", [])),
        serves=flag_of(value.get("serves", False)),
    )


def _names_of(value: object) -> tuple[str, ...]:
    return tuple(text_of(name) for name in list_of(value))


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
            accepted=_names_of(value.get("accepted", [])),
            failed={
                text_of(name): number_of(wall_s) for name, wall_s in dict(value.get("failed", {})).items()
            },
        )
    except MISTAKES as error:
        raise RecordError(f"{type(error).__name__}: {error}") from error


def _check_format(value: Mapping[str, Any]) -> None:
    if value.get("format") != FORMAT:
        raise ValueError(f"format is {value.get('format')!r:.50}, this version reads {FORMAT}")
