"""Requests to several etcd members as one, with one bound for each request.

Which member is asked first is remembered: whoever failed comes last, so a silent one costs once.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from nova_watchdog.ports import Clock, StoreUnavailableError

from ._etcd_errors import EndpointError, RefusedError
from ._etcd_http import Bounds, Http
from ._etcd_login import Account, Login
from ._etcd_tls import TlsFiles
from ._etcd_words import NONSENSE, encoded

# So long an answer shows that a member can do its work: etcd answers in a few milliseconds.
_PROVEN_S = 0.5
# What a request gets at least, where finding a member took nearly all of the time.
_LEAST_S = 0.2
# So long after the last answer of the cluster another one may have taken its place: a restore.
_CLUSTER_IS_GONE_S = 60.0


@dataclass(slots=True)
class _Endpoint:
    url: str
    is_suspect: bool = False
    answered_at_s: float = -math.inf


class Gateway:
    """All members. `timeout_s` bounds each request, however many members it tries."""

    def __init__(
        self,
        endpoints: Sequence[str],
        clock: Clock,
        *,
        prefix: str,
        account: Account | None,
        tls: TlsFiles,
        timeout_s: float,
    ) -> None:
        # In the order in which they are asked.
        self._endpoints = [_Endpoint(url) for url in endpoints]
        self._clock = clock
        self._login = Login(account, clock)
        self._http = Http(tls)
        self._probe = {"key": encoded(prefix.encode()), "count_only": True}
        self._cluster: tuple[str, float] | None = None
        self.timeout_s = timeout_s

    async def ask(self, path: str, body: Mapping[str, Any], *, may_repeat: bool) -> Mapping[str, Any]:
        """The answer of the first member that gives one. Raises StoreUnavailableError.

        Unless `may_repeat`, the request goes to another member only where nothing of it can be written.
        """
        ends_at_s = self._clock.now_s() + self.timeout_s
        waiting, problems = list(self._endpoints), list[str]()
        while waiting:
            endpoint = waiting.pop(0)
            left_s = ends_at_s - self._clock.now_s()
            if left_s <= 0:
                break
            share_s = _share_s(left_s, waiting)
            try:
                if not may_repeat:
                    await self._prove(endpoint, share_s)
                    left_s = max(_LEAST_S, ends_at_s - self._clock.now_s())
                bounds = Bounds(share_s, share_s if may_repeat else left_s)
                answer = await self._ask_one(endpoint, path, body, bounds, may_repeat=may_repeat)
            except EndpointError as error:
                self._distrust(endpoint)
                problems.append(f"{endpoint.url}: {error}")
                if error.is_sent and not may_repeat:
                    raise self._unavailable([*problems, "it may be written"]) from error
            except RefusedError as error:
                problems.append(f"{endpoint.url}: {error}")
                if not (error.is_not_proposed or (may_repeat and error.helps_elsewhere)):
                    raise self._unavailable(problems) from error
                self._distrust(endpoint)
            else:
                self._answered(endpoint)
                return answer
        raise self._unavailable(problems or ["no time was left to ask"])

    async def ask_each(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any] | str]:
        """By its URL what each member answers, or why it does not.

        Beside everything else: it neither logs in nor waits for a login, and counts for or against no member.
        """
        bounds, token = Bounds(self.timeout_s, self.timeout_s), self._login.present

        async def one(url: str) -> Mapping[str, Any] | str:
            try:
                return await self._http.exchange(url + path, body, token, bounds, may_repeat=True)
            except (EndpointError, RefusedError, StoreUnavailableError) as error:
                return self._login.without_secrets(str(error))

        urls = [endpoint.url for endpoint in self._endpoints]
        return dict(zip(urls, await asyncio.gather(*map(one, urls)), strict=True))

    @contextlib.asynccontextmanager
    async def stream(self, path: str, body: Mapping[str, Any]) -> AsyncIterator[aiohttp.StreamReader]:
        """An answer that goes on, of the member that comes first. Raises StoreUnavailableError.

        Its beginning is bounded; what breaks later in the block counts against that member too.
        """
        endpoint = self._endpoints[0]
        try:
            token = await self._token(endpoint, self.timeout_s)
            url = endpoint.url + path
            async with await self._http.open_stream(url, body, token, self.timeout_s) as response:
                yield response.content
        except (EndpointError, RefusedError, aiohttp.ClientError, OSError) as error:
            self._distrust(endpoint)
            words = str(error) or type(error).__name__
            raise self._unavailable([f"{endpoint.url}: {words}"]) from error

    async def close(self) -> None:
        """Close what is open. Every request after that fails."""
        await self._http.close()

    async def _prove(self, endpoint: _Endpoint, timeout_s: float) -> None:
        """A read before what may not be repeated: a member that is silent now shall not get that.

        Raises EndpointError (nothing of the request was sent), RefusedError, StoreUnavailableError.
        """
        if self._clock.now_s() - endpoint.answered_at_s < _PROVEN_S:
            return
        try:
            bounds = Bounds(timeout_s, timeout_s)
            await self._ask_one(endpoint, "/v3/kv/range", self._probe, bounds, may_repeat=True)
        except EndpointError as error:
            raise EndpointError(str(error), is_sent=False) from error
        except RefusedError as error:
            if not error.helps_elsewhere:
                raise
            raise EndpointError(str(error), is_sent=False) from error

    async def _ask_one(
        self, endpoint: _Endpoint, path: str, body: Mapping[str, Any], bounds: Bounds, *, may_repeat: bool
    ) -> Mapping[str, Any]:
        url = endpoint.url + path
        token = await self._token(endpoint, bounds.connect_s)
        try:
            answer = await self._http.exchange(url, body, token, bounds, may_repeat=may_repeat)
        except RefusedError as error:
            if not error.is_about_the_token or not self._login.has_account:
                raise
            # Refused before anything was done: also a transaction may be sent again.
            self._login.forget(token)
            token = await self._token(endpoint, bounds.connect_s)
            answer = await self._http.exchange(url, body, token, bounds, may_repeat=may_repeat)
        self._check_cluster(answer)
        return answer

    async def _token(self, endpoint: _Endpoint, timeout_s: float) -> str:
        """Raises EndpointError (nothing of the request was sent), StoreUnavailableError (a wrong account)."""

        async def ask(body: Mapping[str, str]) -> Mapping[str, Any]:
            url = endpoint.url + "/v3/auth/authenticate"
            bounds = Bounds(timeout_s, timeout_s)
            return await self._http.exchange(url, body, "", bounds, may_repeat=True)

        try:
            async with asyncio.timeout(timeout_s):
                return await self._login.token(ask)
        except TimeoutError as error:
            raise EndpointError(f"no login within {timeout_s:.1f} s", is_sent=False) from error
        except (EndpointError, RefusedError) as error:
            raise EndpointError(f"logging in: {error}", is_sent=False) from error
        except NONSENSE as error:
            raise EndpointError("logging in: an answer without a token", is_sent=False) from error

    def _check_cluster(self, answer: Mapping[str, Any]) -> None:
        """Revisions of two clusters have nothing to do with each other, and so have their records."""
        try:
            cluster = str(answer["header"]["cluster_id"])
        except NONSENSE as error:
            raise EndpointError("the answer is not one of etcd's gateway", is_sent=True) from error
        now_s = self._clock.now_s()
        known, seen_at_s = self._cluster or (cluster, now_s)
        if cluster != known and now_s - seen_at_s < _CLUSTER_IS_GONE_S:
            raise EndpointError("it belongs to another cluster than the others", is_sent=True)
        self._cluster = (cluster, now_s)

    def _answered(self, endpoint: _Endpoint) -> None:
        endpoint.is_suspect = False
        endpoint.answered_at_s = self._clock.now_s()

    def _distrust(self, endpoint: _Endpoint) -> None:
        """It failed: the others come first from now on, and have to show that they are better."""
        endpoint.is_suspect = True
        for one in self._endpoints:
            one.answered_at_s = -math.inf
        self._endpoints = [one for one in self._endpoints if one is not endpoint] + [endpoint]

    def _unavailable(self, problems: Sequence[str]) -> StoreUnavailableError:
        return StoreUnavailableError(self._login.without_secrets(f"etcd: {'; '.join(problems)}"))


def _share_s(left_s: float, others: Sequence[_Endpoint]) -> float:
    """How long one member may take, so that time is left for the others that are worth asking.

    Those that failed are worth it only where no other is left, and count as one then.
    """
    good = sum(not one.is_suspect for one in others)
    return left_s / (1 + (good or bool(others)))
