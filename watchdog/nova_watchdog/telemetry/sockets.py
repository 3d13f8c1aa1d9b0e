"""The sockets of the daemon: TCP, and the control socket that replaces a dead daemon's."""

from __future__ import annotations

import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nova_watchdog.ports import WatchdogError

# The owner and the group may talk to the daemon: who may open the socket may use it.
SOCKET_MODE = 0o660
_PROBE_S = 1.0
_BACKLOG = 64
_MAX_PORT = 65535


class ListenError(WatchdogError):
    """An address cannot be listened on, and the text says which and why."""


def listen_tcp(listen: str) -> socket.socket:
    """A listening TCP socket on "host:port" or "[v6]:port". Raises ListenError."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > _MAX_PORT:
        raise ListenError(f"cannot listen on {listen!r}: allowed is HOST:PORT or [IPV6]:PORT")
    try:
        found = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ListenError(f"cannot listen on {listen}: {error.strerror or error}") from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise ListenError(f"cannot listen on {listen}: {error.strerror or error}") from error
    return sock


@dataclass(slots=True)
class ControlSocket:
    """A unix socket that appears under its name only when it already listens with its final mode."""

    path: Path
    sock: socket.socket
    _hidden: Path
    _inode: int

    @classmethod
    def bind(cls, path: Path) -> ControlSocket:
        """Listen under a hidden name beside `path`. Raises ListenError, for a live daemon's socket too."""
        _refuse_if_taken(path)
        hidden = path.with_name(f".{path.name}.new")
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            hidden.unlink(missing_ok=True)
            sock.bind(str(hidden))
            hidden.chmod(SOCKET_MODE)
            sock.listen(_BACKLOG)
            inode = hidden.stat().st_ino
        except OSError as error:
            sock.close()
            with suppress(OSError):
                hidden.unlink(missing_ok=True)
            raise ListenError(f"cannot listen on {path}: {error.strerror or error}") from error
        return cls(path, sock, hidden, inode)

    def publish(self) -> None:
        """Give the socket its name, in one step. Raises ListenError."""
        try:
            self._hidden.replace(self.path)
        except OSError as error:
            raise ListenError(f"cannot listen on {self.path}: {error.strerror or error}") from error

    def remove(self) -> None:
        """Remove the names, unless another daemon's socket has taken the place meanwhile."""
        for name in (self._hidden, self.path):
            try:
                if name.lstat().st_ino == self._inode:
                    name.unlink()
            except OSError:
                continue  # gone already, or its directory is


def _refuse_if_taken(path: Path) -> None:
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise ListenError(f"cannot listen on {path}: {error.strerror or error}") from error
    if not stat.S_ISSOCK(kind):
        raise ListenError(f"cannot listen on {path}: it exists and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return  # left behind by a daemon that is dead
        except OSError as error:
            raise ListenError(f"cannot listen on {path}: {error.strerror or error}") from error
    raise ListenError(f"cannot listen on {path}: another daemon answers there")
