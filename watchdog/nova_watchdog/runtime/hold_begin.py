"""How this controller's registration begins: it goes on with the last one, or anew with its units dead."""

from __future__ import annotations

import logging
from collections.abc import Callable

from nova_watchdog.core.hold import resume
from nova_watchdog.core.hold.claims import is_mine
from nova_watchdog.core.hold.rules import HereFact
from nova_watchdog.core.kv import kv
from nova_watchdog.core.model import Pairing
from nova_watchdog.ports import Deadline, ProbeError
from nova_watchdog.runtime.fences import Fences
from nova_watchdog.runtime.hands import DONE, Hands
from nova_watchdog.runtime.hold_handover import HandoverFile
from nova_watchdog.runtime.hold_state import HoldState

_log = logging.getLogger("nova_watchdog.hold")


class Beginning:
    """`must_clear`: a registration ended, and what it held was not seen dead since."""

    def __init__(
        self,
        state: HoldState,
        hands: Hands,
        deadline: Deadline,
        file: HandoverFile,
        fences: Fences,
        wake: Callable[[], None],
    ) -> None:
        self.must_clear = False
        self._state = state
        self._hands = hands
        self._deadline = deadline
        self._file = file
        self._fences = fences
        self._wake = wake
        self._is_first = True

    async def begin(self) -> bool:
        """Go on with the hold of the daemon before, or begin anew with every adopted unit dead.

        Whether there is a registration to decide by now: one that goes on has to be renewed first.
        """
        state, registrar = self._state, self._state.registrar
        if self._is_first:
            resumed = await self._resume()
            if resumed is None:
                return False
            self._is_first = False
            if resumed:
                state.doubt()
                self._wake()
                return False
            self.must_clear = True
        if self.must_clear and not await self.clear():
            return False
        own = state.sight.controller(state.me)
        strangers = self._strangers()
        if strangers:
            # Its unit is unknown here, so nobody could see it dead: the others take it over after W.
            registrar.tell(f"this controller held {', '.join(strangers)}, which it does not watch")
            return False
        self._file.save(registrar.next_incarnation())
        await registrar.register(own)
        return registrar.registration is not None

    async def _resume(self) -> bool | None:
        """Whether it goes on; None: systemd does not say whether the deadline still waits, so ask again.

        An answer that is missing is no deadline that fired. Should it never come, that timer ends everything.
        """
        state = self._state
        own = state.sight.controller(state.me)
        handover = self._file.load()
        asked_at_s = state.clock.now_s()
        try:
            elapses_at_s = (await self._deadline.read()).elapses_at_s
        except ProbeError as error:
            if handover is not None:
                state.registrar.tell(f"whether the last hold goes on is not known yet: {error}")
                return None
            elapses_at_s = None
        why_not = resume.why_not_resumed(
            handover, state.clock.boot_id(), own, elapses_at_s, state.clock.now_s()
        )
        if why_not or handover is None or own is None or elapses_at_s is None:
            _log.info(kv("hold-begins-anew", controller=state.me, reason=why_not))
            return False
        state.terms, state.gives = dict(handover.terms), dict(handover.gives)
        state.stopping = set(handover.stops)
        for name, terms in state.terms.items():
            self._fences.skip(name, terms.epoch)
        state.registrar.resume(own, elapses_at_s, handover.deadline_s, asked_at_s)
        _log.info(kv("hold-resumed", controller=state.me))
        for name in self._strangers():
            # It stays held, its deadline goes on, and nobody starts it should it die.
            note = "held here and not watched: watch it again, or move it from where it is watched"
            _log.error(kv("held-unwatched", pairing=name, controller=state.me, note=note))
        return True

    async def clear(self) -> bool:
        """Kill every unit that is or was held. Whether each was seen dead: then a registration may begin."""
        alive = []
        for pairing in self._adopted():
            revoked = await self._hands.revoke(pairing) == DONE
            if await self._hands.here(pairing) is not HereFact.DEAD:
                await self._hands.kill(pairing)
            # With its token left it could be started at any moment.
            if not revoked or await self._hands.here(pairing) is not HereFact.DEAD:
                alive.append(pairing.unit)
        self.must_clear = bool(alive)
        if alive:
            self._state.registrar.tell(f"nothing is held before these are seen dead: {', '.join(alive)}")
        return not alive

    def _adopted(self) -> list[Pairing]:
        """The pairings that have a hold record, or had one when the store last answered."""
        return [one for one in self._state.pairings if one.name in self._state.sight.holds]

    def _strangers(self) -> list[str]:
        """What the last registration of this controller held, and this daemon is not configured to watch."""
        state = self._state
        own = state.sight.controller(state.me)
        record, known = own.value if own else None, {one.name for one in state.pairings}
        return [
            name
            for name, seen in state.sight.holds.items()
            if record is not None
            and not record.fenced
            and seen.value is not None
            and is_mine(seen.value, state.me, record.incarnation)
            and name not in known
        ]
