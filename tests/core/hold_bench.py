"""Records of three controllers that share one pairing, to be varied by the tests of holding."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nova_watchdog.core.hold.claims import Claim, Registration, claim_of
from nova_watchdog.core.hold.decide import Give, HoldDecision, HoldPolicy, Self, decide_hold
from nova_watchdog.core.hold.records import (
    ControllerRecord,
    HoldRecord,
    Vantage,
    controller_key,
    hold_key,
    to_json,
)
from nova_watchdog.core.hold.rules import HereFact
from nova_watchdog.core.hold.sight import Sight, look
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.permission import Permission

PAIRING = "cluster-a"
A, B, C = "ctl-a", "ctl-b", "ctl-c"
TIMING = Timing()
W_S = TIMING.takeover_wait_s
WALL_S = 1_000_000.0
READY = Vantage(ready=True)


def controller(incarnation: str, *, ready: bool = True, **changed: Any) -> ControllerRecord:
    """A controller that renews; `ready`: it could serve the pairing."""
    vantages = {PAIRING: Vantage(ready=ready, reason="" if ready else "no canary passed")}
    return replace(ControllerRecord(incarnation, 1, 15.0, 2.0, vantages=vantages), **changed)


def over(since_s: float, wait_s: float = W_S) -> float:
    """The first moment at which a wait is over, to the last bit."""
    now_s = since_s + wait_s
    while now_s - since_s < wait_s:
        now_s = math.nextafter(now_s, math.inf)
    return now_s


def just_before(now_s: float) -> float:
    """The last moment before."""
    return math.nextafter(now_s, 0.0)


HELD_BY_A = HoldRecord(A, "a1", 7, moves=(10.0,))


class Bench:
    """A store, and ctl-b's eyes on it. Registered long ago, ready, with its unit dead."""

    def __init__(self, hold: HoldRecord | None = HELD_BY_A, *, at_s: float = 1000.0) -> None:
        self.found: dict[str, tuple[Mapping[str, Any], int]] = {}
        self.revision = 10
        self.sight = Sight()
        self.timing = TIMING
        self.policy = HoldPolicy()
        self.put(controller_key(A), to_json(controller("a1")))
        self.put(controller_key(B), to_json(controller("b1")))
        if hold is not None:
            self.put(hold_key(PAIRING), to_json(hold))
        self.registration: Registration | None = Registration("b1", self.of(controller_key(B)), 1, at_s, 0.0)
        self.look(at_s)

    def of(self, key: str) -> int:
        """The revision of a key, 0: absent."""
        return self.found[key][1] if key in self.found else 0

    def put(self, key: str, value: Mapping[str, Any]) -> int:
        """Write one record, whatever it is."""
        self.revision += 1
        self.found[key] = (value, self.revision)
        return self.revision

    def write(self, name: str, record: ControllerRecord) -> int:
        """Write a controller's record."""
        return self.put(controller_key(name), to_json(record))

    def hold(self, record: HoldRecord) -> int:
        """Write the hold's record."""
        return self.put(hold_key(PAIRING), to_json(record))

    def look(self, at_s: float) -> Sight:
        """Read everything; the answer took no time."""
        self.sight = look(self.sight, dict(self.found), at_s, at_s)
        return self.sight

    def claim(self, now_s: float, me: str = B) -> Claim:
        """Whose it is, by the last look."""
        incarnation = self.registration.incarnation if self.registration else None
        return claim_of(PAIRING, me, incarnation, self.sight, self.timing, now_s)

    def decide(self, now_s: float, *, wall_s: float = WALL_S, **changed: Any) -> HoldDecision:
        """Judge as ctl-b, freshly renewed unless `registration` says otherwise."""
        renewed = replace(self.registration, sent_s=now_s) if self.registration else None
        me = Self(B, renewed, HereFact.DEAD, READY, Permission.PROTECT)
        return decide_hold(
            PAIRING, replace(me, **changed), self.sight, self.timing, self.policy, now_s, wall_s
        )


MINE = HoldRecord(B, "b1", 7, moves=(WALL_S - 10,))
PATH_LOST = Give("the path to vCenter is lost here")
BY_HUMAN = Give("a human asked", by_human=True)


def with_standby(hold: HoldRecord | None = MINE, *, ready: bool = True) -> Bench:
    """ctl-c renews, and could serve. ctl-a could not."""
    bench = Bench(hold)
    bench.write(A, controller("a1", ready=False))
    bench.write(C, controller("c1", ready=ready))
    bench.look(1000.0)
    return bench
