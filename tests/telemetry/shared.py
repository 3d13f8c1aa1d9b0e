"""Snapshots of a controller that shares its pairings with others by a store."""

from __future__ import annotations

from dataclasses import replace

from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.rules import TABLE
from nova_watchdog.core.snapshot import FleetSnapshot, HoldSnapshot, KeeperSnapshot, StandbySnapshot
from nova_watchdog.core.store_size import StoreSize
from telemetry import pictures
from telemetry.pictures import Story

ALL_READY = (
    StandbySnapshot("ctl1", renews=True, ready=True),
    StandbySnapshot("ctl2", renews=True, ready=True, priority=10),
    StandbySnapshot("ctl3", renews=False, ready=False, reason="it does not renew"),
)
NONE_READY = (
    StandbySnapshot("ctl1", renews=True, ready=True),
    StandbySnapshot("ctl2", renews=True, ready=False, reason="compute_id is missing in /var/lib/nova"),
)
# The row of the table of holding that most often goes with a claim.
_RULES = {
    Claim.UNREAD: "H02",
    Claim.NOBODY: "H21",
    Claim.MINE: "H13",
    Claim.HELD: "H30",
    Claim.RESERVED: "H31",
    Claim.STOPPED: "H32",
    Claim.FREE: "H43",
    Claim.OFFERED: "H50",
    Claim.SILENT: "H44",
}


def keeper(now_s: float, **changed: object) -> KeeperSnapshot:
    """Renewed two seconds ago, with the default times."""
    found = KeeperSnapshot(
        registered=True,
        renewed_at_s=now_s - 2.0,
        until_s=now_s + 13.0,
        deadline_s=15.0,
        takeover_wait_s=17.93,
        renewals=40,
        renewal_failures=1,
        takeovers={("cluster-a", "done"): 1},
        size=StoreSize(size_bytes=26_214_400, in_use_bytes=1_048_576),
    )
    return replace(found, **changed)  # type: ignore[arg-type]


def hold(
    claim: Claim = Claim.MINE,
    holder: str = "ctl1",
    now_s: float = 30.0,
    standbys: tuple[StandbySnapshot, ...] = ALL_READY,
    *,
    stopped: bool = False,
) -> HoldSnapshot:
    """A pairing's hold as ctl1 sees it."""
    (rule,) = [one for one in TABLE if one.number == _RULES[claim]]
    return HoldSnapshot(
        claim=claim,
        holder=holder,
        epoch=0 if claim in (Claim.NOBODY, Claim.UNREAD) else 3,
        rule=rule.number,
        why=rule.why,
        remedy=rule.remedy,
        until_s=now_s + 13.0 if claim is Claim.MINE else None,
        stopped=stopped,
        moves_left=2,
        standbys=standbys,
        blocked_by={"vcenter": False, "compute-id": True},
    )


def fleet(*stories: Story, **holds: HoldSnapshot) -> FleetSnapshot:
    """These pairings after their last ticks. `holds` (`cluster_b=...`): one that is missing is held here."""
    snapshot = pictures.fleet(*stories)
    given = {name.replace("_", "-"): one for name, one in holds.items()}
    found = {name: given.get(name) or hold(now_s=snapshot.now_s) for name in snapshot.pairings}
    return replace(snapshot, keeper=keeper(snapshot.now_s), holds=found)


def standby_fleet(*standbys: StandbySnapshot) -> FleetSnapshot:
    """cluster-a, held by ctl2, as ctl1 sees it, which stands by."""
    known = standbys or (ALL_READY[0], ALL_READY[1])
    return fleet(pictures.standby(), cluster_a=hold(Claim.HELD, "ctl2", standbys=known))


def with_keeper(snapshot: FleetSnapshot, **changed: object) -> FleetSnapshot:
    """The same with another state of the store."""
    return replace(snapshot, keeper=keeper(snapshot.now_s, **changed))
