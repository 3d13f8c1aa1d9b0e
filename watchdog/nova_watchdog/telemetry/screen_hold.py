"""Holds as lines for people: the store, who holds a pairing, who could take it.

A daemon that is alone shows nothing of this.
"""

from __future__ import annotations

from collections.abc import Iterator

from nova_watchdog.core.verification import Verification, words_of
from nova_watchdog.telemetry.text import age
from nova_watchdog.telemetry.view_readings import Document

Lines = Iterator[tuple[str, str]]

# Host names may be long, and the table is not.
_MAX_NAME = 16
_MIB = 1024 * 1024
COLUMNS = ("HOLDER", "STANDBY", "DEADLINE")

_WHOSE = {
    "unread": "not known: the store does not tell",
    "nobody": "nobody's as yet",
    "reserved": "released for another controller, which has not taken it yet",
    "stopped": "nobody's: a human stopped it",
    "free": "nobody's: its holder's registration has ended",
    "offered": "nobody's: released for this controller",
}


def store(shown: Document) -> str:
    """One line about the store, empty for a daemon that is alone."""
    keeper = shown["keeper"]
    if keeper is None:
        return ""
    age_s, left_s = keeper["renewal_age_s"], keeper["deadline_left_s"]
    renewed = "never renewed" if age_s is None else f"renewed {age(age_s)} ago"
    deadline = "no deadline armed" if left_s is None else f"deadline in {age(left_s)}"
    if not keeper["registered"]:
        return f"etcd: NOT REGISTERED, nothing is held here: {keeper['problem'] or 'not tried yet'}"
    if keeper["problem"]:
        return f"etcd: {renewed}, {deadline}, RENEWAL FAILS: {keeper['problem']}"
    return f"etcd: {renewed}, {deadline}"


def size(shown: Document) -> str:
    """One line about a store that is full or will be, empty for one that has room."""
    keeper = shown["keeper"]
    found = keeper["size"] if keeper is not None else None
    if found is None or not (found["alarms"] or found["filling"]):
        return ""
    quota = found["quota_bytes"]
    of_quota = f"{quota / _MIB:.0f} MiB" if quota else "a quota that is not told (2048 MiB by default)"
    fills = f"its database has {found['size_bytes'] / _MIB:.0f} MiB of {of_quota}"
    in_use = f"{found['in_use_bytes'] / _MIB:.0f} MiB in use"
    if found["alarms"]:
        return f"etcd: ALARM {', '.join(found['alarms'])}: it refuses every write; {fills}, {in_use}"
    return f"etcd: FILLING, at its quota it refuses every write: {fills}, {in_use}"


def word(pairing: Document) -> str:
    """The diagnosis; of a standby with the name of the controller for which it stands by."""
    found = str(pairing["diagnosis"]["word"])
    hold = pairing["hold"]
    if found == "standby" and hold is not None and hold["holder"]:
        return f"standby of {_short(hold['holder'])}"
    return found


def cells(pairing: Document) -> tuple[str, ...]:
    """The cells of COLUMNS: its holder, how many others could take it, how long until the unit is killed."""
    hold = pairing["hold"]
    if hold is None:
        return ("-",) * len(COLUMNS)
    is_held = hold["claim"] in ("mine", "held")
    ready = sum(1 for one in hold["standbys"] if one["ready"])
    return (
        _short(hold["holder"]) if is_held else {"unread": "?"}.get(hold["claim"], "NOBODY"),
        f"{ready}/{len(hold['standbys'])}",
        age(hold["deadline_left_s"]),
    )


def lacks_standby(pairing: Document) -> bool:
    """Whether it is held, and nobody could take it over."""
    hold = pairing["hold"]
    if hold is None or hold["claim"] not in ("mine", "held"):
        return False
    return not any(one["ready"] for one in hold["standbys"])


def is_unfit(shown: Document, pairing: Document) -> bool:
    """Whether this controller stands by for it and could not take it over."""
    return any(
        one["controller"] == shown["controller"] and not one["ready"] for one in _standbys(pairing["hold"])
    )


def lines(pairing: Document) -> Lines:
    """Who holds it and by which rule, and each other controller with what it lacks."""
    hold = pairing["hold"]
    if hold is None:
        return
    yield "hold", f"{_whose(hold)}, epoch {hold['epoch']}, {hold['moves_left']} moves left"
    if hold["stopped"] and hold["claim"] != "stopped":
        yield "", "a human stopped it on purpose"
    yield "", f"{hold['rule']}: {hold['why']}"
    if hold["remedy"]:
        yield "", f"remedy: {hold['remedy']}"
    for one in hold["standbys"]:
        state = "ready" if one["ready"] else f"NOT READY: {one['reason'] or 'it does not say why'}"
        yield "standby", f"{one['controller']}: {state}"
    if not hold["standbys"]:
        yield "standby", "none: no other controller is in the store"


def verified(pairing: Document) -> Lines:
    """What is seen of the nova-compute that runs under this controller's hold: for its explanation."""
    hold = pairing["hold"]
    if hold is not None and hold["verified"] is not None:
        address = pairing["readings"]["inventory"].get("own_address", "")
        yield "verified", words_of(Verification(**hold["verified"]), address)


def size_line(shown: Document) -> Lines:
    """The same about the store for the explanation of a pairing."""
    if text := size(shown):
        yield "store", text


def single_active(shown: Document) -> Lines:
    """What is not guaranteed: for the explanation of a pairing, where there is room for it."""
    keeper = shown["keeper"]
    if keeper is not None:
        text = (
            f"single-active: {keeper['single_active']}. A virtual controller that was paused for longer than "
            f"{keeper['takeover_wait_s']:g} s may run on after it resumes, until its first renewal fails"
        )
        yield "active", text


def _whose(hold: Document) -> str:
    if hold["claim"] == "mine":
        left_s = hold["deadline_left_s"]
        armed = "no deadline armed: nothing is done" if left_s is None else f"deadline in {age(left_s)}"
        return f"held here ({hold['holder']}), {armed}"
    if hold["claim"] == "held":
        return f"held by {hold['holder']}"
    if hold["claim"] == "silent":
        return f"nobody's: {hold['holder']} does not renew any more"
    return _WHOSE.get(hold["claim"], str(hold["claim"]))


def _standbys(hold: Document | None) -> list[Document]:
    return [] if hold is None else list(hold["standbys"])


def _short(name: str) -> str:
    return name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "~"
