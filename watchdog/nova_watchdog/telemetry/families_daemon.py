"""The families of the daemon itself: its process, probes, actions, reloads, calendar and notifications."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable

from nova_watchdog.core.hold.rules import TABLE as HOLD_TABLE
from nova_watchdog.core.hold.rules import HoldVerb
from nova_watchdog.core.rules import TABLE, Verb
from nova_watchdog.core.snapshot import ProbeSnapshot, ReceiverSnapshot
from nova_watchdog.telemetry.derived import is_shared
from nova_watchdog.telemetry.family import Family, Kind, Samples, Scrape

# What the runtime counts: the action that a verb leads to, and what became of it.
ACTIONS = {Verb.START: "start", Verb.START_FREE: "start", Verb.ENABLE: "enable", Verb.KILL: "kill"}
# The same by the table of holding, where other controllers share the pairings: rule, and its verb.
HOLD_ACTIONS = tuple(
    (rule.number, rule.verb.value) for rule in HOLD_TABLE if rule.verb is not HoldVerb.NOTHING
)
OUTCOMES = ("done", "refused", "result-unknown")
RELOADS = ("done", "refused")
PROBE_KINDS = ("vcenter", "inventory", "nova", "workload", "bus")


def _build(scrape: Scrape) -> Samples:
    yield (scrape.snapshot.version, scrape.snapshot.controller, platform.python_version()), 1.0


def _start_time(scrape: Scrape) -> Samples:
    yield (), scrape.snapshot.started_wall_s


def _loop_lag(scrape: Scrape) -> Samples:
    yield (), scrape.snapshot.loop_lag_s


def _reloads(scrape: Scrape) -> Samples:
    for outcome in RELOADS:
        yield (outcome,), float(scrape.snapshot.reloads.get(outcome, 0))


def _reload_mistaken(scrape: Scrape) -> Samples:
    yield (), float(bool(scrape.snapshot.reload_mistakes))


def _scheduler_skips(scrape: Scrape) -> Samples:
    for job, count in sorted(scrape.snapshot.scheduler_skips.items()):
        yield (job,), float(count)


def _actions(scrape: Scrape) -> Samples:
    acting = [(rule.number, ACTIONS[rule.verb]) for rule in TABLE if rule.verb in ACTIONS]
    counts = {
        (pairing.name, *rule, outcome): 0
        for pairing in scrape.pairings
        for rule in (*acting, *(HOLD_ACTIONS if is_shared(scrape.snapshot, pairing) else ()))
        for outcome in OUTCOMES
    }
    counts.update(scrape.snapshot.actions)
    for labels, count in counts.items():
        yield labels, float(count)


def _per_probe(value: Callable[[ProbeSnapshot], float | None]) -> Callable[[Scrape], Samples]:
    def samples(scrape: Scrape) -> Samples:
        for probe in scrape.snapshot.probes:
            found = value(probe)
            yield (probe.kind, probe.target), math.nan if found is None else float(found)

    return samples


def _per_receiver(value: Callable[[ReceiverSnapshot], int]) -> Callable[[Scrape], Samples]:
    def samples(scrape: Scrape) -> Samples:
        for receiver in scrape.snapshot.receivers:
            yield (receiver.name,), float(value(receiver))

    return samples


_PROBE = ("kind", "target")

OF_THE_DAEMON: tuple[Family, ...] = (
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
        "nova_watchdog_reloads_total",
        Kind.COUNTER,
        ("outcome",),
        "How often the configuration was read anew (SIGHUP). refused: it had mistakes, and the old one "
        "stayed.",
        _reloads,
    ),
    Family(
        "nova_watchdog_reload_mistaken",
        Kind.GAUGE,
        (),
        "1 while the last reload was refused: the daemon goes on with the old configuration.",
        _reload_mistaken,
    ),
    Family(
        "nova_watchdog_scheduler_skips_total",
        Kind.COUNTER,
        ("calendar_job",),
        "How often a job of the calendar (maintenance windows) was missed, or still ran when it was due.",
        _scheduler_skips,
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
        _per_probe(lambda probe: probe.ok),
    ),
    Family(
        "nova_watchdog_probe_runs_total",
        Kind.COUNTER,
        _PROBE,
        "How often the probe ran.",
        _per_probe(lambda probe: probe.runs),
    ),
    Family(
        "nova_watchdog_probe_failures_total",
        Kind.COUNTER,
        _PROBE,
        "How often the probe failed.",
        _per_probe(lambda probe: probe.failures),
    ),
    Family(
        "nova_watchdog_probe_last_duration_seconds",
        Kind.GAUGE,
        _PROBE,
        "How long the probe's last run took; NaN before the first.",
        _per_probe(lambda probe: probe.last_duration_s),
    ),
    Family(
        "nova_watchdog_probe_last_success_timestamp_seconds",
        Kind.GAUGE,
        _PROBE,
        "Unix time of the probe's last success; 0 if it never succeeded.",
        _per_probe(lambda probe: probe.last_success_wall_s or 0.0),
    ),
    Family(
        "nova_watchdog_notifications_delivered_total",
        Kind.COUNTER,
        ("receiver",),
        "Events that the receiver has taken.",
        _per_receiver(lambda receiver: receiver.delivered),
    ),
    Family(
        "nova_watchdog_notifications_failed_total",
        Kind.COUNTER,
        ("receiver",),
        "Deliveries that failed; what failed is tried again.",
        _per_receiver(lambda receiver: receiver.failures),
    ),
    Family(
        "nova_watchdog_notifications_dropped_total",
        Kind.COUNTER,
        ("receiver",),
        "Events that the receiver never got: its queue was full, they were too old, or it refuses them for "
        "good.",
        _per_receiver(lambda receiver: receiver.dropped),
    ),
    Family(
        "nova_watchdog_notify_queue",
        Kind.GAUGE,
        ("receiver",),
        "Events that wait for the receiver.",
        _per_receiver(lambda receiver: receiver.queued),
    ),
    Family(
        "nova_watchdog_notify_queue_limit",
        Kind.GAUGE,
        ("receiver",),
        "How many events may wait for the receiver before some are dropped.",
        _per_receiver(lambda receiver: receiver.bound),
    ),
)
