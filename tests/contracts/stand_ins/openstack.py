"""Keystone v3 and a part of Nova's API on a loopback port, as their API references describe them.

For the faults that a real Keystone and a real Nova do not have on demand; the lab has the real ones.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import email.utils
from dataclasses import asdict
from typing import Any

from aiohttp import web

from fakes.nova import FakeNova
from nova_watchdog.core.model import ServiceRecord

PASSWORD = "the-right-one"
# What the stand-in's clock always says: not what the machine's does.
_NOW = dt.datetime(2031, 5, 6, 7, 8, 9, tzinfo=dt.UTC)


class OpenStackStandIn:
    """Serves the records of `nova`. `requests` lists (method, path with query, microversion)."""

    def __init__(self, nova: FakeNova) -> None:
        self.nova = nova
        self.requests: list[tuple[str, str, str]] = []
        self.logins = 0
        self.token = "token-1"
        self.put_status: int | None = None
        self.get_status: int | None = None
        self.body: Any = None
        self.has_endpoint = True
        self.newest = (2, 100)  # microversion
        self.page_length = 1000
        self.date: str | None = email.utils.format_datetime(_NOW, usegmt=True)
        self.homeless_builds = 0
        self.hangs: set[str] = set()  # methods that get no answer
        self.silent_path = ""  # a path that gets none
        self._thaw = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application(middlewares=[self._record])
        app.router.add_get("/v3", self._versions)
        app.router.add_post("/v3/auth/tokens", self._login)
        app.router.add_get("/compute/v2.1/os-services", self._list)
        app.router.add_put("/compute/v2.1/os-services/{id}", self._update)
        app.router.add_get("/compute/v2.1/os-hypervisors/detail", self._hypervisors)
        app.router.add_get("/compute/v2.1/servers/detail", self._servers)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def stop(self) -> None:
        self.thaw()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def hang(self, *methods: str) -> None:
        """Accept requests with these methods and stay silent."""
        self.hangs = set(methods)

    def thaw(self) -> None:
        """Answer again, also what was asked meanwhile."""
        self.hangs = set()
        self.silent_path = ""
        self._thaw.set()
        self._thaw = asyncio.Event()

    def expire_token(self) -> None:
        """Refuse every token given out so far."""
        self.token = f"token-{self.logins + 1}-new"

    @web.middleware
    async def _record(self, request: web.Request, handler: Any) -> web.StreamResponse:
        version = request.headers.get("OpenStack-API-Version", "")
        self.requests.append((request.method, request.path_qs, version))
        if request.method in self.hangs or (self.silent_path and request.path.endswith(self.silent_path)):
            await request.read()  # it has arrived whole, and is carried out after the thaw
            await self._thaw.wait()
        response: web.StreamResponse = await handler(request)
        return response

    async def _versions(self, _: web.Request) -> web.Response:
        link = {"rel": "self", "href": f"{self.url}/v3/"}
        return web.json_response({"version": {"id": "v3.14", "status": "stable", "links": [link]}})

    async def _login(self, request: web.Request) -> web.Response:
        self.logins += 1
        body = await request.json()
        if body["auth"]["identity"]["password"]["user"]["password"] != PASSWORD:
            return web.json_response({"error": {"code": 401, "message": "no"}}, status=401)
        endpoint = {"interface": "public", "region_id": "RegionOne", "region": "RegionOne", "id": "e"}
        endpoint["url"] = f"{self.url}/compute/v2.1"
        catalog = [{"type": "compute", "name": "nova", "id": "c", "endpoints": [endpoint]}]
        token = {
            "methods": ["password"],
            "user": {"id": "u", "name": "watchdog", "domain": {"id": "default", "name": "Default"}},
            "project": {"id": "p", "name": "admin", "domain": {"id": "default", "name": "Default"}},
            "catalog": catalog if self.has_endpoint else [],
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "expires_at": "2099-01-01T00:00:00.000000Z",
            "roles": [],
        }
        return web.json_response({"token": token}, status=201, headers={"X-Subject-Token": self.token})

    def _refusal(self, request: web.Request, status: int | None) -> web.Response | None:
        if request.headers.get("X-Auth-Token") != self.token:
            return web.json_response({"error": {"code": 401}}, status=401)
        if status is not None:
            return web.json_response({"error": {"code": status, "message": "as told"}}, status=status)
        if _microversion(request) > self.newest:
            return web.json_response({"error": {"code": 406, "message": "unknown version"}}, status=406)
        return None

    async def _list(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request, self.get_status)) is not None:
            return refusal
        if self.body is not None:
            return web.Response(text=self.body, content_type="application/json")
        host, binary = request.query.get("host"), request.query.get("binary")
        computes = [
            _compute(record) for record in self.nova._records.values() if record.host not in self.nova._hidden
        ]
        if _microversion(request) >= (2, 69):
            computes += [_stub(host) for host in sorted(self.nova._hidden)]
        services = [*computes, *self._conductors(), _other("nova-scheduler", 0, "up")]
        return web.json_response(
            {
                "services": [
                    service
                    for service in services
                    if (host is None or service["host"] == host)
                    and (binary is None or service["binary"] == binary)
                ]
            }
        )

    async def _hypervisors(self, request: web.Request) -> web.Response:
        assert _microversion(request) < (2, 88)  # from there on nobody tells how many instances run
        found = [
            {
                "id": f"node-{node}",
                "hypervisor_hostname": node,
                "service": {"host": host, "id": "s", "disabled_reason": None},
                "running_vms": load.instances if number == 0 else 0,
            }
            for host, load in self.nova._loads.items()
            for number, node in enumerate(load.nodes)
        ]
        return self._page(request, "hypervisors", found)

    async def _servers(self, request: web.Request) -> web.Response:
        assert request.query["all_tenants"] == "1"
        assert request.query["status"] == "BUILD"
        ages_s = [(host, age_s) for host, load in self.nova._loads.items() for age_s in load.builds_s]
        ages_s += [("", 5000.0)] * self.homeless_builds
        found = [
            {
                "id": f"server-{number}",
                "status": "BUILD",
                "updated": (_NOW - dt.timedelta(seconds=age_s)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "OS-EXT-SRV-ATTR:host": host or None,
            }
            for number, (host, age_s) in enumerate(ages_s)
        ]
        return self._page(request, "servers", found)

    def _page(self, request: web.Request, key: str, found: list[dict[str, Any]]) -> web.Response:
        if (refusal := self._refusal(request, self.get_status)) is not None:
            return refusal
        if self.body is not None:
            return web.Response(text=self.body, content_type="application/json")
        marker = request.query.get("marker")
        begin = 0 if marker is None else [item["id"] for item in found].index(marker) + 1
        length = min(self.page_length, int(request.query.get("limit", 1000)))
        page = found[begin : begin + length]
        body: dict[str, Any] = {key: page}
        if len(page) == length:  # as Nova does, also when this was the last one
            body[f"{key}_links"] = [{"rel": "next", "href": f"{self.url}/..."}]
        return web.json_response(body, headers={} if self.date is None else {"Date": self.date})

    def _conductors(self) -> list[dict[str, Any]]:
        return [
            _other("nova-conductor", number, "up" if number < self.nova.conductors_up else "down")
            for number in range(self.nova.conductors)
        ]

    async def _update(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request, self.put_status)) is not None:
            return refusal
        assert await request.json() == {"status": "enabled"}
        (host,) = (
            record.host
            for record in self.nova._records.values()
            if record.service_id == request.match_info["id"]
        )
        self.nova.enabled.append(host)
        self.nova.enable_by_operator(host)
        return web.json_response({"service": _compute(self.nova.record(host))})


def _microversion(request: web.Request) -> tuple[int, ...]:
    text = request.headers["OpenStack-API-Version"].removeprefix("compute ")
    return tuple(int(number) for number in text.split("."))


def _stub(host: str) -> dict[str, Any]:
    return {"binary": "nova-compute", "host": host, "status": "UNKNOWN"}


def _compute(record: ServiceRecord) -> dict[str, Any]:
    fields = asdict(record)
    return {
        "id": fields["service_id"],
        "binary": "nova-compute",
        "host": fields["host"],
        "state": "up" if fields["up"] else "down",
        "status": "disabled" if fields["disabled"] else "enabled",
        "disabled_reason": fields["disabled_reason"] or None,
        "forced_down": fields["forced_down"],
        "updated_at": fields["updated_at"],
        "zone": "nova",
    }


def _other(binary: str, number: int, state: str) -> dict[str, Any]:
    return {
        "id": f"{binary}-{number}",
        "binary": binary,
        "host": f"ctl{number}",
        "state": state,
        "status": "enabled",
        "disabled_reason": None,
        "forced_down": False,
        "updated_at": None,
        "zone": "internal",
    }
