from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.telemetry.view import Document, document, rfc3339
from telemetry import pictures, shared
from telemetry.golden_status import documents, golden
from telemetry.pictures import Story

PAGE = Path(__file__).parents[2] / "docs" / "status-json.md"


def shown(*stories: Story, later_s: float = 0.0) -> Document:
    snapshot = pictures.fleet(*stories)
    return document(snapshot, now_s=snapshot.now_s + later_s, wall_s=snapshot.wall_s + later_s)


def paths(value: Any, prefix: str = "") -> set[str]:
    """Every field's path, `[]` for the entries of an array."""
    if isinstance(value, dict):
        return {p for key, inner in value.items() for p in paths(inner, f"{prefix}.{key}".lstrip("."))}
    if isinstance(value, list):
        return {f"{prefix}[]"} | {p for inner in value for p in paths(inner, f"{prefix}[]")}
    return {prefix}


@pytest.mark.parametrize("name", ["status", "explain", "history"])
def test_the_document_is_the_golden_one(name: str) -> None:
    """A change here is a change of an interface: is `format` still right? Then write the file anew."""
    assert documents()[name] == json.loads(golden(name).read_text())


def documented(heading: str) -> set[str]:
    """The fields that the table under that heading of docs/status-json.md names."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return {
        field
        for cell in re.findall(r"^\| (`[^|]+`) \|", section, re.MULTILINE)
        for field in re.findall(r"`([^`]+)`", cell)
    }


def test_every_field_of_the_status_is_documented_and_nothing_else_is() -> None:
    """The table names exactly the fields of the golden document."""
    readings = "pairings[].readings."
    objects = {  # null where there is none
        readings + "services.record",
        readings + "bus.compute",
        readings + "inventory.cluster",
        readings + "inventory.sessions",
        readings + "workload.load",
        "pairings[].pause",
        "pairings[].hold",
        "pairings[].hold.verified",
        "keeper",
        "keeper.size",
    }
    plain = {path for path in paths(documents()["status"]) if path != readings + "inventory.sessions[]"}
    assert documented("Status") | objects == plain | objects
    assert objects <= documented("Status")


def test_every_field_of_the_explanation_and_the_history_is_documented() -> None:
    """What the status has too is not told twice: a star stands for it."""
    for name, same in (("explain", ("pairing.",)), ("history", ())):
        found = {path for path in paths(documents()[name]) if not path.startswith(same or ("-",))}
        told = documented(name.capitalize())
        stars = tuple(field.removesuffix("*") for field in told if field.endswith("*"))
        shared = ("rule_rows[].matches", "rule_rows[].decides", "rule_rows[].mismatch")
        left = {p for p in found if p not in told and not p.startswith((*stars, *shared))}
        assert left == set()
        for field in told:
            assert field.endswith("*") or any(p.startswith(field) for p in paths(documents()[name])), field


def test_the_document_is_plain_json() -> None:
    """No NaN and no infinity: other languages' parsers refuse them."""
    text = json.dumps(shown(pictures.unread(), pictures.healthy("cluster-b")), allow_nan=False)
    assert json.loads(text)["format"] == 1


def test_times_are_rfc3339_in_utc() -> None:
    """With milliseconds, whatever the machine's time zone."""
    assert rfc3339(pictures.EPOCH_WALL_S) == "2026-01-02T03:04:05.000Z"
    assert rfc3339(pictures.EPOCH_WALL_S + 0.9996) == "2026-01-02T03:04:05.999Z"


def test_a_certificate_that_never_ends_has_the_last_date_there_is() -> None:
    """RFC 5280 writes it as the end of year 9999; measured and added up it may come out a little later."""
    story = pictures.healthy()
    story.certificate_expires_in_s = 253402300799.0 - pictures.EPOCH_WALL_S
    seen = shown(story.tick(35.0))["pairings"][0]["readings"]["inventory"]
    assert seen["certificate_expires_at"] == "9999-12-31T23:59:59.000Z"


def test_healthy_means_all_of_them() -> None:
    """One that is not, is enough; none at all is not healthy either."""
    assert shown(pictures.healthy())["healthy"] is True
    assert shown(pictures.healthy(), pictures.healthy("cluster-b"))["healthy"] is True
    assert shown(pictures.killed(), pictures.healthy("cluster-b"))["healthy"] is False
    assert shown()["healthy"] is False


def test_a_pairing_that_is_not_watched_is_not_healthy() -> None:
    """It is told with its mistakes, and the others stay as they are."""
    snapshot = pictures.fleet(pictures.healthy(), unwatched=["cluster-y", "cluster-x"])
    found = document(snapshot, now_s=snapshot.now_s, wall_s=snapshot.wall_s)
    assert found["healthy"] is False
    assert found["pairings"][0]["healthy"] is True
    assert found["unwatched"] == [
        {"name": "cluster-x", "mistakes": [pictures.MISTAKE]},
        {"name": "cluster-y", "mistakes": [pictures.MISTAKE]},
    ]


def test_a_pairing_without_its_record_is_not_healthy() -> None:
    """Nothing would be done for it, however well it is now."""
    found = shown(pictures.record_unwritable())
    (entry,) = found["pairings"]
    assert (found["healthy"], entry["healthy"], entry["diagnosis"]["word"]) == (False, False, "healthy")
    assert entry["store_problem"] == "store.json: No space left on device"


def test_a_pairing_whose_loop_hangs_is_not_healthy() -> None:
    """An old verdict is no verdict."""
    fresh = shown(pictures.healthy(), later_s=20.0)["pairings"][0]
    old = shown(pictures.healthy(), later_s=20.1)["pairings"][0]
    assert (fresh["stale"], fresh["healthy"]) == (False, True)
    assert (old["stale"], old["healthy"]) == (True, False)
    assert old["diagnosis"]["word"] == "healthy"


def test_an_unknown_reading_has_its_reason_and_no_values() -> None:
    """Nothing that could be taken for down."""
    readings = shown(pictures.unread())["pairings"][0]["readings"]
    for reading in readings.values():
        assert reading == {"known": False, "age_s": 0.5, "reason": "not read yet"}


def test_a_host_that_nova_does_not_know_has_no_record() -> None:
    """Null, not an empty record."""
    services = shown(pictures.no_record())["pairings"][0]["readings"]["services"]
    assert services["known"] is True
    assert services["record"] is None


def test_a_cluster_that_is_gone_has_no_moid() -> None:
    """The vCenter answers, the name is not there."""
    vcenter = shown(pictures.cluster_gone())["pairings"][0]["readings"]["vcenter"]
    assert (vcenter["outcome"], vcenter["cluster_moid"]) == ("ok", None)


def test_the_next_look_counts_down_and_never_below_zero() -> None:
    """While backing off the document says when time alone changes the decision."""
    story = pictures.stuck_disabled()
    first = shown(story)["pairings"][0]["next_look_in_s"]
    assert first == pytest.approx(10.0)
    assert shown(story, later_s=4.0)["pairings"][0]["next_look_in_s"] == pytest.approx(6.0)
    assert shown(story, later_s=99.0)["pairings"][0]["next_look_in_s"] == 0.0
    assert shown(pictures.healthy())["pairings"][0]["next_look_in_s"] is None


def test_pairings_are_in_the_order_of_their_names() -> None:
    """Whatever the order of the loops."""
    found = shown(pictures.healthy("b"), pictures.healthy("c"), pictures.healthy("a"))
    assert [entry["name"] for entry in found["pairings"]] == ["a", "b", "c"]


def test_a_clock_that_went_back_gives_no_negative_age() -> None:
    """A request may carry a time read just before the snapshot's."""
    snapshot = pictures.fleet(pictures.healthy())
    found = document(snapshot, now_s=snapshot.now_s - 5.0, wall_s=snapshot.wall_s)
    assert found["pairings"][0]["look_age_s"] == 0.0
    assert found["pairings"][0]["heartbeat_age_s"] == 0.0
    assert all(reading["age_s"] == 0.0 for reading in found["pairings"][0]["readings"].values())


def test_the_daemons_lag_is_told() -> None:
    """Rounded to milliseconds."""
    snapshot = replace(pictures.fleet(pictures.healthy()), loop_lag_s=1.23456)
    assert document(snapshot, now_s=snapshot.now_s, wall_s=snapshot.wall_s)["loop_lag_s"] == 1.235


def test_what_is_seen_of_a_process_is_told_of_the_one_that_runs_under_this_hold_alone() -> None:
    """Elsewhere its holder tells."""
    held = shared.fleet(pictures.healthy())
    all_good = {"heartbeat": True, "consumer": True, "ping": True, "session": True}
    for snapshot, told in (
        (held, all_good),
        (shared.fleet(pictures.killed()), None),
        (replace(held, holds={"cluster-a": shared.hold(Claim.HELD, "ctl2")}), None),
    ):
        found = document(snapshot, now_s=snapshot.now_s, wall_s=snapshot.wall_s)["pairings"][0]
        assert found["hold"]["verified"] == told
