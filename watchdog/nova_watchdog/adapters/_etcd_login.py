"""The token that etcd gives for a user and a password."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nova_watchdog.ports import Clock, StoreUnavailableError

from ._etcd_errors import RefusedError

# etcd spends a tenth of a second of CPU on each password: a refused one is not tried at each request.
_REFUSED_PAUSE_S = 10.0
_HIDDEN = "***"

Ask = Callable[[Mapping[str, str]], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Account:
    """A user of etcd. `password` is asked at each login: it may be rotated."""

    username: str
    password: Callable[[], str] = field(repr=False)


class Login:
    """One token for all requests, asked for when there is none."""

    def __init__(self, account: Account | None, clock: Clock) -> None:
        self._account = account
        self._clock = clock
        self._token: str | None = None
        self._turn = asyncio.Lock()
        self._refused: tuple[str, float, str] | None = None
        self._hidden: set[str] = set()

    @property
    def has_account(self) -> bool:
        """Whether a token could be asked for."""
        return self._account is not None

    @property
    def present(self) -> str:
        """The token that there is now, empty without one."""
        return self._token or ""

    async def token(self, ask: Ask) -> str:
        """The token; empty where none is needed. Raises StoreUnavailableError and what `ask` raises."""
        if self._account is None:
            return ""
        async with self._turn:
            if self._token is None:
                self._token = await self._log_in(self._account, ask)
            return self._token

    def forget(self, token: str) -> None:
        """etcd does not take that one any more."""
        if self._token == token:
            self._token = None

    def without_secrets(self, text: str) -> str:
        """The text as it may be shown."""
        for secret in self._hidden:
            text = text.replace(secret, _HIDDEN)
        return text

    async def _log_in(self, account: Account, ask: Ask) -> str:
        password, now_s = account.password(), self._clock.now_s()
        if self._refused is not None and self._refused[0] == password and now_s < self._refused[1]:
            raise StoreUnavailableError(self._refused[2])
        self._hidden |= {password} - {""}
        try:
            answer = await ask({"name": account.username, "password": password})
        except RefusedError as error:
            if error.is_without_accounts:
                return ""
            if not error.is_wrong_account:
                raise
            words = f'etcd refuses the user "{account.username}" or its password'
            self._refused = (password, now_s + _REFUSED_PAUSE_S, words)
            raise StoreUnavailableError(words) from error
        token = str(answer["token"])
        self._hidden |= {token} - {""}
        return token
