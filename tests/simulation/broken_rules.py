"""How each rule of holding is taken out of the real core and runtime, one function at a time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from nova_watchdog.core import budget
from nova_watchdog.core.hold import claims, resume, sight, timing
from nova_watchdog.core.hold import decide as hold_decide
from nova_watchdog.core.hold.claims import Registration
from nova_watchdog.core.hold.records import ControllerRecord, HoldRecord, controller_key, hold_key, to_json
from nova_watchdog.core.hold.rules import TABLE, HoldRule, HoldSituation, hold_rule_for
from nova_watchdog.core.hold.sight import Seen, Sight
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.runtime.hold_begin import Beginning
from nova_watchdog.runtime.registrar import Registrar
from nova_watchdog.simulation.parts.deadline import SimulatedDeadline
from nova_watchdog.simulation.parts.tokens import MachineTokens, write_token

Break = Callable[[pytest.MonkeyPatch], None]


def everywhere(patch: pytest.MonkeyPatch, function: Callable[..., Any], instead: Callable[..., Any]) -> None:
    """Put `instead` in the place of a function wherever the product imported it."""
    for name, module in sorted(sys.modules.items()):
        if name.startswith("nova_watchdog.") and vars(module).get(function.__name__) is function:
            patch.setattr(module, function.__name__, instead)


def both(*breaks: Break) -> Break:
    """Several at once."""

    def break_all(patch: pytest.MonkeyPatch) -> None:
        for one in breaks:
            one(patch)

    return break_all


def row_instead(patch: pytest.MonkeyPatch, number: str, other: str) -> None:
    """Where the table of holding says `number`, do what row `other` does."""
    real, rows = hold_rule_for, {row.number: row for row in TABLE}

    def rule_for(situation: HoldSituation) -> HoldRule:
        rule = real(situation)
        return rows[other] if rule.number == number else rule

    everywhere(patch, real, rule_for)


# --- the deadline


def no_deadline(patch: pytest.MonkeyPatch) -> None:
    """Arming does nothing and is believed."""

    async def arm(self: Registrar, at_s: float) -> None:
        self.until_s = at_s

    patch.setattr(Registrar, "_arm", arm)


def deadline_from_the_answer(patch: pytest.MonkeyPatch) -> None:
    """D is counted from when the answer came."""
    everywhere(patch, timing.deadline_after, lambda _sent_s, answered_s, deadline_s: answered_s + deadline_s)


def not_verified(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks whether systemd waits."""
    everywhere(patch, timing.is_armed, lambda _elapses_at_s, _at_s, *, serving: serving in (True, False))


def fired_not_noticed(patch: pytest.MonkeyPatch) -> None:
    """A renewal that is confirmed after the deadline fired goes on as if it had not."""
    real = Registrar._arm

    async def arm(self: Registrar, at_s: float) -> None:
        self._armed_at_s = None
        await real(self, at_s)

    patch.setattr(Registrar, "_arm", arm)


def unconfirmed_extends(patch: pytest.MonkeyPatch) -> None:
    """A renewal without an answer counts as confirmed."""
    real = Registrar._write

    async def write(
        self: Registrar, incarnation: str, revision: int, seq: int, vantages: Mapping[str, Any]
    ) -> None:
        await real(self, incarnation, revision, seq, vantages)
        held = self.registration
        if held is not None and self.problem:
            self.registration = replace(held, sent_s=self._attempts[seq])
            await self._arm(timing.deadline_after(self._attempts[seq], 0.0, self._timing.deadline_s))

    patch.setattr(Registrar, "_write", write)


def shorter_deadline_too_early(patch: pytest.MonkeyPatch) -> None:
    """A shorter D is written before it is armed."""
    _announces(patch, lambda _longest_s, own_s: own_s)


def longer_deadline_too_early(patch: pytest.MonkeyPatch) -> None:
    """A longer D is armed before it is written."""
    _announces(patch, min)


def _announces(patch: pytest.MonkeyPatch, choose: Callable[[float, float], float]) -> None:
    """A daemon that goes on writes this D, out of the longest that may be armed and its own."""
    real = Registrar.resume

    def go_on(
        self: Registrar,
        own: Seen[ControllerRecord],
        elapses_at_s: float,
        longest_s: float,
        asked_at_s: float,
    ) -> None:
        real(self, own, elapses_at_s, longest_s, asked_at_s)
        self._announced_s = choose(longest_s, self._timing.deadline_s)

    patch.setattr(Registrar, "resume", go_on)


# --- the takeover


def short_wait(patch: pytest.MonkeyPatch) -> None:
    """W is shorter than D."""
    everywhere(patch, timing.takeover_wait_s, lambda deadline_s, _kill_s, _margin_s: 0.6 * deadline_s)


def own_timing_of_others(patch: pytest.MonkeyPatch) -> None:
    """W is made from the own configuration, not from the other controller's record."""
    ours = Timing()
    patch.setattr(claims, "takeover_wait_s", lambda _deadline_s, _kill_s, _margin_s: ours.takeover_wait_s)


def seen_before_the_answer(patch: pytest.MonkeyPatch) -> None:
    """W is counted from when the record may have been written, not from the own first observation."""
    # Not so much that one who renews counts as silent: that shows at once, and in another way.
    early_s = Timing().deadline_s - 2 * Timing().renew_s
    everywhere(patch, sight.first_seen_at_s, lambda received_at_s: received_at_s - early_s)


def watched_for_ever(patch: pytest.MonkeyPatch) -> None:
    """A fresh daemon believes that it has watched for ever."""
    real = sight._one

    def one(before: Seen[Any] | None, *rest: Any) -> Seen[Any]:
        seen = real(before, *rest)
        return seen if before is not None else replace(seen, since_s=-1e6)

    patch.setattr(sight, "_one", one)


def no_season(patch: pytest.MonkeyPatch) -> None:
    """A fresh registration takes at once."""
    everywhere(patch, claims.is_seasoned, lambda *_args: True)


def _not_compared(key_of: Callable[[str, str, str], str]) -> Break:
    def break_it(patch: pytest.MonkeyPatch) -> None:
        real = hold_decide.compared

        def compared(
            pairing: str, me: str, registration: Registration, sight: Sight, fences: str
        ) -> Mapping[str, int]:
            expected = real(pairing, me, registration, sight, fences)
            return {key: value for key, value in expected.items() if key != key_of(pairing, me, fences)}

        everywhere(patch, real, compared)

    return break_it


holder_not_compared = _not_compared(lambda _pairing, _me, fences: controller_key(fences))
own_record_not_compared = _not_compared(lambda _pairing, me, _fences: controller_key(me))
hold_not_compared = _not_compared(lambda pairing, _me, _fences: hold_key(pairing))


def no_fence(patch: pytest.MonkeyPatch) -> None:
    """A takeover writes the other one's record without the fence."""
    patch.setattr(Registrar, "fenced_by_us", lambda _self, record: to_json(record))


def taken_without_running(patch: pytest.MonkeyPatch) -> None:
    """A pairing without a record is taken by whoever sees it first."""
    row_instead(patch, "H21", "H20")


def no_move_budget(patch: pytest.MonkeyPatch) -> None:
    """It may move as often as it likes."""
    everywhere(patch, hold_decide.moves_left, lambda _hold, policy, _wall_s: policy.move_budget)


def no_pace(patch: pytest.MonkeyPatch) -> None:
    """All standbys take at the same time."""
    everywhere(patch, hold_decide._pace, lambda *_args: budget.Pace.READY)


# --- incarnations


def incarnation_ignored(patch: pytest.MonkeyPatch) -> None:
    """What an earlier registration held is held by the next one."""
    everywhere(
        patch, claims.is_mine, lambda hold, me, incarnation: incarnation is not None and hold.holder == me
    )


def ended_registration_ignored(patch: pytest.MonkeyPatch) -> None:
    """A holder that registered anew still holds what it had, for the others."""
    real = claims._of_others

    def of_others(
        seen: Seen[HoldRecord], hold: HoldRecord, me: str, sight: Sight, timing: Timing, now_s: float
    ) -> claims.Claim:
        holder = sight.controller(hold.holder)
        if holder is not None and holder.value is not None:
            hold = replace(hold, incarnation=holder.value.incarnation)
        return real(seen, hold, me, sight, timing, now_s)

    everywhere(patch, real, of_others)


def not_cleared(patch: pytest.MonkeyPatch) -> None:
    """A daemon that begins anew says that its units are dead, and leaves them."""

    async def clear(self: Beginning) -> bool:
        self.must_clear = False
        return True

    patch.setattr(Beginning, "clear", clear)


def unheld_not_killed(patch: pytest.MonkeyPatch) -> None:
    """What runs without a hold is left alone."""
    row_instead(patch, "H03", "H30")


def fence_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    """A daemon goes on with a hold that was taken from it meanwhile."""
    _resumed_unless(patch, "another controller took over")


def fired_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    """A daemon goes on with a hold whose deadline has fired meanwhile."""
    real_read = SimulatedDeadline.read

    async def read(self: SimulatedDeadline) -> Any:
        state = await real_read(self)
        if state.elapses_at_s is None and not state.serving and state.fired_at_s is not None:
            return replace(state, elapses_at_s=self._machine.clock.now_s() + 10.0)
        return state

    patch.setattr(SimulatedDeadline, "read", read)


def _resumed_unless(patch: pytest.MonkeyPatch, ignored: str) -> None:
    real = resume.why_not_resumed

    def why_not_resumed(*args: Any) -> str:
        why = real(*args)
        return "" if why == ignored else why

    everywhere(patch, real, why_not_resumed)


def own_record_overwritten(patch: pytest.MonkeyPatch) -> None:
    """A renewal compares nothing."""
    real = Registrar._write

    async def write(self: Registrar, *args: Any) -> None:
        store = self._store
        self._store = _Uncompared(store)
        try:
            await real(self, *args)
        finally:
            self._store = store

    patch.setattr(Registrar, "_write", write)


class _Uncompared:
    def __init__(self, store: Any) -> None:
        self.read, self.watch = store.read, store.watch
        self._commit = store.commit

    async def commit(self, _expected: Mapping[str, int], puts: Mapping[str, Mapping[str, Any]]) -> int:
        revision = await self._commit({}, puts)
        return int(revision)


def restore_not_noticed(patch: pytest.MonkeyPatch) -> None:
    """A record that went back to an older one is taken for the own."""
    real = Registrar.saw

    async def saw(self: Registrar, sight: Sight) -> None:
        own, held = sight.controller(self._identity.controller), self.registration
        if own and own.value and held and (own.revision < held.revision or own.value.seq < held.seq):
            return
        await real(self, sight)

    patch.setattr(Registrar, "saw", saw)


# --- release


def released_too_early(patch: pytest.MonkeyPatch) -> None:
    """It is released while it runs."""
    row_instead(patch, "H10", "H11")


def token_stays(patch: pytest.MonkeyPatch) -> None:
    """Taking a token back does nothing."""

    async def revoke(_self: MachineTokens, _pairing: str) -> None:
        return

    patch.setattr(MachineTokens, "revoke", revoke)


def endless_token(patch: pytest.MonkeyPatch) -> None:
    """A token carries no end."""

    async def grant(self: MachineTokens, pairing: str, _until_s: float) -> None:
        write_token(self._machine, pairing, 1e9)

    patch.setattr(MachineTokens, "grant", grant)


def deadline_leaves_token(patch: pytest.MonkeyPatch) -> None:
    """The deadline's service kills the units and leaves their tokens."""
    patch.setattr("nova_watchdog.simulation.parts.deadline.remove_token", lambda _machine, _pairing: None)
