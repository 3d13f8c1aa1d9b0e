"""Tells events to receivers. Telling never waits: each receiver has an outbox and a task of its own.

A receiver that hangs or refuses delays nobody else, and is asked again after a pause that grows. The log
says once that it failed, and once that it is back.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from nova_watchdog.core.events import Event
from nova_watchdog.core.kv import kv
from nova_watchdog.core.snapshot import ReceiverSnapshot
from nova_watchdog.ports import Clock, Notifier, NotifyError
from nova_watchdog.runtime.outbox import Outbox, Terms

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
# A receiver may ask to be left alone for longer, but not for ever.
_LONGEST_RETRY_AFTER_S = 600.0
# A notifier has a bound of its own; this one holds where that does not.
_SEND_DEADLINE_S = 30.0
# The last chance at the shutdown, which takes two seconds in all.
_FLUSH_S = 0.8

Jitter = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where events go. `name` comes from the configuration; `batch`: so many events in one `send`."""

    name: str
    notifier: Notifier
    terms: Terms = field(default_factory=Terms)
    batch: int = 1


class Dispatcher:
    """Tells every receiver. `jitter` gives a number from 0 to 1, so that controllers do not ask in step."""

    def __init__(self, receivers: Sequence[Receiver], clock: Clock, jitter: Jitter) -> None:
        self._deliveries = [_Delivery(one, clock, jitter) for one in receivers]

    def inherit(self, before: Dispatcher) -> None:
        """Go on where another one, that was cancelled, left off, for the receivers of the same names."""
        old = {one.name: one for one in before._deliveries}
        for one in self._deliveries:
            if one.name in old:
                one.inherit(old[one.name])

    def tell(self, events: Iterable[Event]) -> None:
        """Take the events for every receiver, and return at once. On the event loop only.

        The same event again is the same one. An end whose beginning was never told here is told as an
        end alone: the daemon that ran before told the beginning. So what is over at once is told as two
        events, its beginning and its end, of one severity.
        """
        told = tuple(events)
        for delivery in self._deliveries:
            delivery.take(told)

    def snapshots(self) -> tuple[ReceiverSnapshot, ...]:
        """How each receiver stands now."""
        return tuple(one.snapshot() for one in self._deliveries)

    async def run(self) -> None:
        """Deliver until cancelled; then one short attempt with what waits."""
        async with asyncio.TaskGroup() as group:
            for delivery in self._deliveries:
                group.create_task(delivery.run(), name=f"notify {delivery.name}")
            if not self._deliveries:
                await asyncio.Event().wait()


class _Delivery:
    """One receiver: its outbox, its pauses, its counters."""

    def __init__(self, receiver: Receiver, clock: Clock, jitter: Jitter) -> None:
        self.name = receiver.name
        self._notifier = receiver.notifier
        self._batch = receiver.batch
        self._bound = receiver.terms.bound
        self._outbox = Outbox(receiver.terms)
        self._clock = clock
        self._jitter = jitter
        self._wake = asyncio.Event()
        self._not_before_s = -math.inf
        self._failures_in_a_row = 0
        self._failing_since_s = 0.0
        self._singly = 0  # so many are sent one by one, to find the one that is refused
        self._delivered = 0
        self._failures = 0
        self._problem = ""
        self._overflows = False

    def inherit(self, before: _Delivery) -> None:
        self._outbox.inherit(before._outbox)
        self._delivered = before._delivered
        self._failures = before._failures
        self._problem = before._problem
        self._failures_in_a_row = before._failures_in_a_row
        self._failing_since_s = before._failing_since_s

    def take(self, events: Sequence[Event]) -> None:
        dropped = self._outbox.dropped
        now_s = self._clock.now_s()
        for event in events:
            self._outbox.take(event, now_s)
        if self._outbox.dropped > dropped and not self._overflows:
            self._overflows = True
            _log.error(kv("notify-overflow", receiver=self.name, bound=self._bound, reason=self._problem))
        self._wake.set()

    def snapshot(self) -> ReceiverSnapshot:
        return ReceiverSnapshot(
            name=self.name,
            delivered=self._delivered,
            failures=self._failures,
            dropped=self._outbox.dropped,
            queued=self._outbox.waiting,
            bound=self._bound,
            problem=self._problem,
        )

    async def run(self) -> None:
        try:
            while True:
                await self._until_due()
                now_s = self._clock.now_s()
                await self._send(self._outbox.due(now_s, 1 if self._singly else self._batch))
        except asyncio.CancelledError:
            await self._flush()
            raise

    async def _until_due(self) -> None:
        while True:
            self._wake.clear()
            wait_s = max(self._outbox.next_due_s(), self._not_before_s) - self._clock.now_s()
            if wait_s <= 0:
                return
            await self._wait(wait_s)

    async def _wait(self, seconds: float) -> None:
        """Return after that much time, or when something new was told."""
        waits = [asyncio.create_task(self._wake.wait())]
        if seconds < math.inf:
            waits.append(asyncio.create_task(self._clock.sleep(seconds)))  # type: ignore[arg-type]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _send(self, messages: list[Event]) -> bool:
        """Whether the receiver took them. Nothing to tell is a success."""
        if not messages:
            return True
        try:
            async with asyncio.timeout(_SEND_DEADLINE_S):
                await self._notifier.send(messages)
        except TimeoutError:
            self._failed(NotifyError(f"no answer within {_SEND_DEADLINE_S:g} s"), messages)
        except NotifyError as error:
            self._failed(error, messages)
        else:
            self._succeeded(messages)
            return True
        return False

    async def _flush(self) -> None:
        """One attempt with what waits, the last one."""
        # In a task of its own: in one that is cancelled, Python 3.11.2 takes a timeout for the cancellation.
        attempt = asyncio.create_task(self._send_unsent())
        await asyncio.wait((attempt,), timeout=_FLUSH_S)
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
        if left := self._outbox.waiting:
            reason = self._problem or "no answer in time"
            _log.warning(kv("notify-left", receiver=self.name, events=left, reason=reason))

    async def _send_unsent(self) -> None:
        while messages := self._outbox.unsent(self._clock.now_s(), self._batch):
            if not await self._send(messages):
                return

    def _succeeded(self, messages: Sequence[Event]) -> None:
        now_s = self._clock.now_s()
        self._delivered += self._outbox.delivered(messages, now_s)
        self._singly = max(0, self._singly - 1)
        self._overflows = False
        self._problem = ""
        if self._failures_in_a_row:
            self._failures_in_a_row = 0
            failed_s = now_s - self._failing_since_s
            _log.info(
                kv("notify-recovered", receiver=self.name, after_s=failed_s, dropped=self._outbox.dropped)
            )

    def _failed(self, error: NotifyError, messages: Sequence[Event]) -> None:
        self._failures += 1
        self._problem = str(error)
        if error.gives_up:
            self._refused(messages)
            return
        now_s = self._clock.now_s()
        if not self._failures_in_a_row:
            self._failing_since_s = now_s
            _log.warning(kv("notify-failed", receiver=self.name, reason=self._problem))
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(self._failures_in_a_row, 10))
        pause_s *= 0.5 + 0.5 * self._jitter()
        if error.retry_after_s is not None:
            pause_s = max(pause_s, min(error.retry_after_s, _LONGEST_RETRY_AFTER_S))
        self._failures_in_a_row += 1
        self._not_before_s = now_s + pause_s

    def _refused(self, messages: Sequence[Event]) -> None:
        """Drop the one that is refused. Of several it is not known which one: they go one by one."""
        if len(messages) > 1:
            self._singly = len(messages)
            return
        (message,) = messages
        self._singly = max(0, self._singly - 1)
        self._outbox.refuse(message)
        _log.error(
            kv("notify-refused", receiver=self.name, name=message.name, key=message.key, reason=self._problem)
        )
