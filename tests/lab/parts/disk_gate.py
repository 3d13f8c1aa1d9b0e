"""Runs a program whose disk can be frozen: while a file exists, nothing that it wants on disk gets there.

`python -m lab.parts.disk_gate FILE PROGRAM ARGUMENT...` becomes PROGRAM. Its fsync and fdatasync calls wait
in the kernel (seccomp's user notification) for a helper, which lets them go on unless FILE exists. Unlike
on a frozen file system a waiting thread can be killed, so a lab always ends.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import fcntl
import os
import select
import socket
import struct
import sys
from pathlib import Path
from typing import NoReturn

_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_FILTER_FLAG_NEW_LISTENER = 1 << 3
_SECCOMP_RET_ALLOW = 0x7FFF0000
_SECCOMP_RET_USER_NOTIF = 0x7FC00000
_SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # the only BPF instructions used
# Numbers of seccomp, fsync and fdatasync by machine; an answer is the request's id, value, error and flags.
_CALLS = {"x86_64": (317, 74, 75), "aarch64": (277, 82, 83)}
_NOTIFICATION_SIZE = 80
_ANSWER = struct.Struct("=QqiI")
_RECEIVE = 0xC0000000 | _NOTIFICATION_SIZE << 16 | ord("!") << 8
_SEND = 0xC0000000 | _ANSWER.size << 16 | ord("!") << 8 | 1
_POLL_MS = 10


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("yes", ctypes.c_ubyte),
        ("no", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction)))


def main() -> NoReturn:
    """Become the program; a forked helper answers for its disk and ends with it."""
    flag, command = Path(sys.argv[1]), sys.argv[2:]
    ours, helpers = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        _, descriptors, _, _ = socket.recv_fds(helpers, 1, 1)
        helpers.close()
        _answer_for_disk(descriptors[0], flag)
        os._exit(0)
    helpers.close()
    listener = _install_filter()
    socket.send_fds(ours, [b"x"], [listener])
    ours.close()
    os.close(listener)
    os.execvp(command[0], command)  # noqa: S606  it takes our place


def _install_filter() -> int:
    """Let every fsync and fdatasync of this process, and of what it becomes, ask the descriptor returned."""
    seccomp, fsync, fdatasync = _CALLS[os.uname().machine]
    instructions = (_Instruction * 5)(
        _Instruction(_LOAD, 0, 0, 0),  # the system call's number
        _Instruction(_JUMP_IF_EQUAL, 2, 0, fsync),
        _Instruction(_JUMP_IF_EQUAL, 1, 0, fdatasync),
        _Instruction(_RETURN, 0, 0, _SECCOMP_RET_ALLOW),
        _Instruction(_RETURN, 0, 0, _SECCOMP_RET_USER_NOTIF),
    )
    program = _Program(len(instructions), instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    listener: int = libc.syscall(
        seccomp, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_NEW_LISTENER, ctypes.byref(program)
    )
    if listener < 0:
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")
    return listener


def _answer_for_disk(listener: int, flag: Path) -> None:
    """Let calls go on, those of a frozen time when it is over, until the program has ended."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    held: list[int] = []
    while True:
        ready = poll.poll(_POLL_MS if held else None)
        if any(events & (select.POLLHUP | select.POLLERR) for _, events in ready):
            return
        if ready and (request := _receive(listener)) is not None:
            held.append(request)
        if held and not flag.exists():
            for request in held:
                _go_on(listener, request)
            held.clear()


def _receive(listener: int) -> int | None:
    """The id of a waiting call; None if its thread was killed meanwhile."""
    request = array.array("B", bytes(_NOTIFICATION_SIZE))
    try:
        fcntl.ioctl(listener, _RECEIVE, request)
    except FileNotFoundError:
        return None
    identifier: int = struct.unpack_from("=Q", request)[0]
    return identifier


def _go_on(listener: int, request: int) -> None:
    answer = array.array("B", _ANSWER.pack(request, 0, 0, _SECCOMP_USER_NOTIF_FLAG_CONTINUE))
    with contextlib.suppress(FileNotFoundError):  # killed meanwhile
        fcntl.ioctl(listener, _SEND, answer)


if __name__ == "__main__":
    main()
