"""The families of holding: whose each pairing is, who could take it, and how this daemon stands in the store.

A daemon that is alone has none of these series. A pairing in mode observe has none either: nobody holds it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.snapshot import HoldSnapshot, KeeperSnapshot
from nova_watchdog.core.store_size import ALARMS, StoreSize
from nova_watchdog.telemetry import derived
from nova_watchdog.telemetry.family import Family, Kind, Samples, Scrape

# What became of a takeover: written, refused by the store, without an answer, or given back because what was
# started did not show that it works.
TAKEOVERS = ("done", "refused", "result-unknown", "failed")


def _held(scrape: Scrape) -> Iterator[tuple[str, HoldSnapshot | None]]:
    """Every pairing that is shared, and its hold: None before the store was asked."""
    if scrape.snapshot.keeper is None:
        return
    for pairing in scrape.pairings:
        if derived.is_shared(scrape.snapshot, pairing):
            yield pairing.name, scrape.snapshot.holds.get(pairing.name)


def _claim(scrape: Scrape) -> Samples:
    for name, hold in _held(scrape):
        current = hold.claim if hold else Claim.UNREAD
        for claim in Claim:
            yield (name, claim.value), float(claim is current)


def _holder(scrape: Scrape) -> Samples:
    for name, hold in _held(scrape):
        yield (name, hold.holder if hold else ""), 1.0


def _standbys(scrape: Scrape) -> Samples:
    for name, hold in _held(scrape):
        for one in derived.standbys_of(hold):
            yield (name, one.controller), float(one.renews and one.ready)


def _checks(scrape: Scrape) -> Samples:
    for name, hold in _held(scrape):
        for check, blocks in (hold.blocked_by if hold else {}).items():
            yield (name, check), float(blocks)


def _per_hold(value: Callable[[Scrape, HoldSnapshot], float | None]) -> Callable[[Scrape], Samples]:
    def samples(scrape: Scrape) -> Samples:
        for name, hold in _held(scrape):
            found = value(scrape, hold) if hold else None
            yield (name,), math.nan if found is None else float(found)

    return samples


def _of_the_keeper(value: Callable[[Scrape, KeeperSnapshot], float]) -> Callable[[Scrape], Samples]:
    def samples(scrape: Scrape) -> Samples:
        if scrape.snapshot.keeper is not None:
            yield (), float(value(scrape, scrape.snapshot.keeper))

    return samples


def _last_renewal(scrape: Scrape, keeper: KeeperSnapshot) -> float:
    if keeper.renewed_at_s is None:
        return 0.0
    return derived.wall_of(scrape.snapshot, keeper.renewed_at_s)


def _of_the_size(value: Callable[[StoreSize], float | None]) -> Callable[[Scrape], Samples]:
    """NaN where it is not known."""

    def found(_: Scrape, keeper: KeeperSnapshot) -> float:
        known = None if keeper.size is None else value(keeper.size)
        return math.nan if known is None else float(known)

    return _of_the_keeper(found)


def _alarms(scrape: Scrape) -> Samples:
    keeper = scrape.snapshot.keeper
    if keeper is None:
        return
    for alarm in ALARMS:
        yield (alarm,), math.nan if keeper.size is None else float(alarm in keeper.size.alarms)


def _takeovers(scrape: Scrape) -> Samples:
    keeper = scrape.snapshot.keeper
    if keeper is None:
        return
    counts = {(name, outcome): 0 for name, _ in _held(scrape) for outcome in TAKEOVERS}
    for labels, count in {**counts, **keeper.takeovers}.items():
        yield labels, float(count)


OF_HOLDING: tuple[Family, ...] = (
    Family(
        "nova_watchdog_hold",
        Kind.GAUGE,
        ("pairing", "claim"),
        "Whose the pairing is, as this controller reads the store: 1 for the claim that holds. mine: held "
        "here; held: by another controller, which renews; silent: its holder does not renew any more.",
        _claim,
    ),
    Family(
        "nova_watchdog_holder_info",
        Kind.INFO,
        ("pairing", "holder"),
        "The controller that the pairing's record names, empty without one. Whether it still holds is in "
        "nova_watchdog_hold: mine or held.",
        _holder,
    ),
    Family(
        "nova_watchdog_hold_epoch",
        Kind.GAUGE,
        ("pairing",),
        "How often the pairing has changed hands; 0: it never was anybody's; NaN before the store was asked.",
        _per_hold(lambda _, hold: float(hold.epoch)),
    ),
    Family(
        "nova_watchdog_hold_deadline_seconds",
        Kind.GAUGE,
        ("pairing",),
        "Seconds until systemd kills its unit here, unless a renewal is confirmed before; NaN where it is "
        "not held here, or no deadline is armed.",
        _per_hold(lambda scrape, hold: derived.left_s(hold.until_s, scrape.now_s)),
    ),
    Family(
        "nova_watchdog_hold_stopped",
        Kind.GAUGE,
        ("pairing",),
        "1 where a human stopped it on purpose, under whoever held it then; NaN before the store was asked.",
        _per_hold(lambda _, hold: float(hold.stopped)),
    ),
    Family(
        "nova_watchdog_hold_moves_left",
        Kind.GAUGE,
        ("pairing",),
        "How often it may still move without a human; NaN before the store was asked.",
        _per_hold(lambda _, hold: float(hold.moves_left)),
    ),
    Family(
        "nova_watchdog_standby_ready",
        Kind.GAUGE,
        ("pairing", "controller"),
        "1 for each controller but the holder that renews and could serve the pairing now, 0 for one that "
        "could not: 'nova-watchdog status' says why. Controllers are those that the store knows.",
        _standbys,
    ),
    Family(
        "nova_watchdog_preflight_blocks",
        Kind.GAUGE,
        ("pairing", "check"),
        "1 for a check of this controller's own preflight that keeps it from serving the pairing now, 0 for "
        "one that does not: 'nova-watchdog preflight' has the remedy.",
        _checks,
    ),
    Family(
        "nova_watchdog_store_up",
        Kind.GAUGE,
        (),
        "1 while this daemon is registered in the store that the controllers share and its last renewal was "
        "confirmed. While 0, what it holds is killed at the deadline.",
        _of_the_keeper(lambda _, keeper: derived.is_renewing(keeper)),
    ),
    Family(
        "nova_watchdog_store_last_renewal_timestamp_seconds",
        Kind.GAUGE,
        (),
        "Unix time at which the last confirmed renewal was sent; 0: none yet.",
        _of_the_keeper(_last_renewal),
    ),
    Family(
        "nova_watchdog_store_renewals_total",
        Kind.COUNTER,
        (),
        "Renewals that the store confirmed.",
        _of_the_keeper(lambda _, keeper: keeper.renewals),
    ),
    Family(
        "nova_watchdog_store_renewal_failures_total",
        Kind.COUNTER,
        (),
        "Renewals that failed, or whose answer did not come in time.",
        _of_the_keeper(lambda _, keeper: keeper.renewal_failures),
    ),
    Family(
        "nova_watchdog_store_size_bytes",
        Kind.GAUGE,
        (),
        "The file of etcd's database, of the fullest member that answers: at its quota, 2 GiB by default, "
        "etcd refuses every write; NaN where it is not known.",
        _of_the_size(lambda size: size.size_bytes),
    ),
    Family(
        "nova_watchdog_store_in_use_bytes",
        Kind.GAUGE,
        (),
        "What of that file is in use: the rest is given back by defragmenting; NaN where it is not known.",
        _of_the_size(lambda size: size.in_use_bytes),
    ),
    Family(
        "nova_watchdog_store_quota_bytes",
        Kind.GAUGE,
        (),
        "The quota of that member; NaN where etcd does not tell it (before 3.6).",
        _of_the_size(lambda size: size.quota_bytes),
    ),
    Family(
        "nova_watchdog_store_alarm",
        Kind.GAUGE,
        ("alarm",),
        "1 for each alarm that etcd has raised: it refuses every write until an operator disarms it; NaN "
        "where it is not known.",
        _alarms,
    ),
    Family(
        "nova_watchdog_takeovers_total",
        Kind.COUNTER,
        ("pairing", "outcome"),
        "Takeovers and first claims that this daemon tried. refused: the store had moved on; result-unknown: "
        "no answer came in time; failed: taken, and given back because it did not show that it works.",
        _takeovers,
    ),
)
