"""This controller's record in the store: registered, renewed, and the deadline that follows from it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from nova_watchdog.core.hold.claims import Registration
from nova_watchdog.core.hold.holding import ARM_EARLY_S
from nova_watchdog.core.hold.records import (
    ControllerRecord,
    Vantage,
    controller_key,
    renewal_json,
    vantages_json,
    vantages_key,
)
from nova_watchdog.core.hold.sight import Seen, Sight
from nova_watchdog.core.hold.timing import Timing, deadline_after, is_armed
from nova_watchdog.core.kv import kv
from nova_watchdog.ports import (
    ActionRefusedError,
    Clock,
    Deadline,
    ProbeError,
    ResultUnknownError,
    Store,
    StoreConflictError,
    StoreUnavailableError,
)

_log = logging.getLogger("nova_watchdog.hold")

_ARM_ATTEMPTS = 2
# Of one attempt. A systemd that is slower would make the units' end late as well: better begin it now.
_ARM_TIMEOUT_S = 2.0
_ATTEMPTS_KEPT = 16
_MOST_PAUSE_S = 60.0
_MOST_UNARMED = 10
_COVERED = "the deadline before it still waits; the next renewal tries again"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this daemon is in the store. priority: see `ControllerRecord`."""

    controller: str
    version: str
    new_incarnation: Callable[[], str]
    priority: int = 0


class Registrar:
    """One registration at a time. `registration` is None without one; `until_s` while no deadline is armed.

    lost: called once for each registration that ended, with the reason.
    """

    def __init__(
        self,
        identity: Identity,
        timing: Timing,
        clock: Clock,
        store: Store,
        deadline: Deadline,
        lost: Callable[[str], None],
    ) -> None:
        self._identity = identity
        self._timing = timing
        self._clock = clock
        self._store = store
        self._deadline = deadline
        self._lost = lost
        self._key = controller_key(identity.controller)
        self._writer = identity.new_incarnation()
        self._attempts: dict[int, float] = {}
        self._pending = ""
        self._announced_s = timing.deadline_s
        # The registration and its vantages as the store is known to have them, None: it is not known.
        self._said: tuple[str, Mapping[str, Vantage]] | None = None
        # When the deadline that waits now was armed, None: this registration has armed none.
        self._armed_at_s: float | None = None
        # When it fires, as it was last seen to wait.
        self._waits_until_s: float | None = None
        # Registrations in a row that could not be armed, and when the next one may be tried.
        self._unarmed = 0
        self._tries_again_at_s = 0.0
        self.registration: Registration | None = None
        self.until_s: float | None = None
        self.attempted_at_s: float | None = None
        # Of this daemon's attempts: the last one, and the last one that the store confirmed.
        self.attempted_seq = self.confirmed_seq = 0
        self.problem = ""
        # Attempts to write this controller's record since the daemon began, by what became of them.
        self.confirmed = self.failed = 0

    @property
    def longest_deadline_s(self) -> float:
        """The longest D that may still be armed."""
        return self._announced_s

    def resume(
        self, own: Seen[ControllerRecord], elapses_at_s: float, longest_s: float, asked_at_s: float
    ) -> None:
        """Go on with the registration of the daemon before. Nothing may be done before it is renewed.

        elapses_at_s: when the deadline fires that was seen to wait, by a question sent at `asked_at_s`.
        """
        if own.value is None:
            return
        self._announced_s = max(own.value.deadline_s, longest_s, self._timing.deadline_s)
        self._armed_at_s = asked_at_s
        self._waits_until_s = elapses_at_s
        self.registration = Registration(
            incarnation=own.value.incarnation,
            revision=own.revision,
            seq=own.value.seq,
            sent_s=elapses_at_s - self._timing.deadline_s,
            registered_at_s=self._clock.now_s(),
        )

    def next_incarnation(self) -> str:
        """Of the registration that comes, the same until it is confirmed."""
        self._pending = self._pending or self._identity.new_incarnation()
        return self._pending

    async def register(self, own: Seen[ControllerRecord] | None) -> None:
        """Write a new registration. Only with every adopted unit seen dead.

        Not at once after one that could not be armed: each would be written, logged and ended.
        """
        if self._clock.now_s() < self._tries_again_at_s:
            return
        seq = max([own.value.seq if own and own.value else 0, *self._attempts], default=0) + 1
        self._announced_s = self._timing.deadline_s
        await self._write(self.next_incarnation(), own.revision if own else 0, seq, {})

    async def renew(self, vantages: Mapping[str, Vantage]) -> None:
        """Write the next record of the registration. What the store does not confirm extends nothing."""
        held = self.registration
        if held is not None:
            seq = max([held.seq, *self._attempts]) + 1
            await self._write(held.incarnation, held.revision, seq, vantages)

    async def _write(
        self, incarnation: str, revision: int, seq: int, vantages: Mapping[str, Vantage]
    ) -> None:
        record = ControllerRecord(
            incarnation,
            seq,
            deadline_s=self._announced_s,
            kill_s=self._timing.kill_s,
            version=self._identity.version,
            writer=self._writer,
            vantages=vantages,
            priority=self._identity.priority,
        )
        puts = {self._key: renewal_json(record)}
        said = (incarnation, vantages)
        if said != self._said:
            puts[vantages_key(self._identity.controller)] = vantages_json(record)
        self._said = None
        sent_s = self._clock.now_s()
        self.attempted_at_s = sent_s
        self._attempts[seq] = sent_s
        while len(self._attempts) > _ATTEMPTS_KEPT:
            self._attempts.pop(min(self._attempts))
        self.attempted_seq = seq
        try:
            revision = await self._store.commit({self._key: revision}, puts)
        except StoreConflictError:
            self.failed += 1
            self.tell("the store has another record of this controller")
        except StoreUnavailableError as error:
            self.failed += 1
            self.tell(str(error))
        else:
            self.confirmed += 1
            self._said = said
            await self._confirmed(record, revision)

    async def saw(self, sight: Sight) -> None:
        """Take from an answer what became of this controller's record."""
        own = sight.controller(self._identity.controller)
        record = own.value if own else None
        held = self.registration
        if own is None or record is None:
            if held is not None:
                self.end("its record is gone from the store, or cannot be read")
            return
        if held is None:
            if self._pending and record.incarnation == self._pending and not record.fenced:
                await self._confirmed(record, own.revision)
            return
        if record.incarnation != held.incarnation:
            self.end("the store's record is of another registration")
        elif record.fenced:
            self.end("another controller took over")
        elif own.revision < held.revision or record.seq < held.seq:
            self.end("the store went back to an older record")
        elif own.revision > held.revision:
            await self._confirmed(record, own.revision)

    async def _confirmed(self, record: ControllerRecord, revision: int) -> None:
        now_s, seq = self._clock.now_s(), record.seq
        held = self.registration
        # An attempt of the daemon before this one: its time is not known, so it extends nothing.
        sent_s = held.sent_s if held else now_s - self._timing.deadline_s
        if record.writer == self._writer:
            sent_s = self._attempts.get(seq, sent_s)
            self.confirmed_seq = seq
        registered_at_s = held.registered_at_s if held else now_s
        self._attempts = {s: at for s, at in self._attempts.items() if s > seq}
        self.registration = Registration(record.incarnation, revision, seq, sent_s, registered_at_s)
        self._pending = ""
        self.tell("")
        await self._arm(deadline_after(sent_s, now_s, self._timing.deadline_s))

    async def _arm(self, at_s: float) -> None:
        """Have systemd kill everything at `at_s`, and see that it will; else nothing is held any more.

        A systemd that cannot be asked just now is no reason to end what the deadline before this one still
        covers: it waits until it is seen not to (docs/safety.md, A2). The next renewal tries again.
        """
        problem, is_sure, began_s = "it has passed", True, self._clock.now_s()
        for _ in range(_ARM_ATTEMPTS):
            if self._clock.now_s() >= at_s - ARM_EARLY_S:
                break
            try:
                async with asyncio.timeout(_ARM_TIMEOUT_S):
                    await self._deadline.arm(at_s - ARM_EARLY_S)
                    state = await self._deadline.read()
            except (ActionRefusedError, ResultUnknownError, ProbeError) as error:
                problem, is_sure = str(error), False
                continue
            except TimeoutError:
                problem, is_sure = f"systemd does not answer within {_ARM_TIMEOUT_S:g} s", False
                continue
            if self._armed_at_s is not None and (state.fired_at_s or 0.0) >= self._armed_at_s:
                problem, is_sure = "it fired before the renewal was confirmed", True
                break
            if is_armed(state.elapses_at_s, at_s, serving=state.serving):
                self.until_s, self._armed_at_s, self._waits_until_s = at_s, began_s, at_s
                self._announced_s = self._timing.deadline_s
                self._unarmed = 0
                return
            problem, is_sure = "systemd does not show it waiting", True
        if is_sure or not self._is_covered():
            # The first new registration is written at once: the others may take what is dead here by it.
            pause_s = min(self._timing.renew_s * (2**self._unarmed - 1), _MOST_PAUSE_S)
            self._tries_again_at_s = self._clock.now_s() + pause_s
            self._unarmed = min(self._unarmed + 1, _MOST_UNARMED)
            self.end(f"the deadline cannot be armed: {problem}")
        else:
            _log.warning(
                kv("deadline-not-armed", controller=self._identity.controller, reason=problem, note=_COVERED)
            )

    def _is_covered(self) -> bool:
        """Whether the deadline that was seen to wait lies far enough ahead to try once more."""
        until_s = self._waits_until_s
        return until_s is not None and self._clock.now_s() < until_s - self._timing.renew_s - _ARM_TIMEOUT_S

    def check(self, now_s: float) -> None:
        """End a registration whose deadline has passed."""
        held = self.registration
        if held is not None and now_s >= held.sent_s + self._timing.deadline_s:
            self.end("the deadline passed without a renewal")

    def end(self, why: str) -> None:
        """Nothing is held any more."""
        self.registration = None
        self.until_s = self._armed_at_s = self._waits_until_s = None
        self._pending = ""
        _log.error(kv("hold-lost", controller=self._identity.controller, reason=why))
        self._lost(why)

    def fenced_by_us(self, record: ControllerRecord) -> dict[str, object]:
        """The record of another controller as a takeover writes it."""
        return renewal_json(replace(record, fenced=True))

    def tell(self, problem: str) -> None:
        """What keeps it from being renewed or begun; empty: nothing. Logged on edges only."""
        if problem == self.problem:
            return
        self.problem = problem
        if problem:
            _log.warning(kv("renewal-failed", controller=self._identity.controller, reason=problem))
        else:
            _log.info(kv("renewal-goes-on", controller=self._identity.controller))
