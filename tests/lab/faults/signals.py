"""Signals through descriptors: to processes that may end at any time, and to no other ones."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def open_all(pids: Iterable[int]) -> list[int]:
    """A descriptor for each process; OSError if one is gone."""
    return [os.pidfd_open(pid) for pid in pids]


def send(descriptors: Iterable[int], number: signal.Signals) -> None:
    """Signal all that still live."""
    for descriptor in descriptors:
        with contextlib.suppress(ProcessLookupError):  # somebody ended it meanwhile
            signal.pidfd_send_signal(descriptor, number)


def close(descriptors: Iterable[int]) -> None:
    """Forget them."""
    for descriptor in descriptors:
        os.close(descriptor)


def freeze(pids: Iterable[int]) -> Callable[[], None]:
    """SIGSTOP to all; what is returned resumes them."""
    descriptors = open_all(pids)

    def thaw() -> None:
        send(descriptors, signal.SIGCONT)
        close(descriptors)

    send(descriptors, signal.SIGSTOP)
    return thaw
