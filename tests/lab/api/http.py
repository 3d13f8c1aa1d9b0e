"""JSON over HTTP with the standard library, optionally through a socket made in another network namespace."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

DEFAULT_TIMEOUT_S = 20.0


class HttpError(Exception):
    """The server's refusal (status of 400 and above), or no answer at all (status 0)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"HTTP {status}: {message}" if status else message)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """Status, headers in lower case, and the decoded JSON (or the text, if it is none)."""

    status: int
    headers: Mapping[str, str]
    content: Any


def json_request(
    method: str,
    url: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    connect: Callable[[str, int, float], socket.socket] | None = None,
) -> Answer:
    """One request; `connect(host, port, timeout_s)` makes the socket if given. HttpError if it fails."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 80, timeout=timeout_s)
    data = None if body is None else json.dumps(body).encode()
    try:
        if connect is not None:
            connection.sock = connect(connection.host, connection.port, timeout_s)
        path = place.path + (f"?{place.query}" if place.query else "")
        connection.request(method, path or "/", data, {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        raw = response.read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise HttpError(0, f"{method} {url}: {type(error).__name__}: {error}") from error
    finally:
        connection.close()
    if response.status >= http.client.BAD_REQUEST:
        raise HttpError(response.status, f"{method} {url}: {raw[:500]}")
    is_json = "json" in (response.getheader("Content-Type") or "")
    return Answer(
        response.status,
        {key.lower(): value for key, value in response.getheaders()},
        json.loads(raw) if is_json and raw else raw,
    )
