"""Scenarios are data: faults are said in words and read back, and a seed always makes the same."""

from __future__ import annotations

import random

import pytest

from nova_watchdog.simulation.chance import random_fault, random_scenario, value_of
from nova_watchdog.simulation.scenario import (
    OF_ALL,
    OF_PAIRING,
    Fault,
    FaultError,
    Kind,
    Scenario,
    parse_fault,
    to_json,
    with_faults,
)

_CONTROLLERS = ("ctl1", "ctl2", "ctl3")
_PAIRINGS = ("a", "b")


def _parse(text: str) -> Fault:
    return parse_fault(text, _CONTROLLERS, _PAIRINGS)


def _target(kind: Kind) -> str:
    if kind in OF_ALL:
        return ""
    return "a" if kind in OF_PAIRING else "ctl2"


def test_a_fault_is_read_back_as_it_was_said() -> None:
    """Every kind, with random times to the millisecond."""
    chance = random.Random(1)  # noqa: S311 - the same faults at each run
    scenario = Scenario(_CONTROLLERS, _PAIRINGS, 60.0)
    faults = [random_fault(chance, scenario, chance.uniform(0, 90_000)) for _ in range(4000)]
    assert {fault.kind for fault in faults} == set(Kind)
    assert [_parse(str(fault)) for fault in faults] == faults


def test_a_fault_in_the_words_of_an_operator() -> None:
    """Units may be mixed, and what is not said has a usual value."""
    assert _parse("kill ctl1 at 30s for 2m") == Fault(Kind.KILL, 30.0, "ctl1", 120.0)
    assert _parse(" freeze  ctl2 at 1h ") == Fault(Kind.FREEZE, 3600.0, "ctl2", 60.0)
    assert _parse("freeze ctl2 at 1h2m3.5s for 1m30s") == Fault(Kind.FREEZE, 3723.5, "ctl2", 90.0)
    assert _parse("crash a at 12.5") == Fault(Kind.CRASH, 12.5, "a")
    assert _parse("store-down at 1m for 20") == Fault(Kind.STORE_DOWN, 60.0, "", 20.0)
    assert _parse("upgrade ctl1 at 9s value 20.5") == Fault(Kind.UPGRADE, 9.0, "ctl1", 0.0, 20.5)


@pytest.mark.parametrize(
    ("text", "wrong", "allowed"),
    [
        ("", '"" is not understood', "KIND [TARGET] at TIME"),
        ("kill ctl1", '"kill ctl1" is not understood', "KIND [TARGET] at TIME"),
        ("kill ctl1 at soon", "is not understood", "KIND [TARGET] at TIME"),
        ("kill ctl1 at 30s after 2m", "is not understood", "KIND [TARGET] at TIME"),
        ("kill ctl1 at -3s", "is not understood", "KIND [TARGET] at TIME"),
        ("explode ctl1 at 3s", '"explode" is no fault', "allowed are kill, reboot"),
        ("kill ctl9 at 3s", "kill happens to ctl9", "allowed is one of ctl1, ctl2, ctl3"),
        ("kill at 3s", "kill happens to nothing", "allowed is one of ctl1, ctl2, ctl3"),
        ("kill a at 3s", "kill happens to a", "allowed is one of ctl1, ctl2, ctl3"),
        ("crash ctl1 at 3s", "crash happens to ctl1", "allowed is one of a, b"),
        ("store-down ctl1 at 3s", "store-down happens to ctl1", "allowed is nothing"),
        ("kill ctl1 at 1.2.3s", "1.2.3s is no time", "a number with s, m or h"),
        ("kill ctl1 at 30s1m", "30s1m is no time", "several as in 1m30s"),
        ("kill ctl1 at 1h30", "1h30 is no time", "several as in 1m30s"),
        ("kill ctl1 at .", ". is no time", "a number with s, m or h"),
        ("crash a at 3s for 5s", "crash happens at once", "allowed is no `for`"),
        ("crash a at 3s value 5", "crash has no `value`", "one with store-restored and upgrade"),
        ("upgrade ctl1 at 3s value 1.2.3", "1.2.3 is no number", "such as 20 or 20.5"),
    ],
)
def test_what_is_not_understood_is_named_with_what_is_allowed(text: str, wrong: str, allowed: str) -> None:
    """Whoever types a fault learns how."""
    with pytest.raises(FaultError) as caught:
        _parse(text)
    assert wrong in str(caught.value)
    assert allowed in str(caught.value)


def test_every_kind_names_its_target() -> None:
    """A controller, a pairing or nothing: `parse_fault` takes the right one and no other."""
    for kind in Kind:
        assert _parse(f"{kind.value} {_target(kind)} at 5s").target == _target(kind)


def test_faults_are_put_in_the_order_of_their_times() -> None:
    """However they were given: the run must not depend on that."""
    faults = [Fault(Kind.CRASH, 9.0, "a"), Fault(Kind.KILL, 5.0, "ctl1"), Fault(Kind.CRASH, 5.0, "b")]
    scenario = Scenario(_CONTROLLERS, _PAIRINGS, 60.0)
    ordered = with_faults(scenario, faults)
    assert [str(one) for one in ordered.faults] == ["crash b at 5s", "kill ctl1 at 5s", "crash a at 9s"]
    assert with_faults(scenario, faults[::-1]) == ordered


def test_a_scenario_knows_when_its_faults_are_over() -> None:
    """What happens at once has no duration, whatever it says."""
    faults = [Fault(Kind.CRASH, 90.0, "a", 500.0), Fault(Kind.KILL, 30.0, "ctl1", 75.0)]
    assert with_faults(Scenario(_CONTROLLERS, _PAIRINGS, 60.0), faults).faults_end_s == 105.0
    assert Scenario(_CONTROLLERS, _PAIRINGS, 60.0).faults_end_s == 0.0


def test_a_clock_without_a_rate_is_right() -> None:
    """Rates are given in the order of the controllers."""
    scenario = Scenario(_CONTROLLERS, _PAIRINGS, 60.0, rates=(0.999,))
    assert [scenario.rate(name) for name in _CONTROLLERS] == [0.999, 1.0, 1.0]


@pytest.mark.parametrize("seed", range(20))
def test_the_same_seed_makes_the_same_scenario(seed: int) -> None:
    """And what its words say is that scenario."""
    made = [random_scenario(seed, _CONTROLLERS, _PAIRINGS, 3000.0, 40.0) for _ in range(2)]
    assert made[0] == made[1]
    assert made[0].faults
    words = to_json(made[0])
    said = Scenario(
        tuple(words["controllers"]),
        tuple(words["pairings"]),
        words["lasts_s"],
        seed=words["seed"],
        rates=tuple(words["rates"]),
    )
    again = with_faults(said, [_parse(text) for text in words["faults"]])
    assert to_json(again) == words
    assert [one.ends_at_s for one in again.faults] == [one.ends_at_s for one in made[0].faults]


def test_different_seeds_make_different_scenarios() -> None:
    """Else a thousand runs are one."""
    made = {str(random_scenario(seed, _CONTROLLERS, _PAIRINGS, 3000.0, 40.0).faults) for seed in range(50)}
    assert len(made) == 50


def test_random_faults_leave_the_time_to_settle() -> None:
    """They are over so long before the end that all must be well again by then."""
    for seed in range(30):
        scenario = random_scenario(seed, _CONTROLLERS, _PAIRINGS, 3000.0, 20.0)
        assert scenario.faults_end_s + scenario.settle_s <= scenario.lasts_s


def test_values_are_of_their_kinds() -> None:
    """A deadline that the bounds allow, and a backup of some age; nothing for the others."""
    for share in (0.0, 0.5, 1.0):
        assert 13.0 <= value_of(Kind.UPGRADE, share) <= 30.0
        assert 20.0 <= value_of(Kind.STORE_RESTORED, share) <= 320.0
        assert value_of(Kind.KILL, share) == 0.0
