"""Every metric family of the daemon: name, meaning, and how it is read off a snapshot.

`docs/metrics.md` is generated from FAMILIES, and the alerts and the dashboard are tested against it.
Label values come from the configuration and from closed lists alone, so no series appears late,
and none for a text that somebody outside chose.
"""

from __future__ import annotations

import enum
import math
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.facts import HeartbeatFact, NovaFact, ServiceFact, UnitFact, VCenterFact
from nova_watchdog.core.model import Pairing, Reading
from nova_watchdog.core.rules import TABLE, Verb
from nova_watchdog.core.snapshot import FleetSnapshot, PairingSnapshot
from nova_watchdog.core.state import Phase
from nova_watchdog.telemetry import derived

PREFIX = "nova_watchdog_"
# What the runtime counts: the action that a verb leads to, and what became of it.
ACTIONS = {Verb.START: "start", Verb.START_FREE: "start", Verb.ENABLE: "enable"}
OUTCOMES = ("done", "refused", "result-unknown")
READINGS = ("unit", "vcenter", "services")
SERVICE_STATES = (derived.UNKNOWN, *(fact.value for fact in ServiceFact))

Samples = Iterator[tuple[Sequence[str], float]]


@dataclass(frozen=True, slots=True)
class Scrape:
    """One moment as the families read it. `pairings` holds every configured one, looked at or not."""

    snapshot: FleetSnapshot
    pairings: tuple[Pairing, ...]
    now_s: float

    def shown(self) -> Iterator[tuple[str, PairingSnapshot | None]]:
        """Every pairing's name and its last picture, None before its first look."""
        for pairing in self.pairings:
            yield pairing.name, self.snapshot.pairings.get(pairing.name)


class Kind(enum.Enum):
    """Prometheus' metric types that are used here."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family. `name` is the series' name as a query writes it."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str
    samples: Callable[[Scrape], Samples]


def _build(scrape: Scrape) -> Samples:
    yield (scrape.snapshot.version, scrape.snapshot.controller, platform.python_version()), 1.0


def _start_time(scrape: Scrape) -> Samples:
    yield (), scrape.snapshot.started_wall_s


def _loop_lag(scrape: Scrape) -> Samples:
    yield (), scrape.snapshot.loop_lag_s


def _pairing_info(scrape: Scrape) -> Samples:
    for p in scrape.pairings:
        yield (p.name, p.unit, p.host, p.vcenter, p.cluster, p.mode.value), 1.0


def _state_set(
    members: Sequence[str], unseen: str | None, word: Callable[[PairingSnapshot], str]
) -> Callable[[Scrape], Samples]:
    """One series a member, 1 for the one that holds; `unseen` holds before the first look."""

    def samples(scrape: Scrape) -> Samples:
        for name, shown in scrape.shown():
            current = unseen if shown is None else word(shown)
            for member in members:
                yield (name, member), float(member == current)

    return samples


def words(members: type[enum.Enum]) -> tuple[str, ...]:
    """The values of a closed list, in its order."""
    return tuple(member.value for member in members)


def _per_pairing(
    unseen: float, value: Callable[[Scrape, PairingSnapshot], float | None]
) -> Callable[[Scrape], Samples]:
    """One series a pairing: `unseen` before the first look, NaN where there is no value."""

    def samples(scrape: Scrape) -> Samples:
        for name, shown in scrape.shown():
            found = unseen if shown is None else value(scrape, shown)
            yield (name,), math.nan if found is None else found

    return samples


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


def _unwatched(scrape: Scrape) -> Samples:
    configured = {name: 0.0 for name, _ in scrape.shown()}
    configured |= dict.fromkeys(scrape.snapshot.unwatched, 1.0)
    for name in sorted(configured):
        yield (name,), configured[name]


def _actions(scrape: Scrape) -> Samples:
    counts = {
        (pairing.name, rule.number, ACTIONS[rule.verb], outcome): 0
        for pairing in scrape.pairings
        for rule in TABLE
        if rule.verb in ACTIONS
        for outcome in OUTCOMES
    }
    counts.update(scrape.snapshot.actions)
    for labels, count in counts.items():
        yield labels, float(count)


def _probe_success(scrape: Scrape) -> Samples:
    for probe in scrape.snapshot.probes:
        yield (probe.kind, probe.target), float(probe.ok)


def _probe_runs(scrape: Scrape) -> Samples:
    for probe in scrape.snapshot.probes:
        yield (probe.kind, probe.target), float(probe.runs)


def _probe_failures(scrape: Scrape) -> Samples:
    for probe in scrape.snapshot.probes:
        yield (probe.kind, probe.target), float(probe.failures)


def _probe_duration(scrape: Scrape) -> Samples:
    for probe in scrape.snapshot.probes:
        took_s = probe.last_duration_s
        yield (probe.kind, probe.target), math.nan if took_s is None else took_s


def _probe_last_success(scrape: Scrape) -> Samples:
    for probe in scrape.snapshot.probes:
        yield (probe.kind, probe.target), probe.last_success_wall_s or 0.0


_PROBE = ("kind", "target")

FAMILIES: tuple[Family, ...] = (
    Family(
        "nova_watchdog_build_info",
        Kind.INFO,
        ("version", "controller", "python"),
        "The running daemon: its version, the controller it runs on, and its Python.",
        _build,
    ),
    Family(
        "nova_watchdog_start_time_seconds",
        Kind.GAUGE,
        (),
        "Unix time at which the daemon started.",
        _start_time,
    ),
    Family(
        "nova_watchdog_loop_lag_seconds",
        Kind.GAUGE,
        (),
        "How late the daemon's event loop was last: near 0 is well, more than 1 means that something "
        "blocks it.",
        _loop_lag,
    ),
    Family(
        "nova_watchdog_pairing_info",
        Kind.INFO,
        ("pairing", "unit", "host", "vcenter", "cluster", "mode"),
        "One configured pairing: its systemd unit, Nova's host, its vCenter and cluster, and the mode "
        "(observe: only looks; protect: acts too).",
        _pairing_info,
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
        "nova_watchdog_pairing_diagnosis",
        Kind.GAUGE,
        ("pairing", "diagnosis"),
        "What is wrong with the pairing: 1 for the diagnosis that holds, 0 for all others.",
        _state_set(words(Diagnosis), Diagnosis.UNKNOWN.value, lambda p: p.decision.diagnosis.diagnosis.value),
    ),
    Family(
        "nova_watchdog_pairing_diagnosis_since_timestamp_seconds",
        Kind.GAUGE,
        ("pairing",),
        "Unix time since when that diagnosis holds; 0 before the first look.",
        _per_pairing(0.0, lambda _, p: p.diagnosis_since_wall_s),
    ),
    Family(
        "nova_watchdog_pairing_phase",
        Kind.GAUGE,
        ("pairing", "phase"),
        "Where the daemon stands with the pairing: 1 for the phase that holds. given-up: the restart "
        "budget is spent and only a human may act. All 0 before the first look.",
        _state_set(words(Phase), None, lambda p: p.decision.state.phase.value),
    ),
    Family(
        "nova_watchdog_pairing_unit_state",
        Kind.GAUGE,
        ("pairing", "state"),
        "The systemd unit: 1 for the state that holds. stopped: ended by somebody's wish; down: no process.",
        _state_set(words(UnitFact), UnitFact.UNKNOWN.value, lambda p: p.decision.facts.unit.value),
    ),
    Family(
        "nova_watchdog_pairing_vcenter_state",
        Kind.GAUGE,
        ("pairing", "state"),
        "The pairing's vCenter as this controller sees it: 1 for the state that holds. ok-earlier: passed, "
        "but before the process ended.",
        _state_set(words(VCenterFact), VCenterFact.UNKNOWN.value, lambda p: p.decision.facts.vcenter.value),
    ),
    Family(
        "nova_watchdog_pairing_nova_state",
        Kind.GAUGE,
        ("pairing", "state"),
        "What Nova's API tells: 1 for the state that holds. blind: no answer, so Nova's side gives no "
        "verdict.",
        _state_set(words(NovaFact), NovaFact.UNREAD.value, lambda p: p.decision.facts.nova.value),
    ),
    Family(
        "nova_watchdog_pairing_heartbeat_state",
        Kind.GAUGE,
        ("pairing", "state"),
        "Nova's heartbeat of the running process: 1 for the state that holds. unseen: this daemon has not "
        "watched long enough to tell.",
        _state_set(
            words(HeartbeatFact), HeartbeatFact.UNSEEN.value, lambda p: p.decision.facts.heartbeat.value
        ),
    ),
    Family(
        "nova_watchdog_pairing_service_state",
        Kind.GAUGE,
        ("pairing", "state"),
        "Whether Nova may use the service: 1 for the state that holds. auto-disabled: by the driver, which "
        "may enable it again; stuck-disabled: by the driver, and nobody will; unknown: Nova shows no fresh "
        "record.",
        _state_set(SERVICE_STATES, derived.UNKNOWN, derived.service_word),
    ),
    Family(
        "nova_watchdog_pairing_heartbeat_age_seconds",
        Kind.GAUGE,
        ("pairing",),
        "Age of the last heartbeat of the running process, by local receipt; NaN while none was seen.",
        _per_pairing(math.nan, lambda s, p: derived.heartbeat_age_s(p, s.now_s)),
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
        _per_pairing(math.nan, lambda _, p: float(p.starts_left)),
    ),
    Family(
        "nova_watchdog_pairing_record_writable",
        Kind.GAUGE,
        ("pairing",),
        "1 while the daemon can write its record of the pairing, 0 while it cannot and therefore does "
        "nothing for it; NaN before the first look.",
        _per_pairing(math.nan, lambda _, p: float(not p.store_problem)),
    ),
    Family(
        "nova_watchdog_pairing_last_look_timestamp_seconds",
        Kind.GAUGE,
        ("pairing",),
        "Unix time at which the pairing was last looked at and decided on; 0 before the first look. Older "
        "than a few seconds: its loop hangs.",
        _per_pairing(0.0, lambda s, p: derived.wall_of(s.snapshot, p.ticked_at_s)),
    ),
    Family(
        "nova_watchdog_actions_total",
        Kind.COUNTER,
        ("pairing", "rule", "action", "outcome"),
        "What the daemon did, by the rule that asked for it. result-unknown: sent, and no answer came in "
        "time, so it may have happened.",
        _actions,
    ),
    Family(
        "nova_watchdog_probe_success",
        Kind.GAUGE,
        _PROBE,
        "1 if the probe's last run succeeded, 0 if it failed or never ran.",
        _probe_success,
    ),
    Family(
        "nova_watchdog_probe_runs_total",
        Kind.COUNTER,
        _PROBE,
        "How often the probe ran.",
        _probe_runs,
    ),
    Family(
        "nova_watchdog_probe_failures_total",
        Kind.COUNTER,
        _PROBE,
        "How often the probe failed.",
        _probe_failures,
    ),
    Family(
        "nova_watchdog_probe_last_duration_seconds",
        Kind.GAUGE,
        _PROBE,
        "How long the probe's last run took; NaN before the first.",
        _probe_duration,
    ),
    Family(
        "nova_watchdog_probe_last_success_timestamp_seconds",
        Kind.GAUGE,
        _PROBE,
        "Unix time of the probe's last success; 0 if it never succeeded.",
        _probe_last_success,
    ),
)
