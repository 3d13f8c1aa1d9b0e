from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.facts import (
    BusFact,
    HeartbeatFact,
    NovaFact,
    Quality,
    RpcFact,
    UnitFact,
    VCenterFact,
)
from nova_watchdog.core.model import Mode
from nova_watchdog.core.state import Phase
from nova_watchdog.telemetry.families import FAMILIES, PREFIX, READINGS, SERVICE_STATES
from nova_watchdog.telemetry.metrics import Exporter
from nova_watchdog.telemetry.metrics_page import page
from telemetry import pictures, shared
from telemetry.pictures import Story
from telemetry.scraped import JOINED, Scraped, scraped, shape

DOCS = Path(__file__).parents[2] / "docs"


def diagnosis_of(story: Callable[[], Story]) -> Diagnosis:
    decision = story().decision
    assert decision is not None
    return decision.diagnosis.diagnosis


def test_every_diagnosis_has_its_story() -> None:
    """A new diagnosis must be shown here too."""
    assert {diagnosis_of(story) for story in pictures.EVERY} == set(Diagnosis)


@pytest.mark.parametrize("story", pictures.EVERY, ids=lambda s: s.__name__)
def test_exactly_the_diagnosis_that_holds_is_1(story: Callable[[], Story]) -> None:
    """One series a member: the one that holds is 1, all others are there and 0."""
    found, diagnosis = scraped(story()), diagnosis_of(story)
    assert found.holding("pairing_diagnosis", "diagnosis") == [diagnosis.value]
    values = [found.value("pairing_diagnosis", **JOINED, diagnosis=d.value) for d in Diagnosis]
    assert sorted(values) == [0.0] * (len(Diagnosis) - 1) + [1.0]


@pytest.mark.parametrize("story", pictures.EVERY, ids=lambda s: s.__name__)
def test_the_series_are_the_same_whatever_holds(story: Callable[[], Story]) -> None:
    """No series comes or goes with the state: what is not there cannot alert."""
    assert shape(scraped(story())) == shape(scraped(pictures.healthy()))


def test_the_series_exist_before_the_first_look() -> None:
    """A configured pairing has all its series at once, with values that claim nothing."""
    found = Scraped(pictures.fleet(), pairings=[pictures.pairing()])
    assert shape(found) == shape(scraped(pictures.healthy()))
    assert found.holding("pairing_diagnosis", "diagnosis") == ["unknown"]
    assert found.holding("pairing_phase", "phase") == []
    assert found.holding("pairing_unit_state", "state") == ["unknown"]
    assert found.holding("pairing_service_state", "state") == ["unknown"]
    assert found.holding("pairing_condition", "condition") == ["unknown"]
    assert found.holding("pairing_permission", "permission") == []
    assert found.value("pairing_not_provisionable_seconds_total", pairing="cluster-a") == 0.0
    assert found.value("pairing_last_look_timestamp_seconds", pairing="cluster-a") == 0.0
    assert found.value("pairing_diagnosis_since_timestamp_seconds", pairing="cluster-a") == 0.0
    assert math.isnan(found.value("pairing_budget_starts_left", pairing="cluster-a"))
    assert found.value("pairing_reading_known", pairing="cluster-a", reading="unit") == 0.0


@pytest.mark.parametrize(
    ("story", "phase"),
    [
        (pictures.unread, Phase.NEW),
        (pictures.healthy, Phase.WATCHING),
        (pictures.waiting, Phase.WAITING),
        (pictures.killed, Phase.RECOVERING),
        (pictures.stopped, Phase.STOPPED),
        (pictures.given_up, Phase.GIVEN_UP),
    ],
)
def test_exactly_the_phase_that_holds_is_1(story: Callable[[], Story], phase: Phase) -> None:
    """Each phase, by a story that leads there."""
    found = scraped(story())
    assert found.holding("pairing_phase", "phase") == [phase.value]
    for other in Phase:
        expected = float(other is phase)
        assert found.value("pairing_phase", pairing="cluster-a", phase=other.value) == expected


@pytest.mark.parametrize(
    ("story", "name", "state"),
    [
        (pictures.unread, "unit", UnitFact.UNKNOWN),
        (pictures.unit_missing, "unit", UnitFact.MISSING),
        (pictures.changing, "unit", UnitFact.CHANGING),
        (pictures.stopped, "unit", UnitFact.STOPPED),
        (pictures.killed, "unit", UnitFact.DOWN),
        (pictures.healthy, "unit", UnitFact.UP),
        (pictures.unread, "vcenter", VCenterFact.UNKNOWN),
        (pictures.vcenter_down, "vcenter", VCenterFact.UNREACHABLE),
        (pictures.login_refused, "vcenter", VCenterFact.LOGIN_REFUSED),
        (pictures.cluster_gone, "vcenter", VCenterFact.CLUSTER_GONE),
        (pictures.killed_just_now, "vcenter", VCenterFact.OK_EARLIER),
        (pictures.healthy, "vcenter", VCenterFact.OK),
        (pictures.unread, "nova", NovaFact.UNREAD),
        (pictures.blind, "nova", NovaFact.BLIND),
        (pictures.no_conductor, "nova", NovaFact.CONDUCTORS_DOWN),
        (pictures.no_record, "nova", NovaFact.NO_RECORD),
        (pictures.cell_down, "nova", NovaFact.CELL_DOWN),
        (pictures.healthy, "nova", NovaFact.KNOWN),
        (pictures.unread, "heartbeat", HeartbeatFact.UNSEEN),
        (pictures.starting, "heartbeat", HeartbeatFact.AWAITED),
        (pictures.healthy, "heartbeat", HeartbeatFact.FRESH),
        (pictures.not_reporting, "heartbeat", HeartbeatFact.STALE),
        (pictures.elsewhere, "heartbeat", HeartbeatFact.ELSEWHERE),
        (pictures.unread, "bus", BusFact.UNKNOWN),
        (pictures.bus_down, "bus", BusFact.DOWN),
        (pictures.bus_blocked, "bus", BusFact.BLOCKED),
        (pictures.healthy, "bus", BusFact.OK),
        (pictures.unread, "rpc", RpcFact.UNKNOWN),
        (pictures.conductor_silent, "rpc", RpcFact.CONDUCTOR_SILENT),
        (pictures.hung, "rpc", RpcFact.UNANSWERED),
        (pictures.healthy, "rpc", RpcFact.ANSWERED),
        (pictures.healthy, "quality", Quality.FINE),
        (pictures.degraded, "quality", Quality.DEGRADED),
        (pictures.cluster_degraded, "quality", Quality.CLUSTER_DEGRADED),
    ],
)
def test_each_fact_is_shown_by_its_state_set(story: Callable[[], Story], name: str, state: enum.Enum) -> None:
    """Each member of each fact is 1 in a story that leads there, and the only one."""
    assert scraped(story()).holding(f"pairing_{name}_state", "state") == [state.value]


@pytest.mark.parametrize(
    ("story", "state"),
    [
        (pictures.healthy, "enabled"),
        (pictures.auto_disabled, "auto-disabled"),
        (pictures.stuck_disabled, "stuck-disabled"),
        (pictures.disabled, "disabled"),
        (pictures.forced_down, "forced-down"),
        (pictures.unread, "unknown"),
        (pictures.blind, "unknown"),
        (pictures.no_record, "unknown"),
        (pictures.no_conductor, "enabled"),
    ],
)
def test_the_service_is_never_called_enabled_without_a_fresh_record(
    story: Callable[[], Story], state: str
) -> None:
    """Without Nova's word it is unknown, not enabled."""
    found = scraped(story())
    assert found.holding("pairing_service_state", "state") == [state]
    assert state in SERVICE_STATES


def test_a_pairings_identity_is_one_info_series() -> None:
    """Names to join on, with the mode."""
    found = scraped(pictures.healthy(mode=Mode.OBSERVE))
    labels = {
        "pairing": "cluster-a",
        "unit": "nova-compute@cluster-a.service",
        "host": "compute-cluster-a",
        "vcenter": pictures.VCENTER,
        "bus": pictures.BUS,
        "cluster": "cluster-a",
        "mode": "observe",
    }
    assert found.value("pairing_info", **labels) == 1.0


def test_the_heartbeats_age_grows_between_two_looks_and_is_nan_without_one() -> None:
    """The age counts to the scrape, not to the snapshot."""
    name = "pairing_heartbeat_age_seconds"
    assert scraped(pictures.healthy()).value(name, pairing="cluster-a") == pytest.approx(0.1)
    assert scraped(pictures.healthy(), later_s=9.0).value(name, pairing="cluster-a") == pytest.approx(9.1)
    assert math.isnan(scraped(pictures.unread()).value(name, pairing="cluster-a"))


@pytest.mark.parametrize("reading", ["unit", "vcenter", "services", "bus", "inventory", "workload"])
def test_an_unknown_reading_is_0_and_has_no_age(reading: str) -> None:
    """One probe that cannot tell shows in its own series alone."""
    story = pictures.healthy()
    setattr(story, f"{reading}_unknown", "timeout")
    found = scraped(story.tick(31.0))
    silent = {reading, "inventory"} if reading == "vcenter" else {reading}  # it goes over the same session
    for name in READINGS:
        known = found.value("pairing_reading_known", pairing="cluster-a", reading=name)
        age_s = found.value("pairing_reading_age_seconds", pairing="cluster-a", reading=name)
        assert known == float(name not in silent)
        assert math.isnan(age_s) is (name in silent)


def test_the_budget_shrinks_with_each_start_that_counts() -> None:
    """Three, two after one start, none when given up."""
    name = "pairing_budget_starts_left"
    assert scraped(pictures.healthy()).value(name, pairing="cluster-a") == 3.0
    assert scraped(pictures.killed()).value(name, pairing="cluster-a") == 2.0
    assert scraped(pictures.given_up()).value(name, pairing="cluster-a") == 0.0


def test_an_unwatched_pairing_is_1_and_every_other_0() -> None:
    """From the start, before anything was looked at; it has no other series."""
    fleet = pictures.fleet(unwatched=["cluster-x"])
    found = Scraped(fleet, pairings=[pictures.pairing("cluster-a")])
    assert found.value("pairing_unwatched", pairing="cluster-a") == 0.0
    assert found.value("pairing_unwatched", pairing="cluster-x") == 1.0
    assert [name for name, labels in shape(found) if ("pairing", "cluster-x") in labels] == [
        PREFIX + "pairing_unwatched"
    ]


def test_the_record_is_writable_until_it_is_not() -> None:
    """NaN before the first look, which claims nothing."""
    name = "pairing_record_writable"
    assert scraped(pictures.healthy()).value(name, pairing="cluster-a") == 1.0
    assert scraped(pictures.record_unwritable()).value(name, pairing="cluster-a") == 0.0
    fresh = Scraped(pictures.fleet(), pairings=[pictures.pairing()])
    assert math.isnan(fresh.value(name, pairing="cluster-a"))


def test_times_are_unix_times() -> None:
    """Last look, diagnosis since, and the daemon's start."""
    found = scraped(pictures.healthy(), later_s=100.0)
    look_s = found.value("pairing_last_look_timestamp_seconds", pairing="cluster-a")
    since_s = found.value("pairing_diagnosis_since_timestamp_seconds", pairing="cluster-a")
    assert look_s == pytest.approx(pictures.EPOCH_WALL_S + 30.0)
    assert since_s == pytest.approx(pictures.EPOCH_WALL_S + 10.0)
    assert found.value("start_time_seconds") == pictures.EPOCH_WALL_S


def test_openmetrics_tells_the_same_values() -> None:
    """Prometheus asks for it first; its own strict parser reads the same series from it."""
    snapshot = pictures.fleet(pictures.killed(), pictures.healthy("cluster-b"))
    exporter = Exporter(lambda: snapshot, pictures.StoppedClock(snapshot.now_s))
    body, content_type = exporter.render("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    strict = {
        (sample.name, tuple(sorted(sample.labels.items()))): repr(sample.value)
        for family in parse_openmetrics(body.decode())
        for sample in family.samples
        if sample.name.startswith(PREFIX)
    }
    plain = Scraped(snapshot)
    assert strict == {key: repr(plain.samples[key]) for key in shape(plain)}


def test_a_label_from_the_configuration_cannot_break_the_text() -> None:
    """Quotes, backslashes and newlines are escaped, and read back as they were."""
    odd = replace(pictures.pairing(), cluster='a"b\\c\nd', unit="x@\\x2d.service")
    found = Scraped(pictures.fleet(), pairings=[odd])
    (sample,) = found.families[PREFIX + "pairing_info"].samples
    assert (sample.labels["cluster"], sample.labels["unit"]) == (odd.cluster, odd.unit)


def test_a_reload_changes_the_series() -> None:
    """The configured pairings may come from a function; what is gone leaves nothing behind."""
    configured = [pictures.pairing(f"cluster-{n}") for n in range(9)]
    exporter = Exporter(pictures.fleet, pictures.StoppedClock(), lambda: configured)
    assert b'"cluster-8"' in exporter.render()[0]
    del configured[1:]
    body, _ = exporter.render()
    assert b'"cluster-0"' in body
    assert b'"cluster-8"' not in body
    assert len(exporter._series) < 400


def test_no_text_from_outside_becomes_a_label() -> None:
    """Details and reasons are written by servers and people: they are for the status alone."""
    story = pictures.disabled("somebody's words")
    story.vcenter_unknown = "a server's words"
    found = scraped(story.tick(41.0))
    assert "words" not in found.text


def test_two_pairings_do_not_mix() -> None:
    """Each has its own series."""
    found = scraped(pictures.killed(), pictures.healthy("cluster-b"))
    assert found.holding("pairing_diagnosis", "diagnosis", "cluster-a") == ["process-down"]
    assert found.holding("pairing_diagnosis", "diagnosis", "cluster-b") == ["healthy"]


def test_the_table_and_the_exporter_tell_the_same_families() -> None:
    """Every family is exported, with the labels and the help that the table says."""
    found = Scraped(shared.fleet(pictures.healthy()))
    exported = {name for name, _ in shape(found)}
    assert exported == {family.name for family in FAMILIES}
    for family in FAMILIES:
        labels = {tuple(sorted(dict(key[1]))) for key in found.samples if key[0] == family.name}
        assert labels == {tuple(sorted(family.labels))}
        assert family.meaning in found.text.replace("\\n", "\n")


def test_names_have_the_prefix_and_base_units() -> None:
    """Seconds are seconds, counters end in _total, infos in _info."""
    for family in FAMILIES:
        assert family.name.startswith(PREFIX)
        assert not family.name.endswith(("_ms", "_milliseconds", "_minutes"))
        assert family.name.endswith("_total") is (family.kind.value == "counter")
        assert family.name.endswith("_info") is (family.kind.value == "info")


def test_the_page_of_metrics_is_current() -> None:
    """Regenerate it with `python -m nova_watchdog.telemetry.metrics_page > docs/metrics.md`."""
    assert (DOCS / "metrics.md").read_text() == page()
