"""Pausing and resuming pairings, over the control socket alone."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from nova_watchdog.core.kv import kv
from nova_watchdog.core.model import Pairing
from nova_watchdog.core.permission import Pause
from nova_watchdog.ports import Clock, StoreUnavailableError
from nova_watchdog.telemetry.peer import PeerGoneError, peer_name
from nova_watchdog.telemetry.view_readings import rfc3339

_LOG = logging.getLogger("nova_watchdog.control")

ALL = "all"
MAX_PAUSE_S = 7 * 86400.0
MAX_REASON = 200
# A pairing's loop takes a wish at its next tick, and answers when it is recorded. One tick may hold a slow
# read, a write and an action.
_ANSWER_S = 20.0
_GONE = "it is not watched any more"


class Control(Protocol):
    """What may be asked of the running daemon."""

    async def pause(self, pairing: str, pause: Pause | None) -> None:
        """Pause one pairing, or end its pause (None). Returns when that is recorded.

        Raises KeyError for a pairing that is not watched, StoreUnavailableError when it could not be
        recorded.
        """
        ...


class RequestError(Exception):
    """A request that is refused: `what` is wrong, `allowed` is what would not be."""

    def __init__(self, what: str, allowed: str, status: int = 400) -> None:
        super().__init__(f"{what}; allowed: {allowed}")
        self.what = what
        self.allowed = allowed
        self.status = status


@dataclass(frozen=True, slots=True)
class PauseRequests:
    """`POST /api/v1/pause` and `POST /api/v1/resume`."""

    control: Control
    clock: Clock
    pairings: Callable[[], Sequence[Pairing]]

    def add_to(self, app: web.Application) -> None:
        """Route both to this."""
        app.router.add_post("/api/v1/pause", self._pause)
        app.router.add_post("/api/v1/resume", self._resume)

    async def _pause(self, request: web.Request) -> web.StreamResponse:
        async def answer() -> web.Response:
            asked = await body_of(request, {"pairing", "reason", "until_wall_s", "for_s"})
            names = self._names(asked)
            reason, now_wall_s = reason_of(asked), self.clock.wall_s()
            until_wall_s = until_of(asked, now_wall_s)
            pause = Pause(reason, await peer_name(request.transport), now_wall_s, until_wall_s)
            return await self._apply(names, pause, pause.by)

        return await told(answer)

    async def _resume(self, request: web.Request) -> web.StreamResponse:
        async def answer() -> web.Response:
            names = self._names(await body_of(request, {"pairing"}))
            return await self._apply(names, None, await peer_name(request.transport))

        return await told(answer)

    def _names(self, asked: Mapping[str, Any]) -> list[str]:
        known = sorted(pairing.name for pairing in self.pairings())
        name = asked.get("pairing")
        if name == ALL and ALL not in known:
            return known
        if name not in known:
            allowed = ", ".join((*known, ALL))
            if not isinstance(name, str):
                raise RequestError("pairing is missing", allowed)
            raise RequestError(f"no pairing is called {name!r}", allowed, status=404)
        return [name]

    async def _apply(self, names: Sequence[str], pause: Pause | None, by: str) -> web.Response:
        """Ask every loop at once: each answers by itself."""
        outcomes = await asyncio.gather(*(self._one(name, pause, by) for name in names))
        failed = {name: why for name, why in zip(names, outcomes, strict=True) if why}
        body: dict[str, Any] = {"done": [name for name in names if name not in failed], "failed": failed}
        if pause is not None:
            body |= {"until": rfc3339(pause.until_wall_s), "by": pause.by, "reason": pause.reason}
        if not failed:
            return web.json_response(body)
        gone = set(failed.values()) == {_GONE}
        return web.json_response(body, status=404 if gone else 503)

    async def _one(self, name: str, pause: Pause | None, by: str) -> str:
        """What kept the wish from being recorded, empty if nothing did."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                await self.control.pause(name, pause)
        except KeyError:
            return _GONE
        except StoreUnavailableError as error:
            return f"it could not be recorded: {error}"
        except TimeoutError:
            return f"result unknown: its loop gave no answer within {_ANSWER_S:g} s"
        if pause is None:
            _LOG.info(kv("resumed", pairing=name, by=by))
        else:
            _LOG.info(
                kv("paused", pairing=name, by=by, until=rfc3339(pause.until_wall_s), reason=pause.reason)
            )
        return ""


def reason_of(asked: Mapping[str, Any]) -> str:
    """The reason of a pause. Raises RequestError."""
    allowed = f"a text of 1 to {MAX_REASON} printable characters"
    reason = asked.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise RequestError("reason is missing", allowed)
    reason = reason.strip()
    if len(reason) > MAX_REASON:
        raise RequestError(f"reason has {len(reason)} characters", allowed)
    if not reason.isprintable():
        raise RequestError("reason has control characters", allowed)
    return reason


def until_of(asked: Mapping[str, Any], now_wall_s: float) -> float:
    """When a pause ends, as Unix time. Raises RequestError."""
    allowed = "one end, at most 7 days away: for_s in seconds, or until_wall_s as Unix time"
    given = [key for key in ("for_s", "until_wall_s") if key in asked]
    if not given:
        raise RequestError("the end is missing", allowed)
    if len(given) > 1:
        raise RequestError("the end is given twice", allowed)
    value = number_of(asked[given[0]])
    if value is None:
        raise RequestError(f"{given[0]} is no number", allowed)
    for_s = value if given[0] == "for_s" else value - now_wall_s
    if for_s <= 0:
        raise RequestError("the end has passed", allowed)
    if for_s > MAX_PAUSE_S:
        raise RequestError("the end is more than 7 days away", allowed)
    return now_wall_s + for_s


def number_of(value: object) -> float | None:
    """A finite number, None for everything else that JSON can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


async def body_of(request: web.Request, keys: set[str]) -> Mapping[str, Any]:
    """The request's JSON object, with no other keys than these. Raises RequestError."""
    allowed = f"a JSON object of {', '.join(sorted(keys))}"
    try:
        asked = json.loads(await request.read())
    except web.HTTPRequestEntityTooLarge as error:
        raise RequestError("the body is too long", allowed, status=413) from error
    except (ValueError, RecursionError) as error:
        raise RequestError("the body is no JSON", allowed) from error
    if not isinstance(asked, dict):
        raise RequestError("the body is no JSON object", allowed)
    if strange := sorted(set(asked) - keys):
        raise RequestError(f"{strange[0][:40]!r} is not known", allowed)
    return asked


async def told(answer: Callable[[], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
    """The answer, or the refusal that it raises."""
    try:
        return await answer()
    except RequestError as error:
        return web.json_response({"error": error.what, "allowed": error.allowed}, status=error.status)
    except PeerGoneError as error:
        return web.json_response({"error": str(error), "allowed": "a connection that stays"}, status=400)
