from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from nova_watchdog.telemetry.sockets import ControlSocket, ListenError, listen_tcp


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_name_that_does_not_resolve_is_told() -> None:
    """The address as it was written, and the resolver's reason."""
    with pytest.raises(ListenError, match=r"cannot listen on no-such-host\.invalid:9743: "):
        listen_tcp("no-such-host.invalid:9743")


def test_the_socket_appears_listening_with_its_final_mode(tmp_path: Path) -> None:
    """Before it is published nobody can find it; after that owner and group may use it, nobody else."""
    path = tmp_path / "control.sock"
    old = os.umask(0)
    try:
        control = ControlSocket.bind(path)
    finally:
        os.umask(old)
    assert not path.exists()
    control.publish()
    assert names(tmp_path) == ["control.sock"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    control.remove()
    control.sock.close()
    assert names(tmp_path) == []


def test_the_socket_of_a_dead_daemon_is_replaced(tmp_path: Path) -> None:
    """kill -9 leaves the file behind: nobody listens there, so the next daemon takes the name."""
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    control = ControlSocket.bind(path)
    control.publish()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    control.remove()
    control.sock.close()


def test_the_socket_of_a_live_daemon_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Two daemons on one controller must not happen: the second one is told."""
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(str(path))
        alive.listen()
        with pytest.raises(ListenError, match="another daemon answers there"):
            ControlSocket.bind(path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    assert names(tmp_path) == ["control.sock"]


def test_a_file_that_is_no_socket_is_refused_and_left_alone(tmp_path: Path) -> None:
    """A wrong path in the configuration must not cost a file."""
    path = tmp_path / "control.sock"
    path.write_text("precious")
    with pytest.raises(ListenError, match="exists and is not a socket"):
        ControlSocket.bind(path)
    assert path.read_text() == "precious"


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """The path and the reason are in the line."""
    with pytest.raises(ListenError, match=r"missing/control\.sock: No such file or directory"):
        ControlSocket.bind(tmp_path / "missing" / "control.sock")


def test_a_path_that_is_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    """The kernel allows 107 bytes; nothing is left behind."""
    with pytest.raises(ListenError, match="too long"):
        ControlSocket.bind(tmp_path / ("s" * 150))
    assert names(tmp_path) == []


def test_removing_leaves_the_socket_of_a_successor(tmp_path: Path) -> None:
    """A daemon that stops late must not take away the name its successor has taken."""
    path = tmp_path / "control.sock"
    first = ControlSocket.bind(path)
    first.publish()
    path.unlink()
    second = ControlSocket.bind(path)
    second.publish()
    first.remove()
    assert names(tmp_path) == ["control.sock"]
    second.remove()
    for control in (first, second):
        control.sock.close()
