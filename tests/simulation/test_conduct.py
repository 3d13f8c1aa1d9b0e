"""Each invariant of what daemons do bites on the forbidden sequence and is silent on the allowed one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from nova_watchdog.core.model import Mode, Pairing
from nova_watchdog.core.policy import Policy
from nova_watchdog.simulation.conduct import Conduct, Deed
from nova_watchdog.simulation.timeline import Timeline

_LIVE = {"controllers/ctl1": {"incarnation": "one", "fenced": False}}


def _pairing(name: str, vcenter: str = "vc1", bus: str = "") -> Pairing:
    unit = f"nova-compute@{name}.service"
    return Pairing(name, unit, host=name, vcenter=vcenter, cluster=name, mode=Mode.PROTECT, bus=bus)


def _conduct(timeline: Timeline, pairings: Sequence[Pairing], spacing_s: float = 15.0) -> Conduct:
    policy = Policy(restart_budget=2, restart_window_s=100.0, action_spacing_s=spacing_s)
    conduct = Conduct(timeline, pairings, policy, counts_starts=True)
    conduct.committed(_LIVE)
    return conduct


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


@pytest.fixture
def conduct(timeline: Timeline) -> Conduct:
    return _conduct(timeline, [_pairing(name) for name in "abcd"])


def _names(conduct: Conduct, deed: Deed) -> list[str]:
    return [name for name, _ in conduct.judge(deed)]


def _start(
    pairing: str = "a", controller: str = "ctl1", rule: str = "R39", *, is_covered: bool = True
) -> Deed:
    return Deed(controller, "boot", pairing, rule, "start", "done", is_covered=is_covered)


def test_a_start_without_cover(conduct: Conduct) -> None:
    """Only by the rules of what a holder does: those of holding kill what is not held."""
    assert _names(conduct, _start(is_covered=False)) == ["cover"]
    assert not _names(conduct, Deed("ctl1", "boot", "a", "H03", "kill", "done", is_covered=False))


def test_two_pairings_at_once(conduct: Conduct, timeline: Timeline) -> None:
    """One after the other is fine, and so are two controllers."""
    assert not _names(conduct, _start("a"))
    assert not _names(conduct, _start("b", "ctl2"))
    assert _names(conduct, _start("c")) == ["breaker"]
    timeline.run_until(20.0)
    assert not _names(conduct, _start("d"))


def _hold(holder: str, epoch: int) -> dict[str, Any]:
    return {"holder": holder, "epoch": epoch}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (_hold("ctl2", 1), _hold("ctl1", 2), []),
        (_hold("", 1), _hold("ctl1", 2), []),
        (_hold("ctl1", 1), _hold("ctl1", 2), ["breaker"]),
        (_hold("ctl2", 1), _hold("ctl3", 2), ["breaker"]),
        (_hold("ctl1", 1), _hold("ctl1", 1), ["breaker"]),
    ],
)
def test_two_that_arrive_together(
    conduct: Conduct, before: Mapping[str, Any], after: Mapping[str, Any], found: list[str]
) -> None:
    """Their first start here waits for nobody; what was not taken from somebody else arrives from nowhere."""
    for record in (before, after):
        conduct.committed({"holds/a": record, "holds/b": record})
    assert not _names(conduct, _start("a"))
    assert _names(conduct, _start("b")) == found
    assert _names(conduct, _start("a")) == ["breaker"], "it has arrived already"


def test_one_that_arrives_waits_for_one_that_was_here(conduct: Conduct) -> None:
    """And the other way round."""
    conduct.committed({"holds/a": _hold("ctl2", 1)})
    conduct.committed({"holds/a": _hold("ctl1", 2)})
    assert not _names(conduct, _start("b"))
    assert _names(conduct, _start("a")) == ["breaker"]
    assert _names(conduct, _start("c")) == ["breaker"]


def test_a_restored_store_is_taken_from_whom_it_names(conduct: Conduct) -> None:
    """By its records, not by those that were lost."""
    conduct.committed({"holds/a": _hold("ctl1", 5), "holds/b": _hold("ctl1", 5)})
    conduct.restored({"holds/a": _hold("ctl2", 1), "holds/b": _hold("ctl2", 1)})
    conduct.committed({"holds/a": _hold("ctl1", 2), "holds/b": _hold("ctl1", 2)})
    assert not _names(conduct, _start("a")) + _names(conduct, _start("b"))


@pytest.mark.parametrize(
    ("vcenter", "bus", "found"),
    [("vc2", "rabbit://2", []), ("vc2", "rabbit://1", ["breaker"]), ("vc1", "rabbit://2", ["breaker"])],
)
def test_two_at_once_that_share_nothing(timeline: Timeline, vcenter: str, bus: str, found: list[str]) -> None:
    """Only a vCenter or a bus in common makes one wait for the other."""
    conduct = _conduct(timeline, [_pairing("a", "vc1", "rabbit://1"), _pairing("b", vcenter, bus)])
    assert not _names(conduct, _start("a"))
    assert _names(conduct, _start("b")) == found


def test_two_without_a_known_bus_share_none(timeline: Timeline) -> None:
    """That it is not known makes it nobody's."""
    conduct = _conduct(timeline, [_pairing("a", "vc1"), _pairing("b", "vc2")])
    assert not _names(conduct, _start("a")) + _names(conduct, _start("b"))


def test_the_policy_says_how_long_the_others_wait(timeline: Timeline) -> None:
    """With a spacing of 4 s: what comes sooner is caught, what comes after it is not."""
    conduct = _conduct(timeline, [_pairing(name) for name in "ab"], spacing_s=4.0)
    assert not _names(conduct, _start("a"))
    timeline.run_until(2.0)
    assert _names(conduct, _start("b")) == ["breaker"]
    timeline.run_until(5.9)
    assert not _names(conduct, _start("a"))


def test_too_many_starts(conduct: Conduct, timeline: Timeline) -> None:
    """Free ones are not counted, and those outside the window neither."""
    assert not _names(conduct, _start()) + _names(conduct, _start(rule="R37")) + _names(conduct, _start())
    assert _names(conduct, _start()) == ["budget"]
    timeline.run_until(101.0)
    assert not _names(conduct, _start())


def test_what_a_human_stopped_is_not_started(conduct: Conduct, timeline: Timeline) -> None:
    """At once by the daemon that was there, and by nobody once that one went on; until a human wants it."""
    conduct.human_stops("a", "ctl1")
    assert not _names(conduct, _start(controller="ctl3")), "it is not dead yet"
    conduct.process_ended("a", "ctl1", has_power=True)
    assert _names(conduct, _start()) == ["human-stop"]
    assert not _names(conduct, _start(controller="ctl2")), "nobody can have told it"
    timeline.run_until(20.0)
    conduct.committed(_LIVE)
    assert _names(conduct, _start(controller="ctl2")) == ["human-stop"]
    conduct.human_decides("a")
    timeline.run_until(40.0)
    assert not _names(conduct, _start(controller="ctl2", rule="R37"))


def test_a_stop_that_nobody_could_write_down_is_forgotten(conduct: Conduct, timeline: Timeline) -> None:
    """Its holder's registration ended first, or the machine died with the process."""
    conduct.human_stops("a", "ctl1")
    conduct.process_ended("a", "ctl1", has_power=True)
    conduct.committed({"controllers/ctl1": {"incarnation": "two", "fenced": False}})
    assert not _names(conduct, _start())
    conduct.human_stops("b", "ctl1")
    conduct.process_ended("b", "ctl1", has_power=False)
    timeline.run_until(20.0)
    assert not _names(conduct, _start("b"))
