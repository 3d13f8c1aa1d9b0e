"""System calls that Python 3.11 does not offer: namespaces and the parent's death signal."""

from __future__ import annotations

import ctypes
import os
import signal

NEW_MOUNT_NAMESPACE = 0x00020000
NEW_UTS_NAMESPACE = 0x04000000
NEW_IPC_NAMESPACE = 0x08000000
NEW_PID_NAMESPACE = 0x20000000
NEW_NETWORK_NAMESPACE = 0x40000000
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Move the calling process (for a PID namespace: its future children) into new namespaces."""
    _check(_libc.unshare(flags), "unshare")


def set_namespace(descriptor: int, flag: int) -> None:
    """Move the calling thread into the namespace behind an open /proc/PID/ns/... file."""
    _check(_libc.setns(descriptor, flag), "setns")


def die_with_parent() -> None:
    """Let the kernel SIGKILL the caller when the thread that forked it ends."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
