"""Errors of this machine that look like those of the other side."""

from __future__ import annotations

import errno
import socket

# No memory, buffers or file descriptors left here: that says nothing about the other side.
_LOCAL_ERRNOS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
_LOCAL_RESOLVER_ERRORS = frozenset({socket.EAI_MEMORY, socket.EAI_SYSTEM})


def is_local_fault(error: OSError) -> bool:
    """Whether this machine or this process could not even ask.

    A resolver that does not answer is none of them: vCenter is then unreachable from here, for
    nova-compute too.
    """
    if isinstance(error, socket.gaierror):
        return error.errno in _LOCAL_RESOLVER_ERRORS
    return error.errno in _LOCAL_ERRNOS
