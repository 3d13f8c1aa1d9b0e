"""What happens to a simulated cloud, as data: how many controllers and pairings, and which faults when."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nova_watchdog.core.hold.decide import HoldPolicy
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.model import Pairing
from nova_watchdog.core.policy import Policy


class Kind(enum.Enum):
    """What can happen. `MEANINGS` says what each is."""

    # To a controller
    KILL = "kill"
    REBOOT = "reboot"
    RESET = "reset"
    FREEZE = "freeze"
    PAUSE = "pause"
    CUT = "cut"
    CUT_STORE = "cut-store"
    CUT_VCENTER = "cut-vcenter"
    CUT_BUS = "cut-bus"
    LOSE_REQUESTS = "lose-requests"
    LOSE_REPLIES = "lose-replies"
    WIPE_RUN = "wipe-run"
    SLOW_SYSTEMD = "slow-systemd"
    STUCK_TIMER = "stuck-timer"
    # To its daemon
    KILL_DAEMON = "kill-daemon"
    STOP_DAEMON = "stop-daemon"
    STALL_DAEMON = "stall-daemon"
    UPGRADE = "upgrade"
    BAD_STARTS = "bad-starts"
    # To a nova-compute: `target` is a pairing
    CRASH = "crash"
    HANG = "hang"
    HUMAN_STOP = "human-stop"
    HUMAN_START = "human-start"
    SWITCHOVER = "switchover"
    SLOW_STOPS = "slow-stops"
    ROGUE = "rogue"
    # To everybody: `target` is ignored
    STORE_DOWN = "store-down"
    STORE_SLOW = "store-slow"
    STORE_RESTORED = "store-restored"
    STALE_WATCH = "stale-watch"
    VCENTER_DOWN = "vcenter-down"
    BUS_DOWN = "bus-down"
    NOVA_DOWN = "nova-down"


MEANINGS: Mapping[Kind, str] = {
    Kind.KILL: "power off at once, on again after `for`",
    Kind.REBOOT: "an ordered reboot; off for `for` in between",
    Kind.RESET: "a reboot without a shutdown; off for `for` in between",
    Kind.FREEZE: "nothing runs, its clock does",
    Kind.PAUSE: "nothing runs and its clock stands still, as when its hypervisor pauses it",
    Kind.CUT: "no way to anything",
    Kind.CUT_STORE: "no way to the store",
    Kind.CUT_VCENTER: "no way to vCenter",
    Kind.CUT_BUS: "no way to the message bus",
    Kind.LOSE_REQUESTS: "what it asks of the store does not arrive",
    Kind.LOSE_REPLIES: "what the store answers does not arrive",
    Kind.WIPE_RUN: "everything below /run is gone",
    Kind.SLOW_SYSTEMD: "its systemd answers late",
    Kind.STUCK_TIMER: "arming the deadline is accepted and has no effect",
    Kind.KILL_DAEMON: "its daemon is killed; systemd starts it again",
    Kind.STOP_DAEMON: "its daemon is stopped, and started after `for`",
    Kind.STALL_DAEMON: "its daemon does nothing",
    Kind.UPGRADE: "its daemon is stopped and started with a deadline of `value` seconds (0: as it was)",
    Kind.BAD_STARTS: "every nova-compute that is started there ends at once, as with a broken installation",
    Kind.CRASH: "the process dies",
    Kind.HANG: "the process does nothing",
    Kind.HUMAN_STOP: "a human stops it where it runs, and starts it after `for`",
    Kind.HUMAN_START: "a human starts it on every controller",
    Kind.SWITCHOVER: "a human asks its holder to give it to another controller",
    Kind.SLOW_STOPS: "a stop takes 165 s, as with a vCenter that does not answer",
    Kind.ROGUE: "somebody runs it on a machine without a watchdog",
    Kind.STORE_DOWN: "the store answers nobody",
    Kind.STORE_SLOW: "the store answers late",
    Kind.STORE_RESTORED: "the store goes back to what it was `value` seconds ago",
    Kind.STALE_WATCH: "the store's watches tell nothing",
    Kind.VCENTER_DOWN: "vCenter refuses everybody",
    Kind.BUS_DOWN: "the message bus refuses everybody",
    Kind.NOVA_DOWN: "Nova's API fails for everybody",
}
OF_PAIRING = frozenset(
    {Kind.CRASH, Kind.HANG, Kind.HUMAN_STOP, Kind.HUMAN_START, Kind.SWITCHOVER, Kind.SLOW_STOPS, Kind.ROGUE}
)
OF_ALL = frozenset(
    {
        Kind.STORE_DOWN,
        Kind.STORE_SLOW,
        Kind.STORE_RESTORED,
        Kind.STALE_WATCH,
        Kind.VCENTER_DOWN,
        Kind.BUS_DOWN,
        Kind.NOVA_DOWN,
    }
)
AT_ONCE = frozenset(
    {
        Kind.WIPE_RUN,
        Kind.KILL_DAEMON,
        Kind.UPGRADE,
        Kind.CRASH,
        Kind.HUMAN_START,
        Kind.SWITCHOVER,
        Kind.STORE_RESTORED,
    }
)
# What has a `value`.
VALUED = frozenset({Kind.UPGRADE, Kind.STORE_RESTORED})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that happens. Times are true seconds from the begin. `value`: see `MEANINGS`."""

    kind: Kind
    at_s: float
    target: str = ""
    lasts_s: float = 0.0
    value: float = 0.0

    @property
    def ends_at_s(self) -> float:
        """When it is over."""
        return self.at_s + (0.0 if self.kind in AT_ONCE else self.lasts_s)

    def __str__(self) -> str:
        words = [self.kind.value, self.target, f"at {_number(self.at_s)}s"]
        words += [f"for {_number(self.lasts_s)}s"] * (bool(self.lasts_s) and self.kind not in AT_ONCE)
        words += [f"value {_number(self.value)}"] * bool(self.value)
        return " ".join(filter(None, words))


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole run. Nothing else decides what happens in it.

    rates: the clock rate of each controller, 1.0 where none is given.
    settle_s: how long after the last fault everything must be well again.
    known: the operator's own pairings, of these names; empty: made up, all in mode protect.
    """

    controllers: tuple[str, ...]
    pairings: tuple[str, ...]
    lasts_s: float
    seed: int = 0
    faults: tuple[Fault, ...] = ()
    rates: tuple[float, ...] = ()
    timing: Timing = field(default_factory=Timing)
    policy: Policy = field(default_factory=Policy)
    hold_policy: HoldPolicy = field(default_factory=HoldPolicy)
    settle_s: float = 600.0
    known: tuple[Pairing, ...] = ()

    def rate(self, controller: str) -> float:
        """The clock rate of a controller."""
        index = self.controllers.index(controller)
        return self.rates[index] if index < len(self.rates) else 1.0

    @property
    def faults_end_s(self) -> float:
        """When the last fault is over."""
        return max((fault.ends_at_s for fault in self.faults), default=0.0)


def _number(value: float) -> str:
    """Exact to the millisecond, and read back as the same number by `parse_fault`."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


class FaultError(ValueError):
    """A fault that cannot be understood. The text says what is wrong and what is allowed."""


_FAULT = re.compile(
    r"(?P<kind>[a-z-]+)(?: +(?P<target>[^ ]+))? +at +(?P<at>[0-9.][0-9.hms]*)"
    r"(?: +for +(?P<lasts>[0-9.][0-9.hms]*))?(?: +value +(?P<value>[0-9.]+))?"
)
# A number alone is seconds.
_TIME = re.compile(r"(?:([0-9.]+)h)?(?:([0-9.]+)m)?(?:([0-9.]+)s)?")
_UNITS_S = (3600.0, 60.0, 1.0)
_USUALLY_S = 60.0


def parse_fault(text: str, controllers: Sequence[str], pairings: Sequence[str]) -> Fault:
    """The fault in words: `KIND [TARGET] at TIME [for TIME] [value NUMBER]`. Raises FaultError."""
    match = _FAULT.fullmatch(text.strip())
    if match is None:
        raise FaultError(
            f'"{text}" is not understood: allowed is KIND [TARGET] at TIME [for TIME] [value NUMBER], '
            'such as "kill ctl1 at 30s for 2m"'
        )
    kind = _kind(match["kind"])
    target = match["target"] or ""
    allowed = () if kind in OF_ALL else tuple(pairings if kind in OF_PAIRING else controllers)
    if target not in (allowed or ("",)):
        names = f"one of {', '.join(allowed)}" if allowed else "nothing"
        raise FaultError(f'"{text}": {kind.value} happens to {target or "nothing"}: allowed is {names}')
    if match["lasts"] and kind in AT_ONCE:
        raise FaultError(f'"{text}": {kind.value} happens at once: allowed is no `for`')
    if match["value"] and kind not in VALUED:
        valued = " and ".join(sorted(one.value for one in VALUED))
        raise FaultError(f'"{text}": {kind.value} has no `value`: allowed is one with {valued}')
    lasts_s = _seconds(match["lasts"], text) if match["lasts"] else _USUALLY_S
    value = _value(match["value"], text) if match["value"] else 0.0
    return Fault(kind, _seconds(match["at"], text), target, 0.0 if kind in AT_ONCE else lasts_s, value)


def _kind(word: str) -> Kind:
    try:
        return Kind(word)
    except ValueError:
        allowed = ", ".join(kind.value for kind in Kind)
        raise FaultError(f'"{word}" is no fault: allowed are {allowed}') from None


def _seconds(text: str, whole: str) -> float:
    match = _TIME.fullmatch(f"{text}s" if text[-1].isdigit() and not set(text) & set("hms") else text)
    counts = match.groups("0") if match else ("",)
    try:
        return sum(float(count) * unit_s for count, unit_s in zip(counts, _UNITS_S, strict=False))
    except ValueError:
        allowed = "a number with s, m or h, or several as in 1m30s"
        raise FaultError(f'"{whole}": {text} is no time: allowed is {allowed}') from None


def _value(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise FaultError(f'"{whole}": {text} is no number: allowed is one such as 20 or 20.5') from None


def to_json(scenario: Scenario) -> dict[str, Any]:
    """What must be known to play it again with the same timing and policies."""
    return {
        "controllers": list(scenario.controllers),
        "pairings": list(scenario.pairings),
        "lasts_s": scenario.lasts_s,
        "seed": scenario.seed,
        "rates": list(scenario.rates),
        "faults": [str(fault) for fault in scenario.faults],
    }


def with_faults(scenario: Scenario, faults: Sequence[Fault]) -> Scenario:
    """The same with these faults, in the order of their times."""
    return replace(scenario, faults=tuple(sorted(faults, key=lambda fault: (fault.at_s, str(fault)))))
