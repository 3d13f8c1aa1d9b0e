"""Answers that claim to be a list of services and are not quite."""

from __future__ import annotations

import json

import pytest

from contracts.nova_worlds import StandInWorld
from nova_watchdog.ports import ProbeError

_SERVICE = {
    "id": "1",
    "binary": "nova-compute",
    "host": "h",
    "state": "up",
    "status": "enabled",
    "disabled_reason": None,
    "forced_down": False,
    "updated_at": None,
}


@pytest.mark.parametrize("missing", sorted(set(_SERVICE) - {"updated_at"}))
async def test_a_service_that_lacks_a_field_is_a_failed_probe(tmp_path, missing):
    """Anything else would end the daemon, again and again, as long as Nova answers so."""
    world = await StandInWorld(tmp_path).open()
    try:
        service = {key: value for key, value in _SERVICE.items() if key != missing}
        world.server.body = json.dumps({"services": [service]})
        with pytest.raises(ProbeError, match="not a list of services"):
            await world.port.read()
    finally:
        await world.close()
