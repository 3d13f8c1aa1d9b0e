"""Keeps this controller's holds: registers, renews, takes, gives up, and lets nothing run without one.

One loop, so that nothing overlaps: first the renewal, then a look at the store, then one decision for each
pairing. The times and the order are those of docs/safety.md.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from nova_watchdog.core.hold.claims import Claim, silent_at_s
from nova_watchdog.core.hold.decide import Give, HoldPolicy
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.hold.records import HOLDS
from nova_watchdog.core.hold.refusals import why_not_give, why_not_take
from nova_watchdog.core.hold.rules import HereFact
from nova_watchdog.core.hold.sight import Sight
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.model import Pairing
from nova_watchdog.core.snapshot import HoldSnapshot, KeeperSnapshot
from nova_watchdog.ports import ActionRefusedError, StoreUnavailableError
from nova_watchdog.runtime.fences import Fences
from nova_watchdog.runtime.hands import Hands
from nova_watchdog.runtime.hold_begin import Beginning
from nova_watchdog.runtime.hold_care import Care
from nova_watchdog.runtime.hold_handover import HandoverFile
from nova_watchdog.runtime.hold_look import looked
from nova_watchdog.runtime.hold_ports import Asks, KeeperPorts
from nova_watchdog.runtime.hold_state import HoldState
from nova_watchdog.runtime.hold_view import hold_snapshot, keeper_snapshot
from nova_watchdog.runtime.registrar import Identity, Registrar

# The shortest pause between two rounds, whatever wakes them.
_GAP_S = 0.2
_LEAVE_TIMEOUT_S = 5.0
# For so long a human's wish waits for the moment in which it can be granted.
_WISH_LASTS_S = 600.0


# Whoever comes first takes it: the next look must not wait for the next renewal.
_MAY_BE_TAKEN = (Claim.FREE, Claim.OFFERED, Claim.SILENT)


class Keeper:
    """Holds what this controller holds. `holding` is what the pairings' loops act by."""

    def __init__(
        self,
        identity: Identity,
        pairings: Sequence[Pairing],
        timing: Timing,
        policy: HoldPolicy,
        ports: KeeperPorts,
        asks: Asks,
    ) -> None:
        self._timing = timing
        self._ports = ports
        self._wake = asyncio.Event()
        self.went_round_at_s = ports.clock.now_s()
        self._registrar = Registrar(identity, timing, ports.clock, ports.store, ports.deadline, self._lost)
        self._state = HoldState(
            identity.controller, pairings, timing, policy, ports.clock, asks, self._registrar
        )
        self._file = HandoverFile(self._state, ports.run_file)
        self._fences = Fences(ports.fence, self.wake)
        hands = Hands(ports)
        self._beginning = Beginning(self._state, hands, ports.deadline, self._file, self._fences, self.wake)
        self._care = Care(self._state, hands, ports.store, self._file, self._fences, self.wake)
        for pairing in self._state.pairings:
            ports.units.subscribe(pairing.unit, partial(self._unit_changed, pairing.name))

    # --- for the rest of the daemon

    def holding(self, pairing: str) -> Holding:
        """The hold as it stands now."""
        return self._state.holding(pairing)

    def shown(self, pairing: str) -> HoldSnapshot:
        """The hold, and who could take it, for telemetry."""
        clock = self._ports.clock
        return hold_snapshot(
            pairing,
            self.holding(pairing),
            self._state.sight,
            self._timing,
            self._state.policy,
            clock.now_s(),
            clock.wall_s(),
        )

    def snapshot(self) -> KeeperSnapshot:
        """This controller in the store, for telemetry."""
        return keeper_snapshot(self._registrar, self._timing, self._state.takeovers)

    def served(self, pairing: str) -> tuple[str, int]:
        """The last (holder, epoch) that said in its own record that the pairing works there."""
        return self._state.sight.served.get(pairing, ("", 0))

    @property
    def sight(self) -> Sight:
        """What the store showed last."""
        return self._state.sight

    def wake(self) -> None:
        """Look again soon."""
        self._wake.set()

    def _unit_changed(self, pairing: str) -> None:
        self._care.unit_changed(pairing)
        self.wake()

    def ask_to_give(self, pairing: str, give: Give) -> None:
        """A human's wish that it moves. Raises ActionRefusedError with the reason why it cannot."""
        state = self._state
        me = replace(state.oneself(pairing, HereFact.UNSURE), give=give)
        if why := why_not_give(pairing, me, state.sight, self._timing, self._ports.clock.now_s()):
            raise ActionRefusedError(why)
        state.gives[pairing] = give
        self._file.save_now()
        self.wake()

    def ask_to_take(self, pairing: str, accept: tuple[str, ...] = ()) -> None:
        """A human's wish that this controller takes what nobody holds, or what a human stopped.

        It is granted once nobody else can hold it. accept: failing checks of this controller that do not
        matter. Raises ActionRefusedError with the reason why it cannot be.
        """
        state = self._state
        me = replace(state.oneself(pairing, HereFact.UNSURE), accept=accept)
        if why := why_not_take(pairing, me, state.sight, self._timing, self._ports.clock.now_s()):
            raise ActionRefusedError(why)
        state.takes[pairing] = self._ports.clock.now_s() + _WISH_LASTS_S
        state.accepts[pairing] = accept
        self.wake()

    async def leave(self) -> None:
        """The daemon ends. Where the machine shuts down, what is dead here is released: nobody has to wait.

        Ends when there is nothing to release, or when it took too long: then the others wait for W.
        """
        state = self._state
        state.is_leaving = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_TIMEOUT_S):
                while any([await self._care.is_to_be_left(pairing) for pairing in state.pairings]):
                    self.wake()
                    await asyncio.sleep(_GAP_S)

    # --- the loop

    async def run(self) -> None:
        """Keep until cancelled."""
        watch = asyncio.ensure_future(self._watch())
        try:
            while True:
                self._wake.clear()
                if watch.done():
                    watch.result()  # an error that nobody foresaw
                await self.round()
                self.went_round_at_s = self._ports.clock.now_s()
                await asyncio.sleep(_GAP_S)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause_s()):
                        await self._wake.wait()
        finally:
            watch.cancel()
            await asyncio.wait([watch])
            await self._fences.close()

    def _pause_s(self) -> float:
        attempted_s = self._registrar.attempted_at_s
        if attempted_s is None or self._registrar.registration is None:
            return self._timing.renew_s / 3
        now_s = self._ports.clock.now_s()
        wait_s = [attempted_s + self._timing.renew_s - now_s]
        for pairing in self._state.pairings:
            if self.holding(pairing.name).claim in _MAY_BE_TAKEN:
                wait_s.append(self._timing.renew_s / 3)
            silent_s = silent_at_s(pairing.name, self._state.sight, self._timing)
            if silent_s is not None and silent_s > now_s:
                wait_s.append(silent_s - now_s)
        return max(0.0, min(wait_s))

    async def _watch(self) -> None:
        """A change of hands wakes; a watch that breaks is begun anew."""
        while True:
            with contextlib.suppress(StoreUnavailableError):
                async for _ in self._ports.store.watch(HOLDS):
                    self.wake()
            await asyncio.sleep(self._timing.renew_s)

    async def round(self) -> None:
        """One renewal where it is due, one look, one decision for each pairing."""
        self._registrar.check(self._ports.clock.now_s())
        # Once a round: where systemd is silent each try takes as long as all its calls may.
        is_clear = not self._beginning.must_clear or await self._beginning.clear()
        await self._renew_if_due()
        if not await self._look() or self._state.is_in_doubt():
            self._state.show_all()
            return
        if self._registrar.registration is None and not (is_clear and await self._beginning.begin()):
            self._state.show_all()
            return
        for pairing in self._state.pairings:
            await self._renew_if_due()
            await self._care.keep(pairing)

    async def _renew_if_due(self) -> None:
        registrar, state, now_s = self._registrar, self._state, self._ports.clock.now_s()
        registrar.check(now_s)
        attempted_s = registrar.attempted_at_s
        if registrar.registration is not None and (
            attempted_s is None or state.doubts_last_attempt or now_s - attempted_s >= self._timing.renew_s
        ):
            await registrar.renew({one.name: state.vantage(one.name) for one in state.pairings})
            self._file.save_progress()
            for pairing in state.pairings:
                await self._care.grant_token(pairing)

    async def _look(self) -> bool:
        """Read everything; what became of our own record with it."""
        try:
            self._state.sight = await looked(self._ports.store, self._ports.clock, self._state.sight)
        except StoreUnavailableError as error:
            self._registrar.tell(str(error))
            return False
        await self._registrar.saw(self._state.sight)
        self._file.save_progress()
        self._registrar.check(self._ports.clock.now_s())
        return True

    def _lost(self, _why: str) -> None:
        """The registration ended: what was held has to be seen dead before the next one begins."""
        self._beginning.must_clear = True
        self._file.forget()
        self._state.forget()
        self._state.show_all()
        self.wake()
