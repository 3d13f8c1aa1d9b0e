"""The daemon's own status page, as any HTTP client sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.api.http import HttpError, json_request
from lab.controllers.daemon import HTTP_PORT

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

_TIMEOUT_S = 5.0


def status(address: str, connect: Callable[[str, int, float], socket.socket] | None = None) -> dict[str, Any]:
    """The status document of the daemon on the controller with that address; HttpError if it gives none."""
    url = f"http://{address}:{HTTP_PORT}/api/v1/status"
    document: dict[str, Any] = json_request("GET", url, timeout_s=_TIMEOUT_S, connect=connect).content
    return document


def unready(document: dict[str, Any], pairing: str, controllers: int) -> str:
    """Which other controllers could not take a pairing over, by its holder's status; empty if all could."""
    (found,) = (one for one in document["pairings"] if one["name"] == pairing)
    standbys = (found.get("hold") or {}).get("standbys", [])
    words = [f"{one['controller']}: {one['reason']}" for one in standbys if not one["ready"]]
    missing = controllers - 1 - len(standbys)
    return ", ".join(words) or (f"{missing} controllers are not seen" if missing else "")


def unhealthy(
    address: str, pairings: int, connect: Callable[[str, int, float], socket.socket] | None = None
) -> str:
    """What keeps the daemon from calling all its pairings healthy, for people; empty if nothing does."""
    try:
        document = status(address, connect)
    except HttpError as error:
        return str(error)
    if document["healthy"] and len(document["pairings"]) == pairings:
        return ""
    words = [f"{p['name']} {p['diagnosis']['word']}" for p in document["pairings"] if not p["healthy"]]
    return ", ".join(words) or f"{len(document['pairings'])} of {pairings} pairings looked at"
