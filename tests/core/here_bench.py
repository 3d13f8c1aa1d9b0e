"""The pairing's own loop on a controller that shares it with others."""

from __future__ import annotations

from dataclasses import replace

from core import builders
from core.builders import RECORD, killed, observation
from core.hold_bench import TIMING
from nova_watchdog.core.decide import Decision, StartUnit, decide
from nova_watchdog.core.facts import (
    BusFact,
    Facts,
    HeartbeatFact,
    HoldFact,
    NovaFact,
    Quality,
    RpcFact,
    ServiceFact,
    UnitFact,
    VCenterFact,
)
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.memory import remember
from nova_watchdog.core.model import Observation, StopCause
from nova_watchdog.core.permission import permission_of, with_hold
from nova_watchdog.core.state import Phase

STANDBY = Facts(
    UnitFact.DOWN,
    VCenterFact.OK,
    NovaFact.KNOWN,
    HeartbeatFact.UNSEEN,
    ServiceFact.ENABLED,
    BusFact.OK,
    RpcFact.ANSWERED,
    Quality.FINE,
    HoldFact.STANDBY,
)


class Here(builders.Bench):
    """The pairing's own loop on a controller that shares it, under a hold that the test sets."""

    def __init__(self, holding: Holding, phase: Phase = Phase.WATCHING) -> None:
        super().__init__(phase)
        self.holding = holding

    def see(self, seen: Observation, at_s: float) -> Decision:
        """Fold, decide with the hold as it is, keep the state. A hold that is mine was renewed just now."""
        self.memory = remember(self.memory, self.pairing, seen)
        if self.holding.claim is Claim.MINE and self.holding.until_s is not None:
            self.holding = replace(self.holding, until_s=at_s + TIMING.deadline_s)
        decision = decide(
            self.pairing,
            self.state,
            seen,
            self.memory,
            self.policy,
            at_s,
            permission=with_hold(
                permission_of(self.pairing.mode, self.state.pause, "", 0.0), self.holding, at_s
            ),
            holding=self.holding,
        )
        self.state = decision.state
        return decision


ELSEWHERE = Holding(Claim.HELD, holder="ctl-a", epoch=6)
# The last holder must have been dead at 215 s, this one took it over at 218 s.
TAKEN = Holding(Claim.MINE, until_s=230.0, since_s=218.0, dead_since_s=215.0, epoch=7)
NEVER = replace(killed(0), stop_cause=StopCause.NEVER_RAN, started_at_s=0, invocation_id="")


def starts(decision) -> list[StartUnit]:
    return [a for a in decision.actions if isinstance(a, StartUnit)]


def beat(at_s: float, text: str, unit=NEVER) -> Observation:
    """A look at everything; Nova's record was advanced to `text`."""
    return observation(at_s, unit, record=replace(RECORD, updated_at=text))


def standby(*beats: tuple[float, str]) -> Here:
    """A controller that has stood by, and saw these reports of the holder."""
    bench = Here(ELSEWHERE, Phase.NEW)
    for at_s, text in beats:
        assert not bench.see(beat(at_s, text), at_s).actions
    return bench
