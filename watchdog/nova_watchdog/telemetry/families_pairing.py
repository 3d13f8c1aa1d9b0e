"""The families of a pairing: what is wrong with it, the facts that show it, and what the daemon may do."""

from __future__ import annotations

import math

from nova_watchdog.core.concerns import Concern
from nova_watchdog.core.diagnose import Condition, Diagnosis, condition_of
from nova_watchdog.core.facts import (
    BusFact,
    HeartbeatFact,
    NovaFact,
    Quality,
    RpcFact,
    ServiceFact,
    UnitFact,
    VCenterFact,
)
from nova_watchdog.core.model import Reading
from nova_watchdog.core.permission import Permission
from nova_watchdog.core.state import Phase
from nova_watchdog.telemetry import derived
from nova_watchdog.telemetry.family import (
    Family,
    Kind,
    Samples,
    Scrape,
    joined_state_set,
    per_pairing,
    state_set,
    words,
)

READINGS = ("unit", "vcenter", "services", "bus", "inventory", "workload")
SERVICE_STATES = (derived.UNKNOWN, *(fact.value for fact in ServiceFact))


def _info(scrape: Scrape) -> Samples:
    for p in scrape.pairings:
        yield (p.name, p.unit, p.host, p.vcenter, p.bus, p.cluster, p.mode.value), 1.0


def _unwatched(scrape: Scrape) -> Samples:
    configured = {name: 0.0 for name, _ in scrape.shown()}
    configured |= dict.fromkeys(scrape.snapshot.unwatched, 1.0)
    for name in sorted(configured):
        yield (name,), configured[name]


def _concerns(scrape: Scrape) -> Samples:
    for name, shown in scrape.shown():
        held = {worry.concern for worry in shown.worries} if shown else set()
        for concern in Concern:
            yield (name, concern.value), float(concern in held)


def _reading_known(scrape: Scrape) -> Samples:
    for name, shown in scrape.shown():
        for reading in READINGS:
            known = shown is not None and isinstance(getattr(shown.observation, reading), Reading)
            yield (name, reading), float(known)


def _reading_age(scrape: Scrape) -> Samples:
    for name, shown in scrape.shown():
        for reading in READINGS:
            seen = None if shown is None else getattr(shown.observation, reading)
            age_s = scrape.now_s - seen.began_at_s if isinstance(seen, Reading) else math.nan
            yield (name, reading), age_s


_JOINED = ("pairing", "vcenter", "bus")
_STATE = ("pairing", "state")

OF_A_PAIRING: tuple[Family, ...] = (
    Family(
        "nova_watchdog_pairing_info",
        Kind.INFO,
        ("pairing", "unit", "host", "vcenter", "bus", "cluster", "mode"),
        "One configured pairing: its systemd unit, Nova's host, its vCenter, message bus and cluster, and "
        "the mode (observe: only looks; protect: acts too).",
        _info,
    ),
    Family(
        "nova_watchdog_pairing_unwatched",
        Kind.GAUGE,
        ("pairing",),
        "1 if the daemon does not watch the configured pairing, because it cannot use its nova files; "
        "such a pairing has no other series. 0 for all others.",
        _unwatched,
    ),
    Family(
        "nova_watchdog_pairing_condition",
        Kind.GAUGE,
        (*_JOINED, "condition"),
        "What the diagnosis means for those who use the cluster: 1 for the condition that holds. degraded: "
        "it works, or an operator wants it so; failed: nothing can be provisioned or managed there.",
        joined_state_set(
            words(Condition),
            Condition.UNKNOWN.value,
            lambda p: condition_of(p.decision.diagnosis.diagnosis).value,
        ),
    ),
    Family(
        "nova_watchdog_pairing_diagnosis",
        Kind.GAUGE,
        (*_JOINED, "diagnosis"),
        "What is wrong with the pairing: 1 for the diagnosis that holds, 0 for all others.",
        joined_state_set(
            words(Diagnosis), Diagnosis.UNKNOWN.value, lambda p: p.decision.diagnosis.diagnosis.value
        ),
    ),
    Family(
        "nova_watchdog_pairing_diagnosis_since_timestamp_seconds",
        Kind.GAUGE,
        ("pairing",),
        "Unix time since when that diagnosis holds; 0 before the first look.",
        per_pairing(0.0, lambda _, p: p.diagnosis_since_wall_s),
    ),
    Family(
        "nova_watchdog_pairing_not_provisionable_seconds_total",
        Kind.COUNTER,
        ("pairing",),
        "For how long in all the condition was failed since the daemon started.",
        per_pairing(0.0, lambda _, p: p.failed_s),
    ),
    Family(
        "nova_watchdog_pairing_concern",
        Kind.GAUGE,
        ("pairing", "concern"),
        "1 for what is not as it should be, beside the diagnosis. 0 also while the reading that would show "
        "it is unknown.",
        _concerns,
    ),
    Family(
        "nova_watchdog_pairing_phase",
        Kind.GAUGE,
        ("pairing", "phase"),
        "Where the daemon stands with the pairing: 1 for the phase that holds. given-up: the restart "
        "budget is spent and only a human may act. All 0 before the first look.",
        state_set(words(Phase), None, lambda p: p.decision.state.phase.value),
    ),
    Family(
        "nova_watchdog_pairing_permission",
        Kind.GAUGE,
        ("pairing", "permission"),
        "Whether the daemon may act on the pairing, and if not, why not: 1 for what holds. All 0 before the "
        "first look.",
        state_set(words(Permission), None, lambda p: p.permission.value),
    ),
    Family(
        "nova_watchdog_pairing_paused",
        Kind.GAUGE,
        ("pairing",),
        "1 while a human's pause holds, in mode observe too; NaN before the first look.",
        per_pairing(math.nan, lambda s, p: float(derived.pause_of(p, s.wall_s) is not None)),
    ),
    Family(
        "nova_watchdog_pairing_pause_until_timestamp_seconds",
        Kind.GAUGE,
        ("pairing",),
        "Unix time at which the pause ends by itself; 0 without a pause and before the first look.",
        per_pairing(
            0.0, lambda s, p: pause.until_wall_s if (pause := derived.pause_of(p, s.wall_s)) else 0.0
        ),
    ),
    Family(
        "nova_watchdog_pairing_maintenance",
        Kind.GAUGE,
        ("pairing",),
        "1 while a maintenance window is open for the pairing; NaN before the first look.",
        per_pairing(math.nan, lambda _, p: float(bool(p.window))),
    ),
    Family(
        "nova_watchdog_pairing_unit_state",
        Kind.GAUGE,
        _STATE,
        "The systemd unit: 1 for the state that holds. stopped: ended by somebody's wish; down: no process.",
        state_set(words(UnitFact), UnitFact.UNKNOWN.value, lambda p: p.decision.facts.unit.value),
    ),
    Family(
        "nova_watchdog_pairing_vcenter_state",
        Kind.GAUGE,
        _STATE,
        "The pairing's vCenter as this controller sees it: 1 for the state that holds. ok-earlier: passed, "
        "but before the process ended.",
        state_set(words(VCenterFact), VCenterFact.UNKNOWN.value, lambda p: p.decision.facts.vcenter.value),
    ),
    Family(
        "nova_watchdog_pairing_nova_state",
        Kind.GAUGE,
        _STATE,
        "What Nova's API tells: 1 for the state that holds. blind: no answer, so Nova's side gives no "
        "verdict.",
        state_set(words(NovaFact), NovaFact.UNREAD.value, lambda p: p.decision.facts.nova.value),
    ),
    Family(
        "nova_watchdog_pairing_heartbeat_state",
        Kind.GAUGE,
        _STATE,
        "Nova's heartbeat of the running process: 1 for the state that holds. unseen: this daemon has not "
        "watched long enough to tell.",
        state_set(
            words(HeartbeatFact), HeartbeatFact.UNSEEN.value, lambda p: p.decision.facts.heartbeat.value
        ),
    ),
    Family(
        "nova_watchdog_pairing_service_state",
        Kind.GAUGE,
        _STATE,
        "Whether Nova may use the service: 1 for the state that holds. auto-disabled: by the driver, which "
        "may enable it again; stuck-disabled: by the driver, and nobody will; unknown: Nova shows no fresh "
        "record.",
        state_set(SERVICE_STATES, derived.UNKNOWN, derived.service_word),
    ),
    Family(
        "nova_watchdog_pairing_bus_state",
        Kind.GAUGE,
        _STATE,
        "The pairing's message bus, by a message of our own: 1 for the state that holds. down: unreachable, "
        "or it refuses the account; blocked: it lets nobody publish.",
        state_set(words(BusFact), BusFact.UNKNOWN.value, lambda p: p.decision.facts.bus.value),
    ),
    Family(
        "nova_watchdog_pairing_rpc_state",
        Kind.GAUGE,
        _STATE,
        "Pings over a proven message bus: 1 for the state that holds. unanswered: nova-compute, for long "
        "enough, while a conductor answered.",
        state_set(words(RpcFact), RpcFact.UNKNOWN.value, lambda p: p.decision.facts.rpc.value),
    ),
    Family(
        "nova_watchdog_pairing_quality_state",
        Kind.GAUGE,
        _STATE,
        "The worst of the concerns: 1 for the state that holds. All 0 before the first look.",
        state_set(words(Quality), None, lambda p: p.decision.facts.quality.value),
    ),
    Family(
        "nova_watchdog_pairing_heartbeat_age_seconds",
        Kind.GAUGE,
        ("pairing",),
        "Age of the last heartbeat of the running process, by local receipt; NaN while none was seen.",
        per_pairing(math.nan, lambda s, p: derived.heartbeat_age_s(p, s.now_s)),
    ),
    Family(
        "nova_watchdog_pairing_reading_known",
        Kind.GAUGE,
        ("pairing", "reading"),
        "1 while the reading has a value, 0 while it is unknown: the probe itself could not tell. Says "
        "nothing about up or down.",
        _reading_known,
    ),
    Family(
        "nova_watchdog_pairing_reading_age_seconds",
        Kind.GAUGE,
        ("pairing", "reading"),
        "Age of the reading, from when its probe was sent; NaN while it is unknown. The unit is read on "
        "systemd's signals, so an old reading of it is as good as a new one.",
        _reading_age,
    ),
    Family(
        "nova_watchdog_pairing_budget_starts_left",
        Kind.GAUGE,
        ("pairing",),
        "How many starts of nova-compute the budget still allows; NaN before the first look.",
        per_pairing(math.nan, lambda _, p: float(p.starts_left)),
    ),
    Family(
        "nova_watchdog_pairing_record_writable",
        Kind.GAUGE,
        ("pairing",),
        "1 while the daemon can write its record of the pairing, 0 while it cannot and therefore does "
        "nothing for it; NaN before the first look.",
        per_pairing(math.nan, lambda _, p: float(not p.store_problem)),
    ),
    Family(
        "nova_watchdog_pairing_last_look_timestamp_seconds",
        Kind.GAUGE,
        ("pairing",),
        "Unix time at which the pairing was last looked at and decided on; 0 before the first look. Older "
        "than a few seconds: its loop hangs.",
        per_pairing(0.0, lambda s, p: derived.wall_of(s.snapshot, p.ticked_at_s)),
    ),
)
