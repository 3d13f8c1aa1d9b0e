"""One request to one etcd member over its JSON gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from nova_watchdog.core.kv import printable

from ._etcd_errors import EndpointError, RefusedError
from ._etcd_tls import TlsFiles, Trust
from ._etcd_words import NONSENSE
from ._resolver import LastGoodResolver

MAX_ANSWER_BYTES = 16 * 1024 * 1024
_REASON_CHARS = 200
_OK = 200
_NOT_TAKEN = range(300, 500)
_TLS_ENDS_S = 0.1
# gRPC's code of an invalid argument.
_INVALID = 3


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds for making a connection, and for the whole of an attempt."""

    connect_s: float
    total_s: float


class Http:
    """The connections to all members; they are kept, and never one after a request that failed."""

    def __init__(self, tls: TlsFiles) -> None:
        self._trust = Trust(tls)
        self._resolver = LastGoodResolver()
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False
        self._uses_tls = False

    async def exchange(
        self, url: str, body: Mapping[str, Any], token: str, bounds: Bounds, *, may_repeat: bool
    ) -> Mapping[str, Any]:
        """The answer. Raises EndpointError, RefusedError."""
        try:
            async with asyncio.timeout(bounds.total_s):
                try:
                    response, content = await self._ask(url, body, token, bounds.connect_s)
                except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                    # The connection that was kept is an old one: the member was restarted.
                    if not may_repeat:
                        raise
                    response, content = await self._ask(url, body, token, bounds.connect_s)
        except TimeoutError as error:
            raise EndpointError(f"no answer within {bounds.total_s:.1f} s", is_sent=True) from error
        except (aiohttp.ClientError, OSError) as error:
            raise EndpointError(_words(error), is_sent=True) from error
        if response.status != _OK:
            raise _problem_in(response.status, content)
        try:
            return dict(json.loads(content))
        except NONSENSE as error:
            raise EndpointError("the answer is not one of etcd's gateway", is_sent=True) from error

    async def open_stream(
        self, url: str, body: Mapping[str, Any], token: str, timeout_s: float
    ) -> aiohttp.ClientResponse:
        """An answer that goes on; the caller ends it. Raises EndpointError, RefusedError."""
        try:
            async with asyncio.timeout(timeout_s):
                response = await self._post(url, body, token, timeout_s)
                if response.status == _OK:
                    return response
                async with response:
                    content = await _content(response)
        except TimeoutError as error:
            raise EndpointError(f"no answer within {timeout_s:.1f} s", is_sent=True) from error
        except (aiohttp.ClientError, OSError) as error:
            raise EndpointError(_words(error), is_sent=True) from error
        raise _problem_in(response.status, content)

    async def close(self) -> None:
        """Close what is open. Every request after that fails."""
        self._is_closed = True
        self._resolver.stop()
        if self._session is not None:
            await self._session.close()
            if self._uses_tls:
                # Its transports end some turns of the loop later, those of a refused handshake too.
                await asyncio.sleep(_TLS_ENDS_S)

    async def _ask(
        self, url: str, body: Mapping[str, Any], token: str, connect_s: float
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        async with await self._post(url, body, token, connect_s) as response:
            return response, await _content(response)

    async def _post(
        self, url: str, body: Mapping[str, Any], token: str, connect_s: float
    ) -> aiohttp.ClientResponse:
        if self._is_closed:
            raise EndpointError("closed", is_sent=False)
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            # A member without a leader refuses at once, instead of letting the request wait.
            "Grpc-Metadata-hasleader": "true",
        }
        if token:
            headers["Authorization"] = token
        self._uses_tls = self._uses_tls or url.startswith("https:")
        try:
            return await self._open().post(
                url,
                data=json.dumps(body).encode(),
                headers=headers,
                ssl=self._trust.context() if url.startswith("https:") else True,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_s),
            )
        except aiohttp.ConnectionTimeoutError as error:
            raise EndpointError(f"no connection within {connect_s:.1f} s", is_sent=False) from error
        except aiohttp.ClientConnectorCertificateError as error:
            words = f"its certificate is not trusted: {error.certificate_error}"
            raise EndpointError(words, is_sent=False) from error
        except aiohttp.ClientConnectorError as error:
            words = f"cannot connect: {error.strerror or error.os_error}"
            raise EndpointError(words, is_sent=False) from error

    def _open(self) -> aiohttp.ClientSession:
        """Made on first use: it belongs to the running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=self._resolver, limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "nova-watchdog"},
            )
        return self._session


async def _content(response: aiohttp.ClientResponse) -> bytes:
    """The whole body. Raises EndpointError where it is too long."""
    content = bytearray()
    while chunk := await response.content.readany():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise EndpointError(f"the answer has more than {MAX_ANSWER_BYTES} bytes", is_sent=True)
    return bytes(content)


def _problem_in(status: int, content: bytes) -> EndpointError | RefusedError:
    """What an answer that is no success says."""
    try:
        said = json.loads(content)
        code, reason = int(said["code"]), str(said.get("message") or said["error"])
    except NONSENSE:
        if b"CommonName" in content:  # said in plain text
            return RefusedError(_INVALID, "etcd's gateway takes no certificate with a common name (CN)")
        # Whoever that is, it is no etcd, or one without its gateway; a 5xx may come from something in front.
        return EndpointError(f"HTTP {status}, not from etcd's gateway", is_sent=status not in _NOT_TAKEN)
    return RefusedError(code, printable(reason[:_REASON_CHARS]))


def _words(error: Exception) -> str:
    text = " ".join(str(error).split()) or "the connection was closed"
    return f"{type(error).__name__}: {text}"
