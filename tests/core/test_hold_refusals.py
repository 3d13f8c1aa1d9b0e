"""Why a human's wish is refused, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.hold_bench import (
    BY_HUMAN,
    HELD_BY_A,
    MINE,
    PAIRING,
    READY,
    TIMING,
    A,
    B,
    Bench,
    C,
    controller,
    over,
    with_standby,
)
from nova_watchdog.core.hold.decide import Self
from nova_watchdog.core.hold.moves import Give
from nova_watchdog.core.hold.records import HoldRecord, Vantage, controller_key, hold_key
from nova_watchdog.core.hold.refusals import why_not_give, why_not_take
from nova_watchdog.core.hold.rules import HereFact
from nova_watchdog.core.permission import Permission

LATER_S = over(1000.0)


def me(bench: Bench, **changed) -> Self:
    """ctl-b as it judges."""
    return replace(Self(B, bench.registration, HereFact.DEAD, READY, Permission.PROTECT), **changed)


def giving(bench: Bench, give: Give = BY_HUMAN, at_s: float = 1001.0, **changed) -> str:
    return why_not_give(PAIRING, me(bench, give=give, **changed), bench.sight, TIMING, at_s)


def taking(bench: Bench, at_s: float = LATER_S, **changed) -> str:
    return why_not_take(PAIRING, me(bench, **changed), bench.sight, TIMING, at_s)


def test_what_is_held_here_and_has_a_ready_standby_is_given():
    """To anyone, or to the one that is named."""
    assert giving(with_standby()) == ""
    assert giving(with_standby(), replace(BY_HUMAN, to=C)) == ""


@pytest.mark.parametrize(
    ("hold", "at_s", "says"),
    [
        (HELD_BY_A, 1001.0, "ctl-a holds it"),
        (HELD_BY_A, LATER_S, "it was ctl-a's, which does not renew"),
        (HoldRecord("", "", 7), 1001.0, "nobody holds it"),
        (None, 1001.0, "nobody holds it"),
    ],
)
def test_what_is_not_held_here_is_not_given(hold, at_s, says):
    """And whom to ask instead is said."""
    assert giving(Bench(hold), at_s=at_s) == f"{PAIRING} is not held here: {says}"


def test_what_cannot_be_read_is_nobodys_to_give_or_to_take():
    """A torn record."""
    bench = Bench()
    bench.put(hold_key(PAIRING), {"format": 2})
    bench.look(1001.0)
    assert "the store does not tell whose it is" in giving(bench)
    assert taking(bench) == "the store does not tell whose it is"


def test_what_is_only_observed_is_not_given():
    """Nothing is done there."""
    assert "only observed" in giving(with_standby(), permission=Permission.OBSERVE)


def test_a_target_that_cannot_take_it_is_told_with_its_reason():
    """The one who holds it, one that is unknown, one that is away, and one that is not ready."""
    bench = with_standby()
    away = Bench(MINE)
    away.write(C, controller("c1", fenced=True))
    away.put(controller_key("ctl-t"), {"torn": True})
    away.look(1001.0)
    nameless = with_standby()
    nameless.write(A, controller("a1", vantages={PAIRING: Vantage(ready=False, reason="paused")}))
    nameless.write("ctl-d", controller("d1", vantages={}))
    nameless.write("ctl-e", controller("e1", vantages={PAIRING: Vantage(ready=False)}))
    nameless.look(1001.0)
    says = {
        giving(bench, replace(BY_HUMAN, to=B)): "ctl-b holds cluster-a already",
        giving(bench, replace(BY_HUMAN, to="ctl-z")): ("ctl-z cannot take cluster-a: it is not in the store"),
        giving(away, replace(BY_HUMAN, to=A), LATER_S): "ctl-a cannot take cluster-a: it does not renew",
        giving(away, replace(BY_HUMAN, to=C)): (
            "ctl-c cannot take cluster-a: another controller took over from it"
        ),
        giving(nameless, replace(BY_HUMAN, to=A)): "ctl-a cannot take cluster-a: paused",
        giving(nameless, replace(BY_HUMAN, to="ctl-d")): (
            "ctl-d cannot take cluster-a: it does not watch this pairing"
        ),
        giving(nameless, replace(BY_HUMAN, to="ctl-e")): "ctl-e cannot take cluster-a: it is not ready",
    }
    assert all(said == expected for said, expected in says.items()), says
    assert "its record cannot be read" in giving(away, replace(BY_HUMAN, to="ctl-t"))


def test_what_fails_at_the_target_is_named_so_that_a_human_can_accept_it():
    """By the names that are to be given."""
    bench = with_standby()
    failing = Vantage(ready=False, reason="another compute_id; paused", failing=("compute_id", "vcenter"))
    bench.write(A, controller("a1", vantages={PAIRING: failing}))
    bench.look(1000.0)
    refused = giving(bench, replace(BY_HUMAN, to=A, accept=("vcenter",)))
    assert refused.startswith("ctl-a could not serve cluster-a: another compute_id; paused; ")
    assert refused.endswith("compute_id and vcenter")
    assert giving(bench, replace(BY_HUMAN, to=A, accept=("vcenter", "compute_id"))) == ""
    assert "ctl-a cannot take" in giving(bench, replace(BY_HUMAN, to=A), over(1000.0))


def test_without_a_ready_standby_each_ones_lack_is_told():
    """So that it can be mended."""
    assert giving(with_standby(ready=False)) == (
        "no standby is ready: ctl-a: no canary passed; ctl-c: no canary passed"
    )
    bench = with_standby()
    bench.write(C, controller("c1", vantages={}))
    bench.found.pop(controller_key(A))
    bench.look(1000.0)
    assert giving(bench) == "no standby is ready: ctl-c: it does not watch this pairing"
    bench.found.pop(controller_key(C))
    bench.hold(MINE)
    bench.look(1000.0)
    assert giving(bench) == "no standby is ready: no other controller is in the store"


def test_a_holder_that_is_gone_from_the_store_is_told():
    """By hand, or in a restored one."""
    bench = Bench(MINE)
    bench.put(hold_key("cluster-z"), {"format": 1} | {"holder": "ctl-q", "incarnation": "q"})
    bench.put(hold_key("cluster-z"), dict(bench.found[hold_key(PAIRING)][0]) | {"holder": A})
    bench.found.pop(controller_key(A))
    bench.look(1001.0)
    assert giving(bench, replace(BY_HUMAN, to=A)).endswith("its record is gone")


def test_what_can_be_taken_now_or_soon_is_no_refusal():
    """Nobody's, stopped, silent, or released for another one that does not come."""
    for hold in (None, replace(HELD_BY_A, stopped=True), HELD_BY_A, HoldRecord("", "", 7, successor=C)):
        assert taking(Bench(hold)) == ""
    new = Bench(None)
    assert taking(new, registration=None) == ""


@pytest.mark.parametrize(
    ("hold", "changed", "says"),
    [
        (MINE, {}, "ctl-b holds cluster-a already"),
        (None, {"permission": Permission.PAUSED}, "permission is paused"),
        (replace(HELD_BY_A, stopped=True), {"here": HereFact.RUNS}, "its unit runs here without a hold"),
        (None, {"vantage": Vantage(ready=False, reason="no canary")}, "could not serve cluster-a: no canary"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_the_reason(hold, changed, says):
    """At once, instead of a wish that nobody hears of again."""
    assert says in taking(Bench(hold), **changed)


def test_anothers_is_not_taken_but_asked_for():
    """As long as that one renews."""
    assert taking(Bench(), 1001.0) == "ctl-a holds it: ask that one to give it"


def test_what_a_human_accepts_is_no_refusal():
    """Here too."""
    failing = Vantage(ready=False, reason="no canary", failing=("vcenter",))
    assert taking(Bench(None), vantage=failing, accept=("vcenter",)) == ""
