"""A receiver of events on a loopback port that records what it gets, and answers as a test wants.

For the faults that a real Alertmanager does not have on demand, and for PagerDuty, which nobody has at home.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Got:
    """One request that was answered with success."""

    path: str
    headers: dict[str, str]
    body: Any


class ReceiverStandIn:
    """`taken` holds what was answered with success, `requests` counts all that arrived."""

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self.taken: list[Got] = []
        self.requests = 0
        self.status = 200
        self.text = ""
        self.answer_headers: dict[str, str] = {}
        self.resets = False
        self.hangs = False
        self.refused_text = ""  # a body that holds it is answered with 400
        self.port = 0
        self._trust = trust
        self._thaw = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self._trust else 'http'}://{self.address}"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._trust)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def stop(self) -> None:
        """Refuse connections; what hangs is let go."""
        self.let_go()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def let_go(self) -> None:
        """Answer what hangs, and hang no more."""
        self.hangs = False
        self._thaw.set()

    def answer(self, status: int, text: str = "", **headers: str) -> None:
        """Answer every request like this from now on."""
        self.status, self.text = status, text
        self.answer_headers = {name.replace("_", "-"): value for name, value in headers.items()}

    async def _take(self, request: web.Request) -> web.Response:
        self.requests += 1
        content = await request.text()
        if self.resets:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if self.hangs:
            await self._thaw.wait()
        if self.refused_text and self.refused_text in content:
            return web.Response(status=400, text="that one is invalid")
        if self.status in range(200, 300):
            self.taken.append(Got(request.path, dict(request.headers), json.loads(content)))
        return web.Response(status=self.status, text=self.text, headers=self.answer_headers)
