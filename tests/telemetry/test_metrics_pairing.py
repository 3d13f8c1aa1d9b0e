"""The families of a pairing that say what it means, and what the daemon may do about it."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from nova_watchdog.core.concerns import Concern
from nova_watchdog.core.diagnose import Condition
from nova_watchdog.core.model import Mode
from nova_watchdog.core.permission import Permission
from telemetry import pictures
from telemetry.pictures import Story
from telemetry.scraped import JOINED, Scraped, scraped


@pytest.mark.parametrize(
    ("story", "condition"),
    [
        (pictures.healthy, Condition.HEALTHY),
        (pictures.starting, Condition.DEGRADED),
        (pictures.cluster_degraded, Condition.DEGRADED),
        (pictures.disabled, Condition.DEGRADED),
        (pictures.killed, Condition.FAILED),
        (pictures.vcenter_down, Condition.FAILED),
        (pictures.hung, Condition.FAILED),
        (pictures.blind, Condition.UNKNOWN),
        (pictures.unread, Condition.UNKNOWN),
    ],
)
def test_exactly_the_condition_that_holds_is_1(story: Callable[[], Story], condition: Condition) -> None:
    """With vCenter and message bus as labels, so that alerts can be grouped by them."""
    found = scraped(story())
    assert found.holding("pairing_condition", "condition") == [condition.value]
    for other in Condition:
        expected = float(other is condition)
        assert found.value("pairing_condition", **JOINED, condition=other.value) == expected


def test_the_time_without_service_counts_up_only_while_failed() -> None:
    """Ten seconds down are ten seconds; a healthy time adds nothing."""
    name = "pairing_not_provisionable_seconds_total"
    story = pictures.vcenter_down()
    assert scraped(story).value(name, pairing="cluster-a") == 0.0
    story.tick(45.0)
    story.vcenter = None
    assert scraped(story.tick(47.0)).value(name, pairing="cluster-a") == 12.0
    assert scraped(story.tick(60.0)).value(name, pairing="cluster-a") == 12.0


def test_each_concern_that_is_there_is_1_and_every_other_0() -> None:
    """All of the closed list is exported."""
    found = scraped(pictures.cluster_degraded())
    held = {Concern.HOST_DISCONNECTED, Concern.DRS_NOT_AUTOMATED}
    for concern in Concern:
        value = found.value("pairing_concern", pairing="cluster-a", concern=concern.value)
        assert value == float(concern in held)
    assert scraped(pictures.degraded()).holding("pairing_concern", "concern") == ["builds-stuck"]
    assert scraped(pictures.healthy()).holding("pairing_concern", "concern") == []


@pytest.mark.parametrize(
    ("story", "permission"),
    [
        (pictures.healthy, Permission.PROTECT),
        (lambda: pictures.healthy(mode=Mode.OBSERVE), Permission.OBSERVE),
        (pictures.paused, Permission.PAUSED),
        (pictures.maintenance, Permission.MAINTENANCE),
    ],
)
def test_exactly_the_permission_that_holds_is_1(story: Callable[[], Story], permission: Permission) -> None:
    """Each member, by a story that leads there."""
    found = scraped(story())
    assert found.holding("pairing_permission", "permission") == [permission.value]
    values = [found.value("pairing_permission", pairing="cluster-a", permission=p.value) for p in Permission]
    assert sum(values) == 1.0


def test_a_pause_is_told_with_its_end_and_is_over_by_itself() -> None:
    """A scrape after its end shows none, whether the pairing's loop has ticked or not."""
    story = pictures.paused()
    until_s = pictures.EPOCH_WALL_S + 3630.0
    found = scraped(story)
    assert found.value("pairing_paused", pairing="cluster-a") == 1.0
    assert found.value("pairing_pause_until_timestamp_seconds", pairing="cluster-a") == until_s
    for ended in (scraped(story, later_s=3600.0), scraped(pictures.healthy())):
        assert ended.value("pairing_paused", pairing="cluster-a") == 0.0
        assert ended.value("pairing_pause_until_timestamp_seconds", pairing="cluster-a") == 0.0
    fresh = Scraped(pictures.fleet(), pairings=[pictures.pairing()])
    assert math.isnan(fresh.value("pairing_paused", pairing="cluster-a"))
    assert fresh.value("pairing_pause_until_timestamp_seconds", pairing="cluster-a") == 0.0


def test_a_pause_is_told_in_mode_observe_too() -> None:
    """The permission names the stronger reason, the pause is there nevertheless."""
    found = scraped(pictures.healthy(mode=Mode.OBSERVE).paused(until_s=90.0))
    assert found.holding("pairing_permission", "permission") == ["observe"]
    assert found.value("pairing_paused", pairing="cluster-a") == 1.0


def test_an_open_maintenance_window_is_told() -> None:
    """NaN before the first look, which claims nothing."""
    name = "pairing_maintenance"
    assert scraped(pictures.maintenance()).value(name, pairing="cluster-a") == 1.0
    assert scraped(pictures.healthy()).value(name, pairing="cluster-a") == 0.0
    fresh = Scraped(pictures.fleet(), pairings=[pictures.pairing()])
    assert math.isnan(fresh.value(name, pairing="cluster-a"))
