"""Failover and restart, over the control socket alone: the answer is a line for each phase, as it happens.

An operation goes on whether anybody listens or not.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Any, Protocol

from aiohttp import web

from nova_watchdog.core.operation import End, Ending, Step
from nova_watchdog.telemetry.control import RequestError, body_of, number_of, reason_of, told
from nova_watchdog.telemetry.peer import peer_name

CONTENT_TYPE = "application/x-ndjson"
DEFAULT_TIMEOUT_S = 600.0
MAX_TIMEOUT_S = 3600.0
_MAX_NAME = 255
_MAX_ACCEPTED = 32


class Operating(Protocol):
    """What a human may ask for. Each is a stream of steps, and one end, which is the last."""

    def failover(
        self, pairing: str, *, to: str, accept: tuple[str, ...], by: str, timeout_s: float
    ) -> AsyncIterator[Step | End]:
        """Let another controller hold it. `to`: empty: the best standby."""
        ...

    def restart(self, pairing: str, *, reason: str, by: str, timeout_s: float) -> AsyncIterator[Step | End]:
        """Stop and start its unit here."""
        ...


_Lines = asyncio.Queue[Mapping[str, object] | None]


class OperationRequests:
    """`POST /api/v1/failover` and `POST /api/v1/restart`.

    names: the pairings that may be asked for: those that are watched, and those that are held.
    """

    def __init__(self, operations: Operating, names: Callable[[], Collection[str]]) -> None:
        self._operations = operations
        self._names = names
        self._tasks: set[asyncio.Task[None]] = set()

    def add_to(self, app: web.Application) -> None:
        """Route both to this."""
        app.router.add_post("/api/v1/failover", self._failover)
        app.router.add_post("/api/v1/restart", self._restart)
        app.on_shutdown.append(self._stop)

    async def _failover(self, request: web.Request) -> web.StreamResponse:
        async def answer() -> web.StreamResponse:
            asked = await body_of(request, {"pairing", "to", "accept", "timeout_s"})
            pairing, timeout_s = self._pairing(asked), timeout_of(asked)
            to, accept = _name_of(asked), _accepted(asked)
            by = await peer_name(request.transport)
            steps = self._operations.failover(pairing, to=to, accept=accept, by=by, timeout_s=timeout_s)
            return await self._stream(request, steps)

        return await told(answer)

    async def _restart(self, request: web.Request) -> web.StreamResponse:
        async def answer() -> web.StreamResponse:
            asked = await body_of(request, {"pairing", "reason", "timeout_s"})
            pairing, timeout_s = self._pairing(asked), timeout_of(asked)
            reason = reason_of(asked) if "reason" in asked else ""
            by = await peer_name(request.transport)
            steps = self._operations.restart(pairing, reason=reason, by=by, timeout_s=timeout_s)
            return await self._stream(request, steps)

        return await told(answer)

    def _pairing(self, asked: Mapping[str, Any]) -> str:
        known = sorted(self._names())
        name = asked.get("pairing")
        if not isinstance(name, str):
            raise RequestError("pairing is missing", ", ".join(known))
        if name not in known:
            raise RequestError(f"no pairing is called {name!r}", ", ".join(known), status=404)
        return name

    async def _stream(self, request: web.Request, steps: AsyncIterator[Step | End]) -> web.StreamResponse:
        """Each phase as a line, until the end or until nobody listens any more."""
        lines: _Lines = asyncio.Queue()
        task = asyncio.create_task(_carry_on(steps, lines), name="operation")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})
        try:
            await response.prepare(request)
            while (line := await lines.get()) is not None:
                await response.write(json.dumps(line).encode() + b"\n")
            await response.write_eof()
        except ConnectionError:
            return response
        await task  # an error that nobody foresaw
        return response

    async def _stop(self, _app: web.Application) -> None:
        """The daemon ends: who listens is told."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def _carry_on(steps: AsyncIterator[Step | End], lines: _Lines) -> None:
    after_s = 0.0
    try:
        async for one in steps:
            after_s = one.after_s
            lines.put_nowait(one.document())
    except asyncio.CancelledError:
        reason = "the daemon ends; what was begun may go on: 'nova-watchdog status' tells"
        lines.put_nowait(End(Ending.UNKNOWN, reason, after_s).document())
    finally:
        lines.put_nowait(None)


def timeout_of(asked: Mapping[str, Any]) -> float:
    """For how long it is followed. Raises RequestError."""
    if "timeout_s" not in asked:
        return DEFAULT_TIMEOUT_S
    timeout_s = number_of(asked["timeout_s"])
    if timeout_s is None or not 0 < timeout_s <= MAX_TIMEOUT_S:
        raise RequestError("timeout_s is no such number", f"seconds, up to {MAX_TIMEOUT_S:g}")
    return timeout_s


def _name_of(asked: Mapping[str, Any]) -> str:
    to = asked.get("to", "")
    if not isinstance(to, str) or len(to) > _MAX_NAME or not to.isprintable():
        raise RequestError("to is no name", "a controller's name, or none for the best standby")
    return to


def _accepted(asked: Mapping[str, Any]) -> tuple[str, ...]:
    found = asked.get("accept", [])
    is_list = isinstance(found, list) and len(found) <= _MAX_ACCEPTED
    if not is_list or not all(isinstance(one, str) and one.isprintable() for one in found):
        raise RequestError("accept is no list of checks", f"up to {_MAX_ACCEPTED} names of checks")
    return tuple(found)
