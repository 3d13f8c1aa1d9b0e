"""JSON by HTTP POST to one receiver, with a bound, and its failures as NotifyError."""

from __future__ import annotations

import asyncio
import email.utils
import json
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from nova_watchdog.adapters._resolver import ThreadResolver
from nova_watchdog.core.kv import printable
from nova_watchdog.ports import Clock, NotifyError

TIMEOUT_S = 5.0
_REASON_CHARS = 200
_BODY_BYTES = 4096
_HIDDEN = "***"
_OK = range(200, 300)
_BAD_REQUEST, _TOO_LARGE = 400, 413


class JsonPoster:
    """One receiver's HTTP client: no cookies, no redirects, a connection for each request.

    ca_file: what its certificate is verified with, read again when it changes; None: the system's CAs.
    proxy: the address of an HTTP proxy, empty without one.
    """

    def __init__(self, url: str, clock: Clock, *, ca_file: Path | None = None, proxy: str = "") -> None:
        self._url = url
        self._clock = clock
        self._ca_file = ca_file
        self._proxy = proxy or None
        self._resolver = ThreadResolver(TIMEOUT_S)
        self._session: aiohttp.ClientSession | None = None
        self._trust: tuple[object, ssl.SSLContext] | None = None

    async def post(
        self, body: Any, *, headers: Mapping[str, str] | None = None, secrets: Iterable[str] = ()
    ) -> None:
        """Deliver the body. Raises NotifyError; `secrets` are blanked out in its text.

        Refusals that repeating cannot heal (400, 413) give up; 429 and 503 bring the receiver's wish.
        """
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._post(body, dict(headers or {}), tuple(secrets))
        except TimeoutError as error:
            raise NotifyError(f"no answer within {TIMEOUT_S:g} s") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise NotifyError(f"its certificate is not trusted: {error.certificate_error}") from error
        except aiohttp.ClientConnectorError as error:
            raise NotifyError(f"cannot connect: {error.strerror or error.os_error}") from error
        except (aiohttp.ClientError, OSError) as error:
            text = " ".join(_without(str(error) or "the connection was closed", secrets).split())
            raise NotifyError(f"{type(error).__name__}: {text}") from error

    async def close(self) -> None:
        """Close what is open. It is not used again."""
        self._resolver.stop()
        if self._session is not None:
            await self._session.close()

    async def _post(self, body: Any, headers: dict[str, str], secrets: tuple[str, ...]) -> None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
        async with self._open().post(
            self._url,
            data=data,
            headers=headers,
            ssl=self._verify(),
            proxy=self._proxy,
            allow_redirects=False,
        ) as response:
            if response.status in _OK:
                return
            content = await response.content.read(_BODY_BYTES)
            text = _without(content.decode(errors="replace"), secrets).strip()
            said = text or response.reason or ""
            raise NotifyError(
                printable(f"HTTP {response.status}: {said[:_REASON_CHARS]}"),
                retry_after_s=self._retry_after_s(response.headers.get("Retry-After", "")),
                gives_up=response.status in (_BAD_REQUEST, _TOO_LARGE),
            )

    def _open(self) -> aiohttp.ClientSession:
        """Made on first use: it belongs to the running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Requests are minutes apart: a kept connection would be found dead.
                connector=aiohttp.TCPConnector(resolver=self._resolver, force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "nova-watchdog"},
            )
        return self._session

    def _verify(self) -> ssl.SSLContext | bool:
        if self._ca_file is None:
            return True
        try:
            info = self._ca_file.stat()
            stamp = (info.st_ino, info.st_mtime_ns, info.st_size)
            if self._trust is None or self._trust[0] != stamp:
                self._trust = (stamp, ssl.create_default_context(cafile=str(self._ca_file)))
        except (OSError, ssl.SSLError) as error:  # while it is replaced: go on with the last good one
            if self._trust is None:
                raise NotifyError(f"{self._ca_file} cannot be used as a CA: {error}") from error
        return self._trust[1]

    def _retry_after_s(self, text: str) -> float | None:
        """Seconds, or a date (RFC 9110, 10.2.3); None for neither."""
        if text.isascii() and text.isdigit():
            return float(text)
        try:
            return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - self._clock.wall_s())
        except (TypeError, ValueError, OverflowError):
            return None


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if secret:
            text = text.replace(secret, _HIDDEN)
    return text
