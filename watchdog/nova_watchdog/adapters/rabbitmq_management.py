"""RabbitMQ's management API: closes what a lost nova-compute left connected.

Seen with RabbitMQ 3.10.8: when the answer arrives a closed connection has no consumer any more, however deaf
its client is. A consumer shows up in the list up to 5 s after it began.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import aiohttp
from yarl import URL

from nova_watchdog.adapters._resolver import LastGoodResolver
from nova_watchdog.core.kv import printable
from nova_watchdog.ports import ActionRefusedError, ResultUnknownError

# Less than what a takeover waits for it.
TIMEOUT_S = 4.0
_REASON = "taken over by nova-watchdog: its holder is lost"
# With the columns asked for a consumer takes some 100 bytes.
_BODY_BYTES = 8 * 1024 * 1024
_SAID_CHARS = 200
_OK, _NO_CONTENT = 200, 204
_NAMELESS = ""
# How often the list is read until it tells the connection of each consumer.
_LOOKS, _LOOK_AGAIN_S = 5, 0.2
_REFUSALS = {
    401: "the account is refused, or may not do this: closing another account's connections takes the tag "
    "'administrator', closing its own the tag 'management'",
    404: "there is no such virtual host, or the API is not there",
}


class RabbitManagement:
    """`ports.BusFence` on the management API at `url` (`http(s)://HOST:PORT`) of any broker of the cluster.

    virtual_host: that of a nova-compute's queue, by its host; None: its bus is not the one at `url`.
    ca_file: what its certificate is verified with, None: the system's CAs.
    """

    def __init__(
        self,
        url: str,
        username: str,
        password: Callable[[], str],
        virtual_host: Callable[[str], str | None],
        *,
        ca_file: Path | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._url = url.rstrip("/")
        self._username = username
        self._password = password
        self._virtual_host = virtual_host
        self._ca_file = ca_file
        self._timeout_s = timeout_s
        self._resolver = LastGoodResolver()

    async def close(self) -> None:
        """It is not used again."""
        self._resolver.stop()

    async def close_consumers(self, host: str) -> int:
        """Close every connection that consumes from `compute.<host>`; returns how many.

        Raises ActionRefusedError, ResultUnknownError.
        """
        virtual_host = self._virtual_host(host)
        if virtual_host is None:
            raise ActionRefusedError(f"the message bus of {host} is not the one at {self._url}")
        began: list[str] = []
        try:
            async with asyncio.timeout(self._timeout_s), self._session() as session:
                return await self._close_consumers(session, virtual_host, f"compute.{host}", began)
        except TimeoutError as error:
            raise self._failed(began, f"no answer within {self._timeout_s:g} s") from error
        except aiohttp.ClientConnectorCertificateError as error:
            why = f"its certificate is not trusted: {error.certificate_error}"
            raise self._failed(began, why) from error
        except aiohttp.ClientConnectorError as error:
            raise self._failed(began, f"cannot connect: {error.strerror or error.os_error}") from error
        except (aiohttp.ClientError, OSError, _AnswerError) as error:
            said = " ".join(str(error).split()) or "the connection was closed"
            raise self._failed(began, said) from error

    def _failed(self, began: list[str], why: str) -> ActionRefusedError | ResultUnknownError:
        text = printable(f"{self._url}: {why}")
        return ResultUnknownError(text) if began else ActionRefusedError(text)

    async def _close_consumers(
        self, session: aiohttp.ClientSession, virtual_host: str, queue: str, began: list[str]
    ) -> int:
        """`began`: takes what was asked to be closed, before it is asked."""
        connections = await self._consuming(session, virtual_host, queue)
        for _ in range(_LOOKS):
            if _NAMELESS not in connections:
                break
            await asyncio.sleep(_LOOK_AGAIN_S)
            connections = await self._consuming(session, virtual_host, queue)
        said = ""
        for name in sorted(connections - {_NAMELESS}):
            began.append(name)
            said = await self._close_one(session, name) or said
        if not connections:
            return 0
        left = connections & await self._consuming(session, virtual_host, queue)
        if left:
            why = f"{len(left)} of {len(connections)} connections still consume from {queue}: {said}"
            raise ActionRefusedError(printable(f"{self._url}: {why}"))
        return len(connections)

    async def _consuming(self, session: aiohttp.ClientSession, virtual_host: str, queue: str) -> set[str]:
        """The connections with a consumer of that queue; `_NAMELESS` for one that is not told."""
        path = f"consumers/{quote(virtual_host, safe='')}"
        columns = "columns=queue.name,channel_details.connection_name"
        async with session.get(self._at(f"{path}?{columns}"), allow_redirects=False) as response:
            if response.status != _OK:
                raise _AnswerError(await _said(response))
            text = await _whole(response)
        try:
            return {
                _connection(one.get("channel_details"))
                for one in json.loads(text)
                if one["queue"]["name"] == queue
            }
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise _AnswerError("its list of consumers is not understood") from error

    async def _close_one(self, session: aiohttp.ClientSession, name: str) -> str:
        """What was said against it, empty: nothing. Whether it is closed is told by the next list."""
        url = self._at(f"connections/{quote(name, safe='')}")
        headers = {"X-Reason": _REASON}
        async with session.delete(url, headers=headers, allow_redirects=False) as response:
            return "" if response.status == _NO_CONTENT else await _said(response)

    def _at(self, path: str) -> URL:
        return URL(f"{self._url}/api/{path}", encoded=True)

    def _session(self) -> aiohttp.ClientSession:
        """One for each call: they are rare, and a kept connection would be found dead."""
        account = base64.b64encode(f"{self._username}:{self._password()}".encode()).decode()
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=self._resolver, ssl=self._verify(), force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "User-Agent": "nova-watchdog",
                "Accept": "application/json",
                "Authorization": f"Basic {account}",
            },
        )

    def _verify(self) -> ssl.SSLContext | bool:
        if self._ca_file is None:
            return True
        try:
            return ssl.create_default_context(cafile=str(self._ca_file))
        except (OSError, ssl.SSLError) as error:
            raise ActionRefusedError(f"{self._ca_file} cannot be used as a CA: {error}") from error


def _connection(details: object) -> str:
    """What a consumer's channel belongs to. The list may have the consumer before it has the channel."""
    name = details.get("connection_name") if isinstance(details, dict) else None
    return name if isinstance(name, str) else _NAMELESS


class _AnswerError(Exception):
    """An answer that is not the one that was asked for."""


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    """The body, which has a bound."""
    found = bytearray()
    async for part in response.content.iter_any():
        found += part
        if len(found) > _BODY_BYTES:
            raise _AnswerError(f"its list of consumers is longer than {_BODY_BYTES} bytes")
    return bytes(found)


async def _said(response: aiohttp.ClientResponse) -> str:
    """Why it refuses. Of its own words no more than a line."""
    text = (await response.content.read(_SAID_CHARS)).decode(errors="replace")
    known = _REFUSALS.get(response.status, "")
    return f"HTTP {response.status}: {known or ' '.join(text.split()) or response.reason}"
