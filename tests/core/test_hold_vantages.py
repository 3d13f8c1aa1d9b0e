"""What a controller says of the pairings lies beside its record: it is written less often."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from core.hold_bench import PAIRING, TIMING, W_S, A, Bench, controller
from nova_watchdog.core.hold.claims import silent_at_s
from nova_watchdog.core.hold.records import (
    MOST_VANTAGES_BYTES,
    ControllerRecord,
    HoldRecord,
    Vantage,
    controller_key,
    controller_of,
    hold_key,
    joined,
    renewal_json,
    to_json,
    vantages_json,
    vantages_key,
)

RECORD = replace(
    controller("a1"), vantages={PAIRING: Vantage(ready=False, reason="paused", failing=("vcenter",))}
)
BESIDE = json.loads(json.dumps(vantages_json(RECORD)))
HOLD = to_json(HoldRecord(A, "a1", 7))


def stored(beside: Mapping[str, Any]) -> dict[str, tuple[Mapping[str, Any], int]]:
    """One answer of the store, joined."""
    found: dict[str, tuple[Mapping[str, Any], int]] = {
        controller_key(A): (renewal_json(RECORD), 5),
        vantages_key(A): (beside, 4),
        hold_key(PAIRING): (HOLD, 3),
    }
    return joined(found)


def test_a_renewal_and_what_lies_beside_it_are_the_whole_record():
    """With the revision of the renewal; the other records are as they were."""
    assert renewal_json(RECORD)["vantages"] == {}
    found = stored(BESIDE)
    value, revision = found.pop(controller_key(A))
    assert (controller_of(value), revision) == (RECORD, 5)
    assert found == {hold_key(PAIRING): (HOLD, 3)}


def test_what_another_registration_said_is_not_this_ones():
    """It was true of another daemon."""
    value, _ = stored(BESIDE | {"incarnation": "a0"})[controller_key(A)]
    assert controller_of(value).vantages == {}


@pytest.mark.parametrize("said", [None, 5, [], {}, {PAIRING: 5}, {PAIRING: {"ready": 1}}, {PAIRING: {}}])
def test_what_cannot_be_read_says_nothing_and_harms_nothing(said):
    """The record of holding is as good as before."""
    value, _ = stored(BESIDE | {"vantages": said})[controller_key(A)]
    assert controller_of(value) == replace(RECORD, vantages={})


def test_a_record_that_has_its_vantages_inside_keeps_them():
    """As the first version wrote it."""
    value, _ = joined({controller_key(A): (to_json(RECORD), 5)})[controller_key(A)]
    assert controller_of(value) == RECORD


def test_what_lies_there_without_a_record_is_nobodys():
    """Its controller's record was deleted."""
    assert joined({vantages_key(A): (BESIDE, 4)}) == {}


def test_when_a_holder_will_have_been_silent_is_known_beforehand():
    """So that the look that finds it is not late."""
    assert silent_at_s(PAIRING, Bench().sight, TIMING) == 1000.0 + W_S
    assert silent_at_s("cluster-z", Bench().sight, TIMING) is None
    assert silent_at_s(PAIRING, Bench(HoldRecord("", "", 7)).sight, TIMING) is None


@pytest.mark.parametrize(
    ("pairings", "words", "kept"),
    [
        (10, 400, ("reason", "identity", "failing")),
        (120, 400, ("identity", "failing")),
        (300, 400, ("ready",)),
        (3000, 400, ()),
    ],
)
def test_a_renewal_never_fails_for_what_is_said_beside_it(pairings: int, words: int, kept: tuple[str, ...]):
    """With many pairings the words go first, then what is compared, then all: the hold is worth more."""
    one = Vantage(ready=True, reason="x" * words, identity={"host": "h" * 300}, failing=("vcenter",))
    record = ControllerRecord(
        "i", 1, 15.0, 2.0, vantages={f"cluster-{number}": one for number in range(pairings)}
    )
    said = vantages_json(record)["vantages"]
    assert len(json.dumps(said)) <= MOST_VANTAGES_BYTES
    shown: Mapping[str, Any] = next(iter(said.values()), {})
    assert ("ready" in shown) is bool(kept)
    assert (len(shown.get("reason", "")) == words) is ("reason" in kept)
    for name in ("identity", "failing"):
        assert bool(shown.get(name)) is (name in kept)
