"""Who is at the other end of the control socket, by the kernel's word and not by the client's."""

from __future__ import annotations

import asyncio
import pwd
import socket
import struct
import threading
from contextlib import suppress

from nova_watchdog.core.kv import printable

# struct ucred: pid, uid, gid (unix(7)).
_UCRED = struct.Struct("iII")
_NAME_S = 2.0


class PeerGoneError(Exception):
    """The client closed the connection before it was asked who it is."""


async def peer_name(transport: asyncio.Transport | None) -> str:
    """The user's name, or "uid N" without one. Raises PeerGoneError.

    A directory of users may be on the network, and silent: it is asked in a thread that nobody waits for
    when the daemon ends.
    """
    sock = None if transport is None else transport.get_extra_info("socket")
    if sock is None:
        raise PeerGoneError("the client has gone")
    _, uid, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    name: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    threading.Thread(target=_look_up, args=(uid, name), name="user name", daemon=True).start()
    try:
        return await asyncio.wait_for(name, _NAME_S)
    except TimeoutError:
        return f"uid {uid}"


def _look_up(uid: int, name: asyncio.Future[str]) -> None:
    try:
        found = printable(pwd.getpwuid(uid).pw_name)
    except KeyError:
        found = f"uid {uid}"
    with suppress(RuntimeError):  # the loop is closed: nobody waits for it
        name.get_loop().call_soon_threadsafe(_tell, name, found)


def _tell(name: asyncio.Future[str], found: str) -> None:
    if not name.done():
        name.set_result(found)
