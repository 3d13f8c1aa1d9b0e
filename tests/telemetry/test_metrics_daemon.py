from __future__ import annotations

import math
from dataclasses import replace

from nova_watchdog.core.rules import TABLE, Verb
from nova_watchdog.runtime import act
from nova_watchdog.runtime.act import Outcome
from nova_watchdog.telemetry.families import ACTIONS, OUTCOMES, PREFIX, PROBE_KINDS
from telemetry import pictures
from telemetry.scraped import Scraped, scraped, shape


def test_actions_are_there_at_0_and_count() -> None:
    """Every acting rule's series exists before it ever acted, so that a first increase is seen."""
    key = ("cluster-a", "R39", "start", "done")
    story = pictures.healthy()
    before = scraped(story)
    after = Scraped(pictures.fleet(story, actions={key: 2}))
    labels = {"pairing": "cluster-a", "rule": "R39", "action": "start", "outcome": "done"}
    assert before.value("actions_total", **labels) == 0.0
    assert after.value("actions_total", **labels) == 2.0
    assert shape(before) == shape(after)
    rules = {dict(key[1])["rule"] for key in before.samples if key[0] == PREFIX + "actions_total"}
    assert rules == {rule.number for rule in TABLE if rule.verb not in (Verb.NOTHING, Verb.PROBE)}


def test_the_outcomes_are_the_runtimes() -> None:
    """The words here and there are the same, or series would appear late."""
    assert set(OUTCOMES) == {outcome.value for outcome in Outcome}


def test_the_actions_are_the_runtimes() -> None:
    """What it counts has a series from the start."""
    assert set(ACTIONS.values()) == set(act._NAMES.values())


def test_probes_are_told_both_ways() -> None:
    """One that works and one that never ran."""
    found = scraped(pictures.healthy())
    works = {"kind": "vcenter", "target": pictures.VCENTER}
    fails = {"kind": "nova", "target": "watchdog"}
    assert found.value("probe_success", **works) == 1.0
    assert found.value("probe_success", **fails) == 0.0
    assert found.value("probe_runs_total", **works) == 6.0
    assert found.value("probe_failures_total", **works) == 1.0
    assert found.value("probe_last_duration_seconds", **works) == 0.012
    assert math.isnan(found.value("probe_last_duration_seconds", **fails))
    assert found.value("probe_last_success_timestamp_seconds", **works) == pictures.EPOCH_WALL_S + 29.0
    assert found.value("probe_last_success_timestamp_seconds", **fails) == 0.0


def test_the_loops_lag_and_the_build_are_told() -> None:
    """Who runs, and how well."""
    story = pictures.healthy()
    late = Scraped(replace(pictures.fleet(story), loop_lag_s=2.5))
    assert scraped(story).value("loop_lag_seconds") == 0.002
    assert late.value("loop_lag_seconds") == 2.5
    (sample,) = late.families[PREFIX + "build_info"].samples
    assert (sample.labels["version"], sample.labels["controller"]) == ("1.2.3", "ctl1")


def test_the_process_itself_is_exported_and_created_series_are_off() -> None:
    """Memory and CPU of the daemon, and nothing that doubles the series."""
    found = scraped(pictures.healthy())
    assert found.families["process_resident_memory_bytes"].samples[0].value > 0
    assert "_created" not in found.text


def test_every_kind_of_probe_is_told() -> None:
    """The canaries, Nova's API, the message bus, the inventory and the load."""
    found = scraped(pictures.healthy())
    kinds = {dict(labels)["kind"] for name, labels in found.samples if name == PREFIX + "probe_success"}
    assert kinds == set(PROBE_KINDS)


def test_reloads_are_counted_by_outcome_from_the_start() -> None:
    """One that never happened is there at 0."""
    found = scraped(pictures.healthy())
    assert found.value("reloads_total", outcome="done") == 2.0
    assert found.value("reloads_total", outcome="refused") == 0.0


def test_a_refused_reload_stays_told_until_one_is_taken() -> None:
    """The counter alone would not say which one the daemon runs with."""
    fleet = pictures.fleet(pictures.healthy())
    assert Scraped(fleet).value("reload_mistaken") == 0.0
    assert Scraped(replace(fleet, reload_mistakes=("line 3: ...",))).value("reload_mistaken") == 1.0


def test_the_calendars_skips_are_counted_by_job() -> None:
    """A window that never opened for want of time is told."""
    fleet = pictures.fleet(pictures.healthy())
    assert Scraped(fleet).value("scheduler_skips_total", calendar_job="storage") == 0.0
    late = replace(fleet, scheduler_skips={"storage": 2})
    assert Scraped(late).value("scheduler_skips_total", calendar_job="storage") == 2.0


def test_each_receiver_tells_what_became_of_its_events() -> None:
    """One in trouble, one that is fine; a problem's text is for the status alone."""
    found = scraped(pictures.healthy())
    told = {
        receiver: [
            found.value(name, receiver=receiver)
            for name in (
                "notifications_delivered_total",
                "notifications_failed_total",
                "notifications_dropped_total",
                "notify_queue",
                "notify_queue_limit",
            )
        ]
        for receiver in ("pager", "alertmanager.am1")
    }
    assert told == {"pager": [7.0, 2.0, 1.0, 3.0, 200.0], "alertmanager.am1": [9.0, 0.0, 0.0, 0.0, 200.0]}
    assert "HTTP 429" not in found.text
