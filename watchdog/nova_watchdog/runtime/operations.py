"""What a human asks this controller for, a failover or a restart: handed on, and followed to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.decide import Give
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.kv import kv
from nova_watchdog.core.operation import End, Ending, Step
from nova_watchdog.core.restart import invocation_of, warnings_of, why_not_restart
from nova_watchdog.core.snapshot import KeeperSnapshot, PairingSnapshot
from nova_watchdog.ports import ActionRefusedError, Clock, ResultUnknownError, UnitRestarts
from nova_watchdog.runtime.followers import Follower, GiveFollower, RestartFollower, TakeFollower

_log = logging.getLogger("nova_watchdog.operations")

# How often it is looked at: more often than the keeper has its rounds, or a reason would be missed.
_LOOK_S = 0.1
# Of more phases than these only the end is told.
_MOST_STEPS = 200
# The adapter has a bound of its own, a tighter one.
_RESTART_TIMEOUT_S = 15.0
_TAKEABLE = (Claim.NOBODY, Claim.STOPPED, Claim.FREE, Claim.OFFERED, Claim.SILENT)
_UNDER_WAY = "is under way"


class Keeps(Protocol):
    """What is needed of `runtime.keeper.Keeper`."""

    def holding(self, pairing: str) -> Holding:
        """The hold as it stands now."""
        ...

    def ask_to_give(self, pairing: str, give: Give) -> None:
        """Raises ActionRefusedError with the reason."""
        ...

    def ask_to_take(self, pairing: str, accept: tuple[str, ...] = ()) -> None:
        """Raises ActionRefusedError with the reason."""
        ...

    def served(self, pairing: str) -> tuple[str, int]:
        """The last (holder, epoch) that said in its own record that it works there."""
        ...

    def snapshot(self) -> KeeperSnapshot:
        """This controller in the store."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What operations need of the daemon.

    shown: a pairing's last picture, None before its first look.
    keeper: None for a daemon that is alone. holding: of one pairing, None where nobody shares it.
    note: takes (pairing, action, why) for the pairing's history.
    """

    controller: str
    clock: Clock
    shown: Callable[[str], PairingSnapshot | None]
    restarts: UnitRestarts
    keeper: Keeps | None = None
    holding: Callable[[str], Holding | None] = lambda _pairing: None
    note: Callable[[str, str, str], None] = lambda _pairing, _action, _why: None


class Operations:
    """One at a time for each pairing. Each is a stream of `Step`, and one `End`, which is always the last."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._under_way: dict[str, str] = {}

    async def failover(
        self, pairing: str, *, to: str, accept: tuple[str, ...], by: str, timeout_s: float
    ) -> AsyncIterator[Step | End]:
        """Let it be held by `to` (empty: the best standby). accept: failing checks that do not matter."""
        began_s = self._desk.clock.now_s()
        asked = f"asked by {by}: to {to or 'the best standby'}"
        asked += f", accepting {', '.join(accept)}" if accept else ""
        with self._only(pairing, f"a failover of it, {asked}") as busy:
            if busy:
                yield End(Ending.REFUSED, busy, 0.0)
                return
            follower = self._ask(pairing, to, accept, by)
            if isinstance(follower, End):
                yield self._ended("failover", pairing, by, follower)
                return
            self._tell("failover", pairing, asked, by)
            yield Step("asked", asked, 0.0)
            async for one in self._follow("failover", pairing, by, follower, began_s, timeout_s):
                yield one

    async def restart(
        self, pairing: str, *, reason: str, by: str, timeout_s: float
    ) -> AsyncIterator[Step | End]:
        """Stop its unit here with all the time that it needs, and start it anew."""
        desk, began_s = self._desk, self._desk.clock.now_s()
        asked = f"asked by {by}" + (f": {reason}" if reason else "")
        with self._only(pairing, f"a restart of it, {asked}") as busy:
            if busy:
                yield End(Ending.REFUSED, busy, 0.0)
                return
            yield Step("asked", asked, 0.0)
            shown = desk.shown(pairing)
            for warning in warnings_of(shown) if shown else ():
                yield Step("warning", warning, 0.0)
            # From here to the act nothing is told: whoever listens may be slow.
            shown = desk.shown(pairing)
            why = self._why_not_restart(pairing, shown)
            if why or shown is None:
                yield self._ended("restart", pairing, by, End(Ending.REFUSED, why, 0.0))
                return
            self._tell("restart", pairing, asked, by)
            follower = RestartFollower(
                invocation_of(shown), lambda: desk.shown(pairing), lambda: desk.holding(pairing)
            )
            try:
                async with asyncio.timeout(_RESTART_TIMEOUT_S):
                    await desk.restarts.restart(shown.pairing.unit, expected_invocation=invocation_of(shown))
            except ActionRefusedError as error:
                end = End(Ending.REFUSED, str(error), desk.clock.now_s() - began_s)
                yield self._ended("restart", pairing, by, end)
                return
            except (ResultUnknownError, TimeoutError) as error:
                text = str(error) or f"systemd gave no answer within {_RESTART_TIMEOUT_S:g} s"
                yield Step("unknown", text, desk.clock.now_s() - began_s)
            async for one in self._follow("restart", pairing, by, follower, began_s, timeout_s):
                yield one

    def _why_not_restart(self, pairing: str, shown: PairingSnapshot | None) -> str:
        desk = self._desk
        if shown is None:
            return f"{pairing} was not looked at yet"
        return why_not_restart(shown, desk.holding(pairing), desk.controller, desk.clock.now_s())

    def _ask(self, pairing: str, to: str, accept: tuple[str, ...], by: str) -> Follower | End:
        """Hand the wish on, to be followed; or why not, or that it is so already."""
        desk, keeper = self._desk, self._desk.keeper
        if keeper is None or desk.holding(pairing) is None:
            why = f"{desk.controller} shares {pairing} with no other controller: it cannot move"
            return End(Ending.REFUSED, why, 0.0)
        seen = keeper.holding(pairing)
        if to and to == seen.holder and seen.claim in (Claim.MINE, Claim.HELD):
            return End(Ending.DONE, f"{to} holds {pairing} already", 0.0)
        if why := self._elsewhere(pairing, seen, to):
            return End(Ending.REFUSED, why, 0.0)
        try:
            if seen.claim is not Claim.MINE:
                keeper.ask_to_take(pairing, accept)
                return TakeFollower(
                    desk.controller, lambda: keeper.holding(pairing), lambda: desk.shown(pairing)
                )
            follower = GiveFollower(
                desk.controller,
                lambda: keeper.holding(pairing),
                lambda: keeper.served(pairing),
                lambda: keeper.snapshot().renewals,
            )
            keeper.ask_to_give(pairing, Give(f"{by} asked for it", to, by_human=True, accept=accept))
        except ActionRefusedError as error:
            return End(Ending.REFUSED, str(error), 0.0)
        return follower

    def _elsewhere(self, pairing: str, seen: Holding, to: str) -> str:
        """Why this is not the controller to ask, and which one is; empty: it is."""
        me = self._desk.controller
        if seen.claim is Claim.HELD:
            there = f"nova-watchdog failover {pairing}" + (f" --to {to}" if to else "")
            return f"{seen.holder} holds it, and only the holder gives it away; run there: '{there}'"
        if seen.claim in _TAKEABLE and to != me:
            there = f"nova-watchdog failover {pairing} --to {to or 'CONTROLLER'}"
            where = f"on {to}" if to else "on the controller that should take it, which CONTROLLER names"
            return f"nobody holds it ({seen.claim.value}); run {where}: '{there}'"
        if seen.claim is Claim.RESERVED and to != me:
            return f"it was just released for a controller that has not taken it yet; {seen.why}"
        return ""

    async def _follow(
        self, name: str, pairing: str, by: str, follower: Follower, began_s: float, timeout_s: float
    ) -> AsyncIterator[Step | End]:
        """Look again and again until it ended, or nobody waits any more."""
        clock, steps = self._desk.clock, [("asked", 0.0)]
        end: End | None = None
        while end is None:
            after_s = clock.now_s() - began_s
            for what, text in follower.look():
                if isinstance(what, Ending):
                    end = End(what, text, after_s)
                    break
                if len(steps) < _MOST_STEPS:
                    steps.append((what, after_s))
                    yield Step(what, text, after_s)
            if end is None and after_s >= timeout_s:
                end = End(Ending.UNKNOWN, f"not over after {timeout_s:g} s: {follower.so_far()}", after_s)
            if end is None:
                await clock.sleep(_LOOK_S)
        yield self._ended(name, pairing, by, end, ", ".join(f"{what} {at_s:.1f} s" for what, at_s in steps))

    @contextmanager
    def _only(self, pairing: str, what: str) -> Iterator[str]:
        """Why it must wait, empty: it is the only one now."""
        if pairing in self._under_way:
            yield f"{self._under_way[pairing]}, {_UNDER_WAY}"
            return
        self._under_way[pairing] = what
        try:
            yield ""
        finally:
            del self._under_way[pairing]

    def _tell(self, name: str, pairing: str, asked: str, by: str) -> None:
        self._desk.note(pairing, name, f"{name} {asked}")
        _log.info(kv(f"{name}-asked", pairing=pairing, by=by, what=asked))

    def _ended(self, name: str, pairing: str, by: str, end: End, phases: str = "") -> End:
        """Told in the log, and in the history where something was begun."""
        if phases:
            self._desk.note(pairing, name, f"{name} {end.ending.value}: {end.reason} ({phases})")
        _log.info(
            kv(
                f"{name}-ended",
                pairing=pairing,
                by=by,
                result=end.ending,
                reason=end.reason,
                took_s=end.after_s,
                phases=phases or None,
            )
        )
        return end
