"""What answers in the place of etcd, with what a test makes up: the fixtures `odd` and `odd_store`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from contracts.waiting import PATIENCE_S
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.etcd import EtcdStore

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HEADER = {"cluster_id": "1", "member_id": "2", "revision": "7", "raft_term": "3"}


class OddServer:
    """Answers each path with what `answers` holds for it: status and text, or a handler."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, str] | Handler] = {}
        self.asked: list[str] = []
        app = web.Application()
        app.router.add_post("/{path:.*}", self._answer)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        answer = self.answers.get(request.path, (200, json.dumps({"header": HEADER})))
        if callable(answer):
            return await answer(request)
        status, text = answer
        return web.Response(status=status, text=text, content_type="application/json")


@pytest.fixture
async def odd() -> AsyncIterator[OddServer]:
    made = OddServer()
    await made.server.start_server()
    yield made
    await made.server.close()


@pytest.fixture
async def odd_store(odd: OddServer) -> AsyncIterator[EtcdStore]:
    made = EtcdStore([odd.url], "/p/", SystemClock(), timeout_s=PATIENCE_S)
    yield made
    await made.close()
