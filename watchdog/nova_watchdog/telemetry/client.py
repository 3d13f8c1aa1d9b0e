"""Asking the local daemon over its control socket."""

from __future__ import annotations

import errno
import json
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp

from nova_watchdog.telemetry.view import FORMAT
from nova_watchdog.telemetry.view_readings import Document

TIMEOUT_S = 5.0
# A pause waits until every pairing's loop has recorded it.
CHANGE_TIMEOUT_S = 30.0

_URL = "http://localhost/api/v1/"
_START_HINT = "start it with 'systemctl start nova-watchdog'"


class NoDaemonError(Exception):
    """The daemon gave no usable answer; the text is one line for a human."""


class RefusedError(Exception):
    """The daemon answers, and refuses; the text is one line that says what is allowed."""


class LostError(Exception):
    """The daemon was asked, and its answer broke off: what happened is not known. One line for a human."""


def path(*parts: str, **query: str) -> str:
    """A path of the API below its version, quoted."""
    joined = "/".join(quote(part, safe="") for part in parts)
    return f"{joined}?{urlencode(query)}" if query else joined


async def fetch(socket: Path, what: str) -> Document:
    """One document of the daemon behind the control socket. Raises NoDaemonError, RefusedError."""
    status, found = await _ask(socket, what, None, TIMEOUT_S)
    if status != _OK:
        raise RefusedError(_refusal(found))
    understood = found.get("format")
    if understood != FORMAT:
        raise NoDaemonError(
            f"the daemon at {socket} speaks format {understood}, this command format {FORMAT}: "
            "use the one of the same version"
        )
    return found


async def change(socket: Path, what: str, body: Mapping[str, Any]) -> Document:
    """Ask for a change. Returns what was done and what failed. Raises NoDaemonError, RefusedError."""
    _, found = await _ask(socket, what, body, CHANGE_TIMEOUT_S)
    if "done" not in found:
        raise RefusedError(_refusal(found))
    return found


async def follow(
    socket: Path, what: str, body: Mapping[str, Any], *, silence_s: float
) -> AsyncGenerator[Document, None]:
    """Ask for an operation: each phase as it happens, the result last.

    silence_s: how long may pass between two phases. Raises NoDaemonError, RefusedError, LostError.
    """
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_S, sock_read=silence_s)
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket)), timeout=timeout) as session,
            session.post(_URL + what, json=body) as response,
        ):
            if response.content_type != _LINES:
                found: Any = json.loads(await response.read())
                raise RefusedError(_refusal(found if isinstance(found, dict) else {}))
            async for line in response.content:
                yield dict(json.loads(line))
    except aiohttp.ClientConnectorError as error:
        raise NoDaemonError(_no_connection(socket, error.os_error)) from error
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError, TypeError) as error:
        raise LostError(f"the daemon's answer broke off ({type(error).__name__})") from error


_OK = 200
_LINES = "application/x-ndjson"


async def _ask(
    socket: Path, what: str, body: Mapping[str, Any] | None, timeout_s: float
) -> tuple[int, Document]:
    """Status and JSON object of one request: a POST where it has a body."""
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    method = "GET" if body is None else "POST"
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket)), timeout=timeout) as session,
            session.request(method, _URL + what, json=body) as response,
        ):
            text = await response.read()
            if not response.content_type.endswith("json"):
                response.raise_for_status()
            found: Any = json.loads(text)
    except aiohttp.ClientConnectorError as error:
        raise NoDaemonError(_no_connection(socket, error.os_error)) from error
    except TimeoutError as error:
        raise NoDaemonError(_no_answer(socket, timeout_s, changes=body is not None)) from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NoDaemonError(f"what answers at {socket} gave no status: {error}") from error
    return response.status, dict(found) if isinstance(found, dict) else {}


def _refusal(found: Document) -> str:
    allowed = f"; allowed: {found['allowed']}" if found.get("allowed") else ""
    return f"{found.get('error', 'the daemon refuses, and does not say why')}{allowed}"


def _no_answer(socket: Path, timeout_s: float, *, changes: bool) -> str:
    unknown = ": result unknown, 'nova-watchdog status' shows it" if changes else ""
    return f"the daemon at {socket} did not answer within {timeout_s:g} s{unknown}"


def _no_connection(socket: Path, error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{socket}: permission denied; be root or a member of the socket's group"
    return f"no daemon answers at {socket} ({error.strerror or error}); {_START_HINT}"
