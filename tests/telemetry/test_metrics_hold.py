from __future__ import annotations

import math
from dataclasses import replace

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.rules import TABLE, HoldVerb
from nova_watchdog.core.model import Mode
from nova_watchdog.core.store_size import ALARMS, StoreSize
from nova_watchdog.runtime.act import Outcome
from nova_watchdog.telemetry.families import PREFIX, TAKEOVERS
from nova_watchdog.telemetry.families_hold import OF_HOLDING
from nova_watchdog.telemetry.metrics import Exporter
from telemetry import pictures, shared
from telemetry.scraped import Scraped, scraped, shape

A = {"pairing": "cluster-a"}


def held(claim: Claim, holder: str = "") -> Scraped:
    return Scraped(shared.fleet(pictures.healthy(), cluster_a=shared.hold(claim, holder)))


def names(found: Scraped) -> set[str]:
    return {name for name, _ in found.samples}


def test_a_daemon_that_is_alone_has_no_series_of_holding() -> None:
    """What is not there cannot alert, and nobody wonders what it means."""
    assert names(scraped(pictures.healthy())) & {family.name for family in OF_HOLDING} == set()


def test_a_pairing_that_is_observed_is_held_by_nobody() -> None:
    """Its neighbour's series are there, and the daemon's own."""
    found = Scraped(shared.fleet(pictures.healthy(mode=Mode.OBSERVE), pictures.healthy("cluster-b")))
    of_holding = {family.name for family in OF_HOLDING}
    pairings = {dict(labels).get("pairing") for name, labels in found.samples if name in of_holding}
    assert pairings == {None, "cluster-b", "cluster-a"}
    told = {
        name
        for name, labels in found.samples
        if name in of_holding and dict(labels).get("pairing") == "cluster-a"
    }
    assert told == {PREFIX + "takeovers_total"}  # as counted before it was observed


@pytest.mark.parametrize("claim", Claim)
def test_exactly_the_claim_that_holds_is_1(claim: Claim) -> None:
    """One series a member, whatever holds."""
    found = held(claim)
    assert found.holding("hold", "claim") == [claim.value]
    assert [found.value("hold", **A, claim=one.value) for one in Claim].count(0.0) == len(Claim) - 1


def test_before_the_store_was_asked_nothing_is_claimed() -> None:
    """The series of a configured pairing are there: unread, and no number."""
    snapshot = replace(shared.fleet(pictures.healthy()), holds={})
    found = Scraped(snapshot)
    assert found.holding("hold", "claim") == ["unread"]
    for name in ("hold_epoch", "hold_deadline_seconds", "hold_stopped", "hold_moves_left"):
        assert math.isnan(found.value(name, **A))
    assert found.value("holder_info", **A, holder="") == 1.0
    assert found.value("takeovers_total", **A, outcome="done") == 1.0


def test_the_holder_is_a_label_of_one_series() -> None:
    """To be joined with; a change of hands ends it and begins another."""
    assert held(Claim.MINE, "ctl1").value("holder_info", **A, holder="ctl1") == 1.0
    found = held(Claim.HELD, "ctl2")
    assert [labels for name, labels in found.samples if name == PREFIX + "holder_info"] == [
        (("holder", "ctl2"), ("pairing", "cluster-a"))
    ]


def test_the_deadline_counts_down_where_it_is_held_and_is_nan_elsewhere() -> None:
    """Between two looks too, and never below 0."""
    snapshot = shared.fleet(pictures.healthy())
    left = [
        Scraped(snapshot, later_s=later_s).value("hold_deadline_seconds", **A) for later_s in (0.0, 4.0, 60.0)
    ]
    assert left == [13.0, 9.0, 0.0]
    assert math.isnan(held(Claim.HELD, "ctl2").value("hold_deadline_seconds", **A))


def test_the_record_of_a_hold_is_told() -> None:
    """Its epoch, a human's stop, and how often it may still move."""
    stopped = shared.hold(Claim.STOPPED, stopped=True)
    found = Scraped(shared.fleet(pictures.healthy(), cluster_a=stopped))
    assert found.value("hold_epoch", **A) == 3.0
    assert found.value("hold_stopped", **A) == 1.0
    assert found.value("hold_moves_left", **A) == 2.0
    assert held(Claim.NOBODY).value("hold_epoch", **A) == 0.0
    assert held(Claim.MINE, "ctl1").value("hold_stopped", **A) == 0.0


def test_each_controller_but_the_holder_is_ready_or_not() -> None:
    """One that does not renew is not, whatever it said last."""
    found = held(Claim.MINE, "ctl1")
    told = {
        dict(labels)["controller"]: value
        for (name, labels), value in found.samples.items()
        if name == PREFIX + "standby_ready"
    }
    assert told == {"ctl2": 1.0, "ctl3": 0.0}
    silent = replace(shared.ALL_READY[1], renews=False)
    snapshot = shared.fleet(pictures.healthy(), cluster_a=shared.hold(standbys=(silent,)))
    assert Scraped(snapshot).value("standby_ready", **A, controller="ctl2") == 0.0


@pytest.mark.parametrize(
    ("registered", "problem", "up"),
    [(True, "", 1.0), (True, "no answer within 3 s", 0.0), (False, "", 0.0), (False, "refused", 0.0)],
)
def test_the_store_is_up_while_renewals_are_confirmed(up: float, problem: str, *, registered: bool) -> None:
    """A registration without a problem; the problem's text is for the status alone."""
    snapshot = shared.fleet(pictures.healthy())
    found = Scraped(shared.with_keeper(snapshot, registered=registered, problem=problem))
    assert found.value("store_up") == up
    assert "no answer within" not in found.text


def test_renewals_are_counted_and_the_last_one_has_its_time() -> None:
    """Unix time; 0 before the first."""
    snapshot = shared.fleet(pictures.healthy())
    found = Scraped(snapshot, later_s=5.0)
    assert found.value("store_renewals_total") == 40.0
    assert found.value("store_renewal_failures_total") == 1.0
    assert found.value("store_last_renewal_timestamp_seconds") == pictures.EPOCH_WALL_S + 28.0
    never = Scraped(shared.with_keeper(snapshot, renewed_at_s=None))
    assert never.value("store_last_renewal_timestamp_seconds") == 0.0


def test_how_full_the_store_is_is_told() -> None:
    """With its quota, where it tells that."""
    size = StoreSize(4096, 1024, 8192, ("NOSPACE",))
    found = Scraped(shared.with_keeper(shared.fleet(pictures.healthy()), size=size))
    names = ("store_size_bytes", "store_in_use_bytes", "store_quota_bytes")
    assert [found.value(name) for name in names] == [4096.0, 1024.0, 8192.0]
    assert [found.value("store_alarm", alarm=one) for one in ALARMS] == [1.0, 0.0]
    untold = Scraped(shared.with_keeper(shared.fleet(pictures.healthy()), size=StoreSize(4096, 1024)))
    assert math.isnan(untold.value("store_quota_bytes"))


def test_a_store_that_does_not_say_how_full_it_is_has_no_number() -> None:
    """No alarm that is off either: nobody knows; and it is up all the same."""
    snapshot = shared.with_keeper(shared.fleet(pictures.healthy()), size=None, size_problem="denied")
    found = Scraped(snapshot)
    for name in ("store_size_bytes", "store_in_use_bytes", "store_quota_bytes"):
        assert math.isnan(found.value(name))
    assert all(math.isnan(found.value("store_alarm", alarm=one)) for one in ALARMS)
    assert found.value("store_up") == 1.0


def test_takeovers_are_there_at_0_by_outcome() -> None:
    """So that a first increase is seen."""
    found = held(Claim.MINE, "ctl1")
    told = {outcome: found.value("takeovers_total", **A, outcome=outcome) for outcome in TAKEOVERS}
    assert told == {"done": 1.0, "refused": 0.0, "result-unknown": 0.0, "failed": 0.0}
    assert {one.value for one in Outcome} <= set(TAKEOVERS)


def test_what_the_table_of_holding_does_is_an_action_too() -> None:
    """Each of its rows that acts has its series from the start."""
    rules = {
        (labels["rule"], labels["action"])
        for name, pairs in held(Claim.MINE, "ctl1").samples
        if name == PREFIX + "actions_total" and (labels := dict(pairs))["rule"].startswith("H")
    }
    assert rules == {(rule.number, rule.verb.value) for rule in TABLE if rule.verb is not HoldVerb.NOTHING}


def test_openmetrics_takes_the_families_of_holding() -> None:
    """There an info's name has no suffix, so it must not be another family's name."""
    snapshot = shared.fleet(pictures.healthy())
    exporter = Exporter(lambda: snapshot, pictures.StoppedClock(snapshot.now_s))
    body, _ = exporter.render("application/openmetrics-text; version=1.0.0")
    told = {sample.name for family in parse_openmetrics(body.decode()) for sample in family.samples}
    assert {family.name for family in OF_HOLDING} <= told


def test_a_claim_changes_no_series_but_the_holders() -> None:
    """What alerts compare is always there."""
    kept = {family.name for family in OF_HOLDING} - {PREFIX + "holder_info", PREFIX + "standby_ready"}

    def series(found: Scraped) -> set[object]:
        return {key for key in shape(found) if key[0] in kept}

    assert all(series(held(claim)) == series(held(Claim.MINE, "ctl1")) for claim in Claim)


def test_each_check_of_the_own_preflight_is_told() -> None:
    """So that an alert can name the one that fails, before a failover needs this controller."""
    found = held(Claim.HELD, "ctl2")
    assert found.value("preflight_blocks", **A, check="compute-id") == 1.0
    assert found.value("preflight_blocks", **A, check="vcenter") == 0.0
