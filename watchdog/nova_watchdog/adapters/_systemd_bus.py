"""One connection to the D-Bus system bus that comes back by itself, and calls with a deadline.

Only what the systemd adapter needs: method calls to systemd's manager and its signals. The
connection is *prepared* (match rules, `Subscribe`) by its user before it counts as open, so a
signal between the two cannot get lost.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from dbus_fast import AuthError, BusType, InvalidAddressError, Message, MessageType
from dbus_fast.aio import MessageBus

from nova_watchdog.ports import Clock

SYSTEMD = "org.freedesktop.systemd1"
MANAGER_PATH = "/org/freedesktop/systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"
PROPERTIES = "org.freedesktop.DBus.Properties"

# Takes the body of an answer in the moment of its arrival: before any signal that came after it.
OnAnswer = Callable[[list[Any]], None]

_DBUS = "org.freedesktop.DBus"
_PEER = "org.freedesktop.DBus.Peer"
_DBUS_PATH = "/org/freedesktop/DBus"
_PING_INTERVAL_S = 10.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
# A bus that leaves this many calls in a row unanswered is as good as lost. Not after the first:
# PID 1 answers nobody for seconds while it reloads, and a new connection forgets whose job was seen.
_TIMEOUTS_BEFORE_RECONNECT = 3

# What dbus-fast lets through when the socket fails under a call or a connect.
_SOCKET_FAULTS = (OSError, EOFError, ValueError, AuthError, InvalidAddressError)


class BusLostError(Exception):
    """No connection, or it broke during the call: nobody knows whether the call arrived."""


class NotConnectedError(BusLostError):
    """There was no connection: the call was certainly not sent."""


class CallTimeoutError(Exception):
    """The call was sent, and no answer came in time."""


class CallFailedError(Exception):
    """The other side answered with a D-Bus error: `name` is its D-Bus name."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{text} ({name.rsplit('.', 1)[-1]})")
        self.name = name


class _Connection(MessageBus):
    """A connection whose failed write is told once: to the call that it was for.

    In dbus-fast (seen: 5.2) a write into a closed socket also leaves two futures behind that nobody
    fetches, and asyncio logs each: at every ordered shutdown of the machine.
    """

    def send(self, msg: Message) -> asyncio.Future[None]:  # type: ignore[override]
        """As the parent's, but what the write fails with ends the call, and nothing else."""
        if self._writer is None:
            return super().send(msg)  # not connected: it says so
        if not msg.serial:
            msg.serial = self.next_serial()
        future: asyncio.Future[None] = self._loop.create_future()
        future.add_done_callback(_fetch)
        try:
            self._writer.schedule_write(msg, future)
        except OSError:
            if not future.done():  # else the write has failed before, and closed the socket
                raise
        return future


class SystemBus:
    """Keeps one connection open.

    `prepare` runs on each new connection; `on_signal` gets each signal in the order of arrival;
    `on_edge` is called whenever the connection was lost or is ready again.
    """

    def __init__(
        self,
        clock: Clock,
        bus_address: str | None,
        *,
        prepare: Callable[[], Awaitable[None]],
        on_signal: Callable[[Message], None],
        on_edge: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._address = bus_address
        self._prepare = prepare
        self._on_signal = on_signal
        self._on_edge = on_edge
        self._bus: MessageBus | None = None
        self._ready = asyncio.Event()
        self._lost_because = "not connected yet"
        self._drop_reason = ""
        self._timeouts_in_a_row = 0
        self._keeper: asyncio.Task[None] | None = None
        self._on_answer: dict[int, OnAnswer] = {}  # by the serial of the call

    @property
    def is_ready(self) -> bool:
        """Whether the connection is open and prepared."""
        return self._ready.is_set()

    async def start(self, *, timeout_s: float) -> None:
        """Begin to keep the connection, and wait that long for the first one."""
        self._keeper = asyncio.create_task(self._keep(timeout_s), name="system-bus")
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError:
            return  # the keeper goes on; until it succeeds each call says why not

    async def stop(self) -> None:
        """Close the connection and end the keeper."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
            self._keeper = None
        self._bus = None  # the keeper has closed it
        self._ready.clear()
        self._lost_because = "closed"

    def drop(self, reason: str) -> None:
        """Close the connection; a running keeper opens another one."""
        self._drop_reason = reason
        if self._bus is not None:
            self._bus.disconnect()

    async def call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str,
        *body: Any,
        timeout_s: float,
        on_answer: OnAnswer | None = None,
        in_haste: bool = False,
    ) -> list[Any]:
        """Call a method of systemd and return its answer's body.

        `on_answer` gets a good answer first, also one that comes after the timeout. `in_haste`: the timeout
        is the caller's impatience, and says nothing about the bus.
        Raises NotConnectedError, BusLostError, CallTimeoutError, CallFailedError.
        """
        message = Message(
            destination=SYSTEMD,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        return await self._send(message, timeout_s, on_answer, in_haste=in_haste)

    async def add_match(self, rule: str, *, timeout_s: float) -> None:
        """Ask the bus for signals that match `rule` (D-Bus specification, match rules)."""
        message = Message(
            destination=_DBUS,
            path=_DBUS_PATH,
            interface=_DBUS,
            member="AddMatch",
            signature="s",
            body=[rule],
        )
        await self._send(message, timeout_s)

    async def _send(
        self,
        message: Message,
        timeout_s: float,
        on_answer: OnAnswer | None = None,
        *,
        in_haste: bool = False,
    ) -> list[Any]:
        if self._keeper is not None and self._keeper.done():
            self._keeper.result()  # an error that nobody foresaw: without the keeper all would stay unknown
        bus = self._bus
        if bus is None or not bus.connected:
            raise NotConnectedError(f"no connection to the system bus: {self._lost_because}")
        if on_answer is not None:
            message.serial = bus.next_serial()
            self._on_answer[message.serial] = on_answer
        try:
            async with asyncio.timeout(timeout_s):
                reply = await bus.call(message)
        except TimeoutError as error:
            if not in_haste:
                self._count_timeout()
            raise CallTimeoutError(
                f"no answer from systemd to {message.member} in {timeout_s:g} s"
            ) from error
        except _SOCKET_FAULTS as error:
            raise BusLostError(f"the system bus went away during {message.member}: {_text(error)}") from error
        self._timeouts_in_a_row = 0
        if reply is None:  # how dbus-fast ends the calls of a connection that we closed
            raise BusLostError(f"the connection was closed during {message.member}")
        if reply.message_type is MessageType.ERROR:
            text = str(reply.body[0]) if reply.body else "no text"
            raise CallFailedError(reply.error_name or "unknown", text)
        return list(reply.body)

    def _count_timeout(self) -> None:
        self._timeouts_in_a_row += 1
        if self._timeouts_in_a_row >= _TIMEOUTS_BEFORE_RECONNECT:
            self._timeouts_in_a_row = 0
            self.drop(f"{_TIMEOUTS_BEFORE_RECONNECT} calls in a row were not answered")

    async def _keep(self, timeout_s: float) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            opened_at_s = self._clock.now_s()
            self._drop_reason = ""
            reason = await self._live(timeout_s)
            self._bus = None
            self._lost_because = self._drop_reason or reason
            if self._ready.is_set():
                self._ready.clear()
                self._on_edge()
            if self._clock.now_s() - opened_at_s > _LONGEST_PAUSE_S:
                pause_s = _FIRST_PAUSE_S
            await self._clock.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _live(self, timeout_s: float) -> str:
        """Open one connection and return the reason when it ended."""
        bus = _Connection(bus_address=self._address, bus_type=BusType.SYSTEM)
        try:
            async with asyncio.timeout(timeout_s):
                await bus.connect()
        except TimeoutError:
            return f"the system bus did not answer in {timeout_s:g} s"
        except _SOCKET_FAULTS as error:
            return f"cannot connect to the system bus: {_text(error)}"
        self._bus = bus
        self._timeouts_in_a_row = 0
        self._on_answer.clear()  # serials begin anew
        bus.add_message_handler(self._handle)
        ended: asyncio.Task[None] = asyncio.ensure_future(bus.wait_for_disconnect())  # type: ignore[no-untyped-call]
        try:
            await self._prepare()
            self._ready.set()
            self._on_edge()
            while not ended.done():
                await asyncio.wait({ended}, timeout=_PING_INTERVAL_S)
                await self._ping(timeout_s)
        except (BusLostError, CallTimeoutError, CallFailedError) as error:
            return str(error)
        finally:
            bus.disconnect()
            await asyncio.wait({ended}, timeout=timeout_s)
            ended.cancel()
        fault = None if ended.cancelled() or not ended.done() else ended.exception()
        return "the bus closed the connection" if fault is None else _text(fault)

    async def _ping(self, timeout_s: float) -> None:
        """Make sure that signals can arrive: a frozen bus is as silent as a healthy unit."""
        with contextlib.suppress(BusLostError, CallTimeoutError, CallFailedError):
            await self.call(MANAGER_PATH, _PEER, "Ping", "", timeout_s=timeout_s)

    def _handle(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL:
            self._on_signal(message)
            return
        on_answer = self._on_answer.pop(message.reply_serial or 0, None)
        if on_answer is not None and message.message_type is MessageType.METHOD_RETURN:
            on_answer(list(message.body))


def _fetch(future: asyncio.Future[None]) -> None:
    if not future.cancelled():
        future.exception()


def _text(error: BaseException) -> str:
    if isinstance(error, EOFError):
        return "the bus closed the connection"
    return str(error) or type(error).__name__
