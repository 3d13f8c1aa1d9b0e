"""What lies behind a pairing, each family both ways: a value, and NaN while its reading is unknown."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from nova_watchdog.core.model import Answer, ComputeOnBus, Datastore, Pairing
from telemetry import pictures
from telemetry.pictures import CLUSTER, DATASTORE, DAY_S, GIB, Story
from telemetry.scraped import Scraped, scraped

LOAD = ("instances", "builds", "build_longest_seconds")
ON_BUS = ("queue_consumers", "queued_rpcs", "rpc_ping_duration_seconds")
HOSTS = ("cluster_hosts", "cluster_hosts_connected", "cluster_hosts_in_maintenance")
DATASTORES = ("cluster_datastores_usable", "cluster_datastore_free_ratio_min")


def values(found: Scraped, names: tuple[str, ...]) -> list[float]:
    return [found.value(f"pairing_{name}", pairing="cluster-a") for name in names]


def later(**changed: object) -> Scraped:
    """A healthy pairing with these things changed, at 35 s."""
    story = pictures.healthy()
    for name, value in changed.items():
        setattr(story, name, value)
    return scraped(story.tick(35.0))


@pytest.mark.parametrize(
    ("reading", "names"),
    [("workload", LOAD), ("bus", ON_BUS), ("inventory", HOSTS + DATASTORES)],
)
def test_it_is_nan_while_its_reading_is_unknown(reading: str, names: tuple[str, ...]) -> None:
    """And only then, and before the first look."""
    assert all(math.isnan(value) for value in values(later(**{f"{reading}_unknown": "timeout"}), names))
    fresh = Scraped(pictures.fleet(), pairings=[pictures.pairing()])
    assert all(math.isnan(value) for value in values(fresh, names))
    assert not any(math.isnan(value) for value in values(scraped(pictures.healthy()), names))


def test_the_load_is_told() -> None:
    """Instances, those in BUILD, and how long the oldest has been there."""
    assert values(scraped(pictures.healthy()), LOAD) == [12.0, 0.0, 0.0]
    assert values(scraped(pictures.degraded()), LOAD) == [12.0, 2.0, 1860.0]


def test_a_host_that_nova_has_no_hypervisor_of_has_no_load() -> None:
    """Not 0 instances: nobody counted."""
    assert all(math.isnan(value) for value in values(later(nova_host="somebody-else"), LOAD))


def test_the_queue_and_the_ping_are_told() -> None:
    """A silent process has no duration; a queue that is not there has no numbers."""
    assert values(scraped(pictures.healthy()), ON_BUS) == [1.0, 0.0, 0.004]
    consumers, queued, took_s = values(scraped(pictures.hung()), ON_BUS)
    assert (consumers, queued, math.isnan(took_s)) == (1.0, 3.0, True)
    none = later(on_bus=ComputeOnBus(Answer.UNANSWERED, None, None, None))
    assert all(math.isnan(value) for value in values(none, ON_BUS))


def test_a_bus_that_was_not_proven_shows_no_numbers() -> None:
    """What it says then counts for nothing."""
    assert all(math.isnan(value) for value in values(scraped(pictures.bus_blocked()), ON_BUS))


def test_the_clusters_hosts_are_told() -> None:
    """All, those connected, those in maintenance mode."""
    assert values(later(cluster=replace(CLUSTER, connected=2, in_maintenance=1)), HOSTS) == [3.0, 2.0, 1.0]
    assert all(math.isnan(value) for value in values(scraped(pictures.cluster_gone()), HOSTS))


@pytest.mark.parametrize(
    ("enabled", "behavior", "state"),
    [
        (True, "fullyAutomated", "fully-automated"),
        (True, "partiallyAutomated", "partially-automated"),
        (True, "manual", "manual"),
        (True, "somethingNew", "other"),
        (False, "fullyAutomated", "off"),
    ],
)
def test_drs_is_a_state_set_with_words_of_our_own(state: str, behavior: str, *, enabled: bool) -> None:
    """A word that vSphere invents never becomes a label."""
    found = later(cluster=replace(CLUSTER, drs_enabled=enabled, drs_behavior=behavior))
    assert found.holding("pairing_cluster_drs_state", "state") == [state]
    assert "somethingNew" not in found.text


def test_drs_is_unknown_without_a_reading() -> None:
    """Not off."""
    assert scraped(pictures.unread()).holding("pairing_cluster_drs_state", "state") == ["unknown"]


def test_the_fullest_datastore_that_nova_could_use_counts() -> None:
    """By kind, name, and state; a datastore's name is never a label."""
    assert values(scraped(pictures.healthy()), DATASTORES) == [2.0, 0.25]
    others = (
        replace(DATASTORE, name="backup", free_bytes=0),
        replace(DATASTORE, name="ds-vffs", kind="vffs", free_bytes=0),
        replace(DATASTORE, name="ds-away", accessible=False, free_bytes=0),
        replace(DATASTORE, name="ds-moved", in_maintenance=True, free_bytes=0),
    )
    found = later(cluster=replace(CLUSTER, datastores=(DATASTORE, *others)))
    assert values(found, DATASTORES) == [1.0, 0.4]
    assert "ds-1" not in found.text


def test_a_cluster_without_a_usable_datastore_has_0_and_no_ratio() -> None:
    """And one that says it has no capacity is full, not an error."""
    usable, ratio = values(later(cluster=replace(CLUSTER, datastores=())), DATASTORES)
    assert (usable, math.isnan(ratio)) == (0.0, True)
    empty = Datastore("ds-0", "nfs", 0, 0, accessible=True, in_maintenance=False, mounted_on=3)
    assert values(later(cluster=replace(CLUSTER, datastores=(empty,))), DATASTORES) == [1.0, 0.0]
    assert DATASTORE.capacity_bytes == 100 * GIB


@pytest.mark.parametrize(
    ("story", "state"),
    [
        (pictures.unread, "unknown"),
        (pictures.vcenter_down, "unreachable"),
        (pictures.login_refused, "login-refused"),
        (pictures.healthy, "ok"),
        (pictures.cluster_gone, "ok"),
        (pictures.killed_just_now, "ok"),
    ],
)
def test_a_vcenter_has_one_state_set_whatever_its_clusters(story: Callable[[], Story], state: str) -> None:
    """A cluster that is gone says nothing against its vCenter."""
    found = scraped(story())
    assert shared(found, "vcenter_state", "vcenter") == {pictures.VCENTER: state}


@pytest.mark.parametrize(
    ("story", "state"),
    [
        (pictures.unread, "unknown"),
        (pictures.bus_down, "down"),
        (pictures.bus_blocked, "blocked"),
        (pictures.healthy, "ok"),
    ],
)
def test_a_message_bus_has_one_state_set(story: Callable[[], Story], state: str) -> None:
    """Each member, by a story that leads there."""
    assert shared(scraped(story()), "bus_state", "bus") == {pictures.BUS: state}


def shared(found: Scraped, name: str, label: str) -> dict[str, str]:
    """By vCenter or bus: the one member that is 1."""
    held: dict[str, str] = {}
    for (sample, labels), value in found.samples.items():
        if sample == f"nova_watchdog_{name}" and value == 1.0:
            assert dict(labels)[label] not in held
            held[dict(labels)[label]] = dict(labels)["state"]
    return held


def test_the_latest_look_speaks_for_what_pairings_share() -> None:
    """Two pairings of one vCenter and bus: the one that was looked at last counts, in any order."""
    earlier = pictures.vcenter_down()
    later_one = pictures.healthy("cluster-b").tick(36.0)
    for name, other in (("cluster-a", "cluster-b"), ("cluster-b", "cluster-a")):
        first = replace(earlier.shown(), pairing=pictures.pairing(name))
        last = replace(later_one.shown(), pairing=pictures.pairing(other))
        fleet = replace(pictures.fleet(later_one), pairings={name: first, other: last})
        assert shared(Scraped(fleet), "vcenter_state", "vcenter") == {pictures.VCENTER: "ok"}


def test_a_vcenter_and_a_bus_are_there_before_the_first_look() -> None:
    """Unknown, with all their series."""
    fresh = Scraped(pictures.fleet(), pairings=[pictures.pairing()])
    assert shared(fresh, "vcenter_state", "vcenter") == {pictures.VCENTER: "unknown"}
    assert shared(fresh, "bus_state", "bus") == {pictures.BUS: "unknown"}


def test_a_pairing_without_a_known_bus_makes_no_bus() -> None:
    """An empty key is none."""
    nowhere: Pairing = replace(pictures.pairing(), bus="")
    assert shared(Scraped(pictures.fleet(), pairings=[nowhere]), "bus_state", "bus") == {}


def test_the_certificates_end_is_a_unix_time() -> None:
    """Before or after now; NaN without TLS, and while it is unknown."""
    name, labels = "vcenter_certificate_expiry_timestamp_seconds", {"vcenter": pictures.VCENTER}
    expected_s = pictures.EPOCH_WALL_S + 30.0 + 300 * DAY_S
    assert scraped(pictures.healthy()).value(name, **labels) == expected_s
    assert scraped(pictures.healthy(), later_s=5.0).value(name, **labels) == expected_s
    over = later(certificate_expires_in_s=-DAY_S)
    assert over.value(name, **labels) == pictures.EPOCH_WALL_S + 35.0 - DAY_S
    for unknown in (later(certificate_expires_in_s=None), later(inventory_unknown="timeout")):
        assert math.isnan(unknown.value(name, **labels))


def test_novas_sessions_are_counted() -> None:
    """None at all is 0; not allowed to see them is NaN."""
    name, labels = "vcenter_nova_sessions", {"vcenter": pictures.VCENTER}
    assert scraped(pictures.healthy()).value(name, **labels) == 1.0
    assert later(sessions=()).value(name, **labels) == 0.0
    for unknown in (later(sessions=None), later(inventory_unknown="timeout")):
        assert math.isnan(unknown.value(name, **labels))
