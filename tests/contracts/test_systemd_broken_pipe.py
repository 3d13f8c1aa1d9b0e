"""A system bus that goes away under a write, as at each ordered shutdown of the machine."""

from __future__ import annotations

import asyncio
import gc
import socket

import pytest

from contracts.stand_ins.systemd_bus import UNIT, SystemdStandIn
from contracts.units_worlds import Wakes
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.systemd import SystemdUnits
from nova_watchdog.ports import ProbeError

pytestmark = pytest.mark.real


async def test_a_write_into_a_broken_pipe_is_told_once(broker):
    """By the read that failed. asyncio logs nothing beside it."""
    logged: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
    stand_in = SystemdStandIn()
    await stand_in.appear(broker.address)
    units = SystemdUnits(SystemClock(), broker.address)
    units.subscribe(UNIT, Wakes())
    await units.connect()
    await units.read(UNIT)
    connection = units._bus._bus
    assert connection is not None
    assert connection._sock is not None
    connection._sock.shutdown(socket.SHUT_WR)
    with pytest.raises(ProbeError, match="bus"):
        await units.read(UNIT)
    await units.close()
    stand_in.vanish()
    gc.collect()
    await asyncio.sleep(0)
    assert logged == [], logged
