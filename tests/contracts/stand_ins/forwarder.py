"""A TCP proxy in the test's own event loop, which can refuse, fall silent and hang up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

# The frame in which an AMQP client sends its account: connection.start-ok (class 10, method 11).
_START_OK = b"\x00\x0a\x00\x0b"


class Forwarder:
    """Listens on loopback; each connection goes on to what `connect` opens."""

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self._connect = connect
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self.port = 0
        self.accepted = 0
        self.logins = 0

    async def start(self) -> None:
        """Listen, on the same port each time."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Hang up and listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.hang_up()

    async def hang_up(self) -> None:
        """End every connection, as a proxy does with idle ones."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def fall_silent(self) -> None:
        """Nothing is forwarded any more, of new connections neither."""
        self._flows.clear()

    def flow(self) -> None:
        """Everything is forwarded again."""
        self._flows.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await self._flows.wait()
            there = await self._open()
            far_reader, far_writer = await asyncio.open_connection(sock=there)
            with contextlib.closing(far_writer):
                both = [self._pump(reader, far_writer, self._count), self._pump(far_reader, writer)]
                done, pending = await asyncio.wait(
                    [asyncio.ensure_future(one) for one in both], return_when=asyncio.FIRST_COMPLETED
                )
                for one in (*done, *pending):
                    one.cancel()
                await asyncio.gather(*done, *pending, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _open(self) -> socket.socket:
        connecting = asyncio.ensure_future(asyncio.to_thread(self._connect))
        try:
            there = await asyncio.shield(connecting)
        except asyncio.CancelledError:
            (await connecting).close()
            raise
        there.settimeout(0)
        return there

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        look: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        while data := await reader.read(65536):
            await self._flows.wait()
            look(data)
            writer.write(data)
            await writer.drain()

    def _count(self, data: bytes) -> None:
        self.logins += data.count(_START_OK)
