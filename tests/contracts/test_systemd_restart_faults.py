"""What the systemd adapter makes of a restart that is refused, unanswered, or comes too late."""

from __future__ import annotations

import pytest
from dbus_fast import Variant

from contracts.stand_ins.systemd_bus import UNIT, SystemdStandIn
from contracts.units_worlds import Wakes
from contracts.waiting import PATIENCE_S
from nova_watchdog.adapters import systemd
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.systemd import SystemdUnits
from nova_watchdog.ports import ActionRefusedError, ResultUnknownError

pytestmark = pytest.mark.real

_DBUS = "org.freedesktop.DBus.Error"


@pytest.fixture
async def stand_in(broker):
    made = SystemdStandIn()
    made.properties |= {
        "ActiveState": Variant("s", "active"),
        "SubState": Variant("s", "running"),
        "MainPID": Variant("u", 77),
    }
    await made.appear(broker.address)
    yield made
    made.vanish()


@pytest.fixture
async def units(broker, stand_in, monkeypatch):  # noqa: ARG001 - the stand-in is there first
    monkeypatch.setattr(systemd, "_CALL_TIMEOUT_S", PATIENCE_S)
    made = SystemdUnits(SystemClock(), broker.address)
    made.subscribe(UNIT, Wakes())
    await made.connect()
    yield made
    await made.close()


async def test_a_restart_starts_nothing_that_stopped_in_between(units, stand_in):
    """`TryRestartUnit`, right after a look, and never in the place of another job."""
    await units.restart(UNIT, expected_invocation="ab")
    assert [call[0] for call in stand_in.calls][-2:] == ["GetAll", "TryRestartUnit"]
    assert stand_in.called("TryRestartUnit") == [("TryRestartUnit", UNIT, "fail")]


@pytest.mark.parametrize("active", ["activating", "deactivating", "inactive", "failed", "maintenance"])
async def test_what_does_not_simply_run_is_not_restarted(units, stand_in, active):
    """A `try-restart` of it would do nothing, and say that it is done."""
    stand_in.properties["ActiveState"] = Variant("s", active)
    with pytest.raises(ActionRefusedError, match=f"not restarted: it is {active}"):
        await units.restart(UNIT, expected_invocation="ab")
    assert stand_in.called("TryRestartUnit") == []


@pytest.mark.parametrize("error", ["AccessDenied", "InteractiveAuthorizationRequired"])
async def test_a_refusal_by_polkit_names_the_rule(units, stand_in, error):
    """The operator learns which file to look at."""
    stand_in.errors["TryRestartUnit"] = f"{_DBUS}.{error}"
    with pytest.raises(ActionRefusedError, match=r"TryRestartUnit of .*50-nova-watchdog\.rules"):
        await units.restart(UNIT, expected_invocation="ab")


@pytest.mark.parametrize("error", ["NoReply", "Timeout", "Disconnected"])
async def test_an_answer_that_the_bus_made_up_is_an_unknown_result(units, stand_in, error):
    """It may have arrived."""
    stand_in.errors["TryRestartUnit"] = f"{_DBUS}.{error}"
    with pytest.raises(ResultUnknownError, match="TryRestartUnit"):
        await units.restart(UNIT, expected_invocation="ab")


async def test_a_restart_that_cannot_look_first_does_nothing(units, stand_in):
    """Without the state there is no telling what it would end."""
    stand_in.errors["GetAll"] = f"{_DBUS}.NoReply"
    with pytest.raises(ActionRefusedError, match="cannot be read"):
        await units.restart(UNIT, expected_invocation="ab")
    assert stand_in.called("TryRestartUnit") == []
