"""What the keeper shows of its holds: one frozen picture for telemetry."""

from __future__ import annotations

from collections.abc import Mapping

from nova_watchdog.core.hold.decide import HoldPolicy, moves_left
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.hold.rules import TABLE
from nova_watchdog.core.hold.sight import Sight
from nova_watchdog.core.hold.standbys import renews, vantage_at, why_not_ready
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.snapshot import HoldSnapshot, KeeperSnapshot, StandbySnapshot
from nova_watchdog.runtime.registrar import Registrar

_REMEDIES = {rule.number: rule.remedy for rule in TABLE}


def hold_snapshot(
    pairing: str,
    holding: Holding,
    sight: Sight,
    timing: Timing,
    policy: HoldPolicy,
    now_s: float,
    wall_s: float,
) -> HoldSnapshot:
    """One pairing's hold, and who could take it."""
    seen = sight.holds.get(pairing)
    record = seen.value if seen else None
    return HoldSnapshot(
        claim=holding.claim,
        holder=holding.holder,
        epoch=holding.epoch,
        rule=holding.rule,
        why=holding.why,
        remedy=_REMEDIES.get(holding.rule, ""),
        until_s=holding.until_s,
        stopped=holding.stopped,
        moves_left=moves_left(record, policy, wall_s) if record else policy.move_budget,
        standbys=_standbys(pairing, sight, timing, now_s),
    )


def _standbys(pairing: str, sight: Sight, timing: Timing, now_s: float) -> tuple[StandbySnapshot, ...]:
    """Every controller that the store knows, by name. One whose record cannot be read is told as that."""
    found = []
    for name, seen in sorted(sight.controllers.items()):
        if seen.value is None and not seen.problem:
            continue
        there = renews(seen, timing, now_s)
        ready = there and vantage_at(name, pairing, sight).ready
        reason = "" if ready else why_not_ready(name, pairing, sight, timing, now_s)
        priority = seen.value.priority if seen.value else 0
        found.append(StandbySnapshot(name, there, ready, reason, priority))
    return tuple(found)


def keeper_snapshot(
    registrar: Registrar, timing: Timing, takeovers: Mapping[tuple[str, str], int]
) -> KeeperSnapshot:
    """This controller in the store."""
    held = registrar.registration
    return KeeperSnapshot(
        registered=held is not None,
        problem=registrar.problem,
        renewed_at_s=held.sent_s if held else None,
        until_s=registrar.until_s,
        deadline_s=timing.deadline_s,
        takeover_wait_s=timing.takeover_wait_s,
        renewals=registrar.confirmed,
        renewal_failures=registrar.failed,
        takeovers=dict(takeovers),
    )
