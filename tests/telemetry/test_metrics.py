from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.facts import HeartbeatFact, NovaFact, UnitFact, VCenterFact
from nova_watchdog.core.model import Mode, Pairing
from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.core.state import Phase
from nova_watchdog.runtime.act import Outcome
from nova_watchdog.telemetry.families import FAMILIES, OUTCOMES, PREFIX, SERVICE_STATES
from nova_watchdog.telemetry.metrics import Exporter
from nova_watchdog.telemetry.metrics_page import page
from telemetry import pictures
from telemetry.pictures import Story

DOCS = Path(__file__).parents[2] / "docs"


class Scraped:
    """The exporter's text for one snapshot, read back by Prometheus' own parser."""

    def __init__(
        self, snapshot: FleetSnapshot, *, later_s: float = 0.0, pairings: Sequence[Pairing] = ()
    ) -> None:
        clock = pictures.StoppedClock(snapshot.now_s + later_s)
        body, _ = Exporter(lambda: snapshot, clock, pairings).render()
        self.text = body.decode()
        self.families = {family.name: family for family in text_string_to_metric_families(self.text)}
        self.samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """The one sample of these labels, the prefix left out."""
        return self.samples[PREFIX + name, tuple(sorted(labels.items()))]

    def holding(self, name: str, label: str, pairing: str = "cluster-a") -> list[str]:
        """The members of a state set that are 1."""
        return [
            dict(labels)[label]
            for (sample, labels), value in self.samples.items()
            if sample == PREFIX + name and dict(labels)["pairing"] == pairing and value == 1.0
        ]


def scraped(*stories: Story, later_s: float = 0.0) -> Scraped:
    return Scraped(pictures.fleet(*stories), later_s=later_s)


def shape(found: Scraped) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """Every series' name and labels, the process's own and the version's left out."""
    return {key for key in found.samples if key[0].startswith(PREFIX)}


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
    values = [found.value("pairing_diagnosis", pairing="cluster-a", diagnosis=d.value) for d in Diagnosis]
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
        (pictures.healthy, "nova", NovaFact.KNOWN),
        (pictures.unread, "heartbeat", HeartbeatFact.UNSEEN),
        (pictures.starting, "heartbeat", HeartbeatFact.AWAITED),
        (pictures.healthy, "heartbeat", HeartbeatFact.FRESH),
        (pictures.not_reporting, "heartbeat", HeartbeatFact.STALE),
    ],
)
def test_each_fact_is_shown_by_its_state_set(
    story: Callable[[], Story], name: str, state: UnitFact | VCenterFact | NovaFact | HeartbeatFact
) -> None:
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


@pytest.mark.parametrize("reading", ["unit", "vcenter", "services"])
def test_an_unknown_reading_is_0_and_has_no_age(reading: str) -> None:
    """One probe that cannot tell shows in its own series alone."""
    story = pictures.healthy()
    setattr(story, f"{reading}_unknown", "timeout")
    found = scraped(story.tick(31.0))
    for name in ("unit", "vcenter", "services"):
        known = found.value("pairing_reading_known", pairing="cluster-a", reading=name)
        age_s = found.value("pairing_reading_age_seconds", pairing="cluster-a", reading=name)
        assert known == float(name != reading)
        assert math.isnan(age_s) is (name == reading)


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


def test_actions_are_there_at_0_and_count() -> None:
    """Every acting rule's series exists before it ever acted, so that a first increase is seen."""
    key = ("cluster-a", "R36", "start", "done")
    story = pictures.healthy()
    before = scraped(story)
    after = Scraped(pictures.fleet(story, actions={key: 2}))
    labels = {"pairing": "cluster-a", "rule": "R36", "action": "start", "outcome": "done"}
    assert before.value("actions_total", **labels) == 0.0
    assert after.value("actions_total", **labels) == 2.0
    assert shape(before) == shape(after)
    rules = {dict(key[1])["rule"] for key in before.samples if key[0] == PREFIX + "actions_total"}
    assert rules == {"R34", "R36", "R49"}


def test_the_outcomes_are_the_runtimes() -> None:
    """The words here and there are the same, or series would appear late."""
    assert set(OUTCOMES) == {outcome.value for outcome in Outcome}


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
    found = scraped(pictures.healthy())
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
