"""Faults of this machine are not vCenter's."""

from __future__ import annotations

import errno
import resource
import socket

import pytest

from contracts.vcenter_worlds import SimulatorWorld
from fakes.clock import FakeClock
from nova_watchdog.adapters._vcenter_session import VCenterSession
from nova_watchdog.core.model import VCenterOutcome
from nova_watchdog.ports import ProbeError


class _Session(VCenterSession):
    """A session that cannot connect."""

    def __init__(self, error):
        super().__init__(
            "192.0.2.1",
            443,
            "u",
            lambda: "p",
            ("c",),
            ca_file=None,
            insecure=False,
            timeout_s=1,
            clock=FakeClock(),
        )
        self._error = error

    def _connect(self):
        raise self._error


_OURS = {
    "too many open files here": OSError(errno.EMFILE, "Too many open files"),
    "too many open files on the machine": OSError(errno.ENFILE, "Too many open files in system"),
    "no memory": OSError(errno.ENOMEM, "Cannot allocate memory"),
    "no buffers": OSError(errno.ENOBUFS, "No buffer space available"),
    "no memory for the resolver": socket.gaierror(socket.EAI_MEMORY, "Memory allocation failure"),
    "a system error of the resolver": socket.gaierror(socket.EAI_SYSTEM, "System error"),
}
_ON_THE_WAY = {
    "a name server that does not answer": socket.gaierror(socket.EAI_AGAIN, "Temporary failure"),
    "an unknown name": socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
    "no route": OSError(errno.EHOSTUNREACH, "No route to host"),
    "a firewall of ours": OSError(errno.EPERM, "Operation not permitted"),
}


@pytest.mark.parametrize("error", _OURS.values(), ids=_OURS.keys())
def test_a_machine_that_cannot_even_ask_knows_nothing_of_vcenter(error):
    """Unknown, with the reason; never "vCenter is down"."""
    with pytest.raises(ProbeError, match=f"no connection can be made here: {error.strerror}"):
        _Session(error).read()


@pytest.mark.parametrize("error", _ON_THE_WAY.values(), ids=_ON_THE_WAY.keys())
def test_a_way_that_is_cut_is_unreachable_from_here(error):
    """As it is for a nova-compute on the same machine."""
    view = _Session(error).read()
    assert view.outcome is VCenterOutcome.UNREACHABLE
    assert view.detail == error.strerror


@pytest.mark.lab
async def test_a_process_without_a_free_descriptor_knows_nothing_of_vcenter(vcenter):
    """The kernel itself says EMFILE, to the canary and to the inventory; with one free again all is well."""
    world = SimulatorWorld(vcenter)
    assert (await world.port.read()).outcome is VCenterOutcome.OK
    await world.port.inspect()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(ProbeError) as read:
            await world.port.read()
        with pytest.raises(ProbeError) as inspected:
            await world.port.inspect()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "Too many open files" in str(read.value)
    assert "Too many open files" in str(inspected.value)
    assert (await world.port.read()).outcome is VCenterOutcome.OK
    await world.close()
