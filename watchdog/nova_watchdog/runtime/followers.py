"""What is seen of an operation while it goes on. Each look tells what is new; nothing is done here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.hold.rules import TABLE, HoldVerb
from nova_watchdog.core.model import Observation, Reading, UnitState
from nova_watchdog.core.operation import Ending
from nova_watchdog.core.snapshot import PairingSnapshot
from nova_watchdog.core.state import Phase

# A phase and its text, or how it ended and why.
News = tuple[str | Ending, str]
_VERBS = {rule.number: rule.verb for rule in TABLE}
# Held, and nothing is wanted of it.
_JUST_HELD = "H13"
# After so many renewals a wish was decided upon, whatever was seen of that.
_RENEWALS_UNSEEN = 3


class Follower(Protocol):
    """One operation as it is seen."""

    def look(self) -> Iterator[News]:
        """What is new since the last look; an `Ending` is the last."""
        ...

    def so_far(self) -> str:
        """What is known when nobody waits any more."""
        ...


class GiveFollower:
    """A pairing that is held here goes to another controller.

    holding: as it stands now. served: the last (holder, epoch) that said in its own record that the pairing
    works there. renewals: how many were confirmed so far.
    """

    def __init__(
        self,
        controller: str,
        holding: Callable[[], Holding],
        served: Callable[[], tuple[str, int]],
        renewals: Callable[[], int],
    ) -> None:
        self._me = controller
        self._holding = holding
        self._served = served
        self._renewals = renewals
        before = holding()
        self._epoch = before.epoch
        # It may stand there since before the wish, and says nothing about it then.
        self._rules_before = {before.rule, _JUST_HELD}
        self._began = renewals()
        self._told = _Told()
        self._is_moving = False
        self._taken: tuple[str, int] = ("", 0)

    def look(self) -> Iterator[News]:
        """The phases on this side, then the new holder, then its word that the pairing works there."""
        seen = self._holding()
        if seen.claim is Claim.MINE:
            yield from self._here(seen)
        elif seen.holder and seen.holder != self._me:
            yield from self._there(seen)
        elif seen.claim is Claim.RESERVED:
            yield from self._told("released", f"it is dead on {self._me}, and released")
        else:
            yield from self._told("waiting", seen.why)

    def so_far(self) -> str:
        """Whose it is now."""
        seen = self._holding()
        if self._taken[0]:
            return f"{self._taken[0]} holds it, and has not said yet that it works there"
        if seen.claim is Claim.MINE:
            return f"{self._me} still holds it; {seen.why}; the wish stands"
        return f"{self._me} released it, and nobody has taken it: {seen.why}"

    def _here(self, seen: Holding) -> Iterator[News]:
        verb = _VERBS.get(seen.rule, HoldVerb.NOTHING)
        if seen.epoch != self._epoch:
            yield Ending.REFUSED, f"nobody else took it: {self._me} holds it again"
        elif verb is HoldVerb.STOP:
            self._is_moving = True
            yield from self._told("stopping", f"it is stopped on {self._me}, with all the time that it needs")
        elif verb is HoldVerb.RELEASE:
            self._is_moving = True
            yield from self._told("stopped", f"it is dead on {self._me}")
        elif self._is_moving or seen.rule not in self._rules_before:
            yield Ending.REFUSED, f"kept on {self._me}: {seen.why}"
        elif self._renewals() - self._began > _RENEWALS_UNSEEN:
            yield Ending.UNKNOWN, f"{self._me} still holds it, and does not stop it: {seen.why}"

    def _there(self, seen: Holding) -> Iterator[News]:
        if (seen.holder, seen.epoch) != self._taken:
            self._taken = (seen.holder, seen.epoch)
            yield from self._told("taken", f"{seen.holder} holds it, epoch {seen.epoch}")
        # Nova's last report of the old process may come a moment after it: only the new holder can tell.
        if self._served() == self._taken:
            yield from self._told("works", f"{seen.holder} says that it works there, and reports to Nova")
            yield Ending.DONE, f"{seen.holder} holds it, epoch {seen.epoch}, and it works there"


class TakeFollower:
    """A pairing that nobody holds is taken by this controller, and started."""

    def __init__(
        self, controller: str, holding: Callable[[], Holding], shown: Callable[[], PairingSnapshot | None]
    ) -> None:
        self._me = controller
        self._holding = holding
        self._shown = shown
        self._told = _Told()
        self._is_taken = False

    def look(self) -> Iterator[News]:
        """Why it waits, then the hold, then the process and its first report."""
        seen = self._holding()
        if seen.claim is Claim.MINE:
            self._is_taken = True
            yield from self._told("taken", f"{self._me} holds it, epoch {seen.epoch}")
            yield from _coming_up(self._shown(), self._told, is_new=True)
        elif self._is_taken:
            yield Ending.UNKNOWN, f"{self._me} had it, and does not hold it any more: {seen.why}"
        elif seen.claim is Claim.HELD:
            yield Ending.REFUSED, f"{seen.holder} holds it now"
        else:
            yield from self._told("waiting", seen.why)

    def so_far(self) -> str:
        """What it waits for."""
        shown, seen = self._shown(), self._holding()
        if self._is_taken and shown is not None:
            return f"{self._me} holds it, and it is {_judged(shown)}"
        return f"not taken: {seen.why}"


class RestartFollower:
    """The unit of a pairing is restarted here. holding: None where no other controller shares it."""

    def __init__(
        self,
        invocation: str,
        shown: Callable[[], PairingSnapshot | None],
        holding: Callable[[], Holding | None],
    ) -> None:
        self._invocation = invocation
        self._shown = shown
        self._holding = holding
        self._told = _Told()

    def look(self) -> Iterator[News]:
        """The old process's end, the new one, its first report."""
        shown, holding = self._shown(), self._holding()
        if holding is not None and holding.claim is not Claim.MINE:
            yield Ending.UNKNOWN, f"it is not held here any more: {holding.why}"
            return
        unit = _unit(shown.observation) if shown else None
        if shown is None or unit is None:
            return
        # systemd forgets the run of a unit that ended cleanly.
        is_old = unit.invocation_id in ("", self._invocation)
        if is_old and unit.has_process and unit.job is not None:
            yield from self._told("stopping", "the old process is stopped, with all the time that it needs")
        if is_old and not unit.has_process:
            yield from self._told("stopped", "the old process has ended")
        if not is_old or unit.is_down:
            yield from _coming_up(shown, self._told, is_new=not is_old)

    def so_far(self) -> str:
        """How it is now."""
        shown = self._shown()
        return f"it is {_judged(shown)}" if shown else "it is not watched any more"


class _Told:
    """Each phase is told once, again with another text."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def __call__(self, phase: str, text: str) -> Iterator[News]:
        if self._texts.get(phase) != text:
            self._texts[phase] = text
            yield phase, text


def _coming_up(shown: PairingSnapshot | None, told: _Told, *, is_new: bool) -> Iterator[News]:
    """From the new process to its first report. is_new: the unit's run is not the one of before."""
    if shown is None:
        return
    unit, memory = _unit(shown.observation), shown.memory
    if is_new and unit is not None and unit.runs:
        yield from told("started", "the new process runs")
        if memory.heartbeat_at_s is not None and memory.process_started_at_s == unit.started_at_s:
            yield from told("heartbeat", "Nova got its first report")
            yield Ending.DONE, f"it reports to Nova, and is {_judged(shown)}"
            return
    yield from told("judged", _judged(shown))
    if shown.decision.state.phase is Phase.GIVEN_UP:
        yield Ending.UNKNOWN, f"it does not come up: {_judged(shown)}"


def _unit(observation: Observation) -> UnitState | None:
    return observation.unit.value if isinstance(observation.unit, Reading) else None


def _judged(shown: PairingSnapshot) -> str:
    return f"{shown.decision.diagnosis.diagnosis.value}: {shown.decision.rule.why}"
