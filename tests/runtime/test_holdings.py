"""The keeper among the pairings' loops: what it asks of them, and what it tells them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from nova_watchdog.core.facts import Facts
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.decide import HoldDecision, HoldPolicy
from nova_watchdog.core.hold.records import Vantage
from nova_watchdog.core.hold.rules import TABLE, HoldSituation
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.model import Mode, Pairing
from nova_watchdog.core.permission import Pause, Permission
from nova_watchdog.core.state import Phase
from nova_watchdog.runtime.hold_ports import Asks, KeeperPorts
from nova_watchdog.runtime.holdings import Holdings, Surroundings
from nova_watchdog.runtime.registrar import Identity
from runtime.bench import Bench

NAME = "cluster-a"
UNUSABLE = Pairing("cluster-x", "nova-compute@x.service", "", "", "", Mode.PROTECT)
POLICY = HoldPolicy(path_lost_hold_s=120.0)
RULES = {rule.number: rule for rule in TABLE}
_UNASKED: Any = None  # ports that are not used as long as the keeper does not run


class Held:
    """The holdings of a daemon that watches the bench's pairing, and cannot read the files of another."""

    def __init__(self, bench: Bench, *, is_managed: bool = True, window: str = "") -> None:
        self.counted: Counter[tuple[str, str, str, str]] = Counter()
        self.told: list[tuple[str, str, str]] = []
        self.windows: list[tuple[str, float]] = []
        self._window = window
        around = Surroundings(
            loop={NAME: bench.loop}.get,
            count=lambda *counted: self.counted.update([counted]),
            window=self._window_of,
            is_managed=lambda _pairing: is_managed,
            told=lambda pairing, decision, outcome: self.told.append(
                (pairing, decision.rule.number, outcome)
            ),
        )
        self.holdings = holdings_of(bench, around, [bench.loop.pairing, UNUSABLE])

    def _window_of(self, pairing: str, wall_s: float) -> str:
        self.windows.append((pairing, wall_s))
        return self._window

    @property
    def asks(self) -> Asks:
        """As the keeper has them."""
        return self.holdings.keeper._state.asks

    def permission(self, pairing: str = NAME) -> Permission:
        return self.asks.permission(pairing)

    def tell(
        self, number: str, outcome: str = "", claim: Claim = Claim.MINE, reason: str = "", pairing: str = NAME
    ) -> None:
        """A change of the pairing's rule, as the keeper tells it."""
        decision = HoldDecision(claim, cast("HoldSituation", None), RULES[number], reason=reason)
        self.asks.told(pairing, decision, outcome)


def holdings_of(bench: Bench, around: Surroundings, pairings: Sequence[Pairing]) -> Holdings:
    """With the ports that are needed as long as the keeper does not run."""
    ports = KeeperPorts(bench.clock, bench.store, bench.systemd, _UNASKED, _UNASKED, _UNASKED, _UNASKED)
    identity = Identity("ctl1", "1.2.3", lambda: "5f0c")
    return Holdings(identity, pairings, Timing(), POLICY, ports, around)


def set_pause(bench: Bench, lasts_s: float) -> None:
    """As if the pairing's loop had shown it with its last look."""
    wall_s = bench.clock.wall_s()
    bench.loop.snapshot = replace(bench.shown, pause=Pause("firmware", "alice", wall_s, wall_s + lasts_s))


def set_state(bench: Bench, **changes: Any) -> None:
    """As if the last look had come to it."""
    decision = bench.shown.decision
    state = replace(decision.state, **changes)
    bench.loop.snapshot = replace(bench.shown, decision=replace(decision, state=state))


async def history(bench: Bench) -> list[tuple[str, str]]:
    """The (action, why) of the pairing's history after its next look."""
    await bench.round()
    return [(one.action, one.why) for one in bench.shown.transitions]


# --- may it act


async def test_before_the_first_look_nothing_is_permitted_and_nothing_known():
    """No record of the pairing was read yet: what was done before is not known."""
    held = Held(Bench())
    assert held.permission() is Permission.NO_RECORD
    assert held.asks.give(NAME) is None
    assert held.asks.stopped(NAME, 0) is None
    assert held.asks.vantage(NAME) == Vantage(ready=False, reason="not looked at yet")
    assert not held.windows


async def test_a_pairing_whose_loop_is_not_there_stays_as_before_its_first_look():
    """Its nova files cannot be used: what is held must stay held, and nothing is taken."""
    bench = await Bench().healthy()
    held = Held(bench)
    assert held.permission() is Permission.PROTECT
    assert held.permission(UNUSABLE.name) is Permission.NO_RECORD
    assert held.asks.vantage(UNUSABLE.name).reason == "not looked at yet"
    assert held.asks.stopped(UNUSABLE.name, 1) is None


async def test_without_its_record_nothing_is_permitted_until_it_is_read():
    """Whoever cannot read what was done before does not begin a hold."""
    bench = Bench()
    bench.store.cut()
    await bench.round()
    held = Held(bench, is_managed=False, window="firmware night")
    assert held.permission() is Permission.NO_RECORD
    bench.store.heal()
    await bench.round()
    assert Held(bench).permission() is Permission.PROTECT


async def test_a_unit_that_is_not_set_up_to_be_held_is_only_observed():
    """Its token would keep nobody from starting it, nor the deadline kill it."""
    bench = await Bench().healthy()
    held = Held(bench, is_managed=False, window="firmware night")
    assert held.permission() is Permission.OBSERVE
    set_pause(bench, 60)
    assert held.permission() is Permission.OBSERVE


async def test_a_maintenance_window_is_asked_for_the_pairing_and_this_moment():
    """It may open or end between two looks of the pairing's loop."""
    bench = await Bench().healthy()
    held = Held(bench, window="firmware night")
    await bench.clock.advance(7)
    assert held.permission() is Permission.MAINTENANCE
    assert held.windows == [(NAME, bench.clock.wall_s())]


async def test_a_pause_comes_before_a_window_and_ends_by_the_clock():
    """Also where the loop has not looked again since."""
    bench = await Bench().healthy()
    set_pause(bench, 60)
    held, in_window = Held(bench), Held(bench, window="firmware night")
    assert held.permission() is in_window.permission() is Permission.PAUSED
    await bench.clock.advance(61)
    assert held.permission() is Permission.PROTECT
    assert in_window.permission() is Permission.MAINTENANCE


async def test_a_pairing_in_mode_observe_is_observed_by_its_keeper_too():
    """The mode is the pairing's, whatever else is asked."""
    bench = Bench(Mode.OBSERVE)
    await bench.round()
    assert Held(bench).permission() is Permission.OBSERVE


async def test_the_hold_is_no_reason_against_itself():
    """A loop that may not act because it holds nothing must not keep the keeper from taking."""
    bench = await Bench().healthy()
    bench.loop.snapshot = replace(bench.shown, permission=Permission.NOT_HELD)
    assert Held(bench).permission() is Permission.PROTECT


# --- should it move, could it be served, did a human stop it


async def test_a_spent_budget_of_starts_is_a_reason_to_move():
    """A pairing that is healthy has none."""
    bench = await Bench().healthy()
    held = Held(bench)
    assert held.asks.give(NAME) is None
    set_state(bench, phase=Phase.GIVEN_UP)
    give = held.asks.give(NAME)
    assert give is not None
    assert give.has_failed


async def test_how_long_a_path_is_lost_before_it_moves_is_the_policy_s():
    """Of this daemon's configuration, not the usual one."""
    bench = await Bench().healthy()
    held = Held(bench)
    bench.vcenter.cut()
    await bench.pass_time(30)
    shown = bench.shown

    def lost_for(lost_s: float) -> None:
        bench.loop.snapshot = replace(shown, memory=replace(shown.memory, vcenter_lost_held_s=lost_s))

    lost_for(POLICY.path_lost_hold_s - 0.1)
    assert held.asks.give(NAME) is None
    lost_for(POLICY.path_lost_hold_s)
    give = held.asks.give(NAME)
    assert give is not None
    assert give.why == "the path to vCenter is lost here"


async def test_a_human_s_stop_counts_under_the_hold_under_which_it_was_seen():
    """What was judged under another hold says nothing of this one."""
    bench = await Bench().healthy()
    held = Held(bench)
    set_state(bench, phase=Phase.STOPPED, held_epoch=3)
    assert held.asks.stopped(NAME, 3) is True
    assert held.asks.stopped(NAME, 4) is None
    set_state(bench, phase=Phase.WATCHING, held_epoch=4)
    assert held.asks.stopped(NAME, 4) is False


async def test_the_vantage_gets_the_facts_of_the_last_look():
    """Preflight makes it of them in a daemon that has one."""
    bench = await Bench().healthy()
    seen: list[Facts | None] = []

    def vantage(pairing: str, facts: Facts | None) -> Vantage:
        assert pairing == NAME
        seen.append(facts)
        return Vantage(ready=True, reason="asked")

    around = Surroundings(loop={NAME: bench.loop}.get, count=lambda *_: None, vantage=vantage)
    holdings = holdings_of(bench, around, [bench.loop.pairing])
    assert holdings.keeper._state.asks.vantage(NAME).reason == "asked"
    assert seen == [bench.shown.decision.facts]


# --- what is told


async def test_what_is_done_is_logged_counted_and_kept_in_the_history(caplog):
    """A warning with the rule, what became of it, why the rule is there, and why it was asked for."""
    bench = await Bench().healthy()
    held = Held(bench)
    held.tell("H10", "done", reason="a human asked for it: to ctl2")
    assert held.counted == {(NAME, "H10", "stop", "done"): 1}
    line = caplog.records[-1]
    assert line.levelno == logging.WARNING
    assert f'event=hold pairing={NAME} rule=H10 claim=mine action=stop outcome=done why="' in line.message
    assert line.message.endswith('reason="a human asked for it: to ctl2"')
    why = f"H10: {RULES['H10'].why} (a human asked for it: to ctl2): done"
    assert ("stop", why) in await history(bench)
    assert held.told == [(NAME, "H10", "done")]


async def test_an_outcome_is_counted_without_its_reason():
    """Else each reason would be a new time series."""
    held = Held(await Bench().healthy())
    held.tell("H10", "refused: it has a job")
    assert held.counted == {(NAME, "H10", "stop", "refused"): 1}


async def test_what_was_not_done_yet_is_not_counted(caplog):
    """What is dead loses its token before it is released: that has no outcome of its own."""
    bench = await Bench().healthy()
    held = Held(bench)
    held.tell("H11")
    assert not held.counted
    assert "outcome=" not in caplog.records[-1].message
    held.tell("H11", "done")
    assert held.counted == {(NAME, "H11", "release", "done"): 1}
    assert held.told == [(NAME, "H11", ""), (NAME, "H11", "done")]


async def test_a_rule_by_which_nothing_is_done_is_no_warning(caplog):
    """Nor counted; who stands by has nothing to keep either."""
    caplog.set_level(logging.INFO, "nova_watchdog")
    bench = await Bench().healthy()
    held, before = Held(bench), await history(bench)
    held.tell("H30", claim=Claim.HELD)
    line = caplog.records[-1]
    assert line.levelno == logging.INFO
    assert "rule=H30 claim=held why=" in line.message
    assert "reason=" not in line.message
    assert not held.counted
    assert await history(bench) == before


async def test_of_what_is_held_here_each_rule_is_kept_in_the_history():
    """Why it stays here although it should move, say."""
    bench = await Bench().healthy()
    held = Held(bench)
    held.tell("H12", reason="the path to vCenter is lost here; ctl2 is not ready")
    note = f"H12: {RULES['H12'].why} (the path to vCenter is lost here; ctl2 is not ready)"
    assert ("nothing", note) in await history(bench)


async def test_a_change_wakes_the_loop_that_acts_by_it(monkeypatch):
    """It must not wait for its next tick, a second away."""
    bench = await Bench().healthy()
    woken: list[bool] = []
    monkeypatch.setattr(bench.loop, "wake", lambda: woken.append(True))
    Held(bench).tell("H30", claim=Claim.HELD)
    assert woken == [True]


async def test_what_may_be_started_wakes_its_loop(monkeypatch):
    """After a takeover it waited for its token alone; one that is not watched has nobody to wake."""
    bench = await Bench().healthy()
    woken: list[bool] = []
    monkeypatch.setattr(bench.loop, "wake", lambda: woken.append(True))
    held = Held(bench)
    held.asks.covered(NAME)
    held.asks.covered(UNUSABLE.name)
    assert woken == [True]


async def test_what_is_done_for_a_pairing_without_a_loop_is_told_all_the_same(caplog):
    """Its files cannot be used, and what runs here without a hold is killed nevertheless."""
    held = Held(await Bench().healthy())
    held.tell("H03", "done", claim=Claim.HELD, pairing=UNUSABLE.name)
    assert held.counted == {(UNUSABLE.name, "H03", "kill", "done"): 1}
    assert f"pairing={UNUSABLE.name} rule=H03" in caplog.records[-1].message


# --- what is shown


@pytest.mark.parametrize(("name", "claim"), [(NAME, Claim.UNREAD), ("somebody-else", None)])
async def test_a_pairing_that_is_not_shared_has_no_hold(name, claim):
    """Its loop acts as that of a daemon that is alone; of a shared one nothing is known before a look."""
    holding = Held(await Bench().healthy()).holdings.holding(name)
    assert (holding.claim if holding else None) is claim


async def test_telemetry_gets_each_shared_pairing_and_this_controller():
    """Those too that are not watched."""
    keeper, holds = Held(await Bench().healthy()).holdings.snapshots()
    assert not keeper.registered
    assert sorted(holds) == [NAME, UNUSABLE.name]
