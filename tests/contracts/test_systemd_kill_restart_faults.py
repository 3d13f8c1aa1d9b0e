"""What the systemd adapter makes of a kill or a restart that is refused, unanswered, or comes too late."""

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
_SIGKILL = 9
_BOTH = pytest.mark.parametrize(
    ("act", "method"), [(SystemdUnits.kill, "KillUnit"), (SystemdUnits.restart, "TryRestartUnit")]
)


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


async def test_a_kill_goes_to_every_process_right_after_a_look(units, stand_in):
    """Read, then killed: nothing in between."""
    await units.kill(UNIT, expected_invocation="ab")
    assert [call[0] for call in stand_in.calls][-2:] == ["GetAll", "KillUnit"]
    assert stand_in.called("KillUnit") == [("KillUnit", UNIT, "all", _SIGKILL)]


async def test_a_restart_starts_nothing_that_stopped_in_between(units, stand_in):
    """`TryRestartUnit`, right after a look, and never in the place of another job."""
    await units.restart(UNIT, expected_invocation="ab")
    assert [call[0] for call in stand_in.calls][-2:] == ["GetAll", "TryRestartUnit"]
    assert stand_in.called("TryRestartUnit") == [("TryRestartUnit", UNIT, "fail")]


@pytest.mark.parametrize("active", ["deactivating", "inactive", "failed", "maintenance"])
async def test_what_is_on_its_way_out_is_not_killed(units, stand_in, active):
    """systemd kills it by itself where it does not end in time."""
    stand_in.properties["ActiveState"] = Variant("s", active)
    with pytest.raises(ActionRefusedError, match=active):
        await units.kill(UNIT, expected_invocation="ab")
    assert stand_in.called("KillUnit") == []


@pytest.mark.parametrize("active", ["activating", "deactivating", "inactive", "failed", "maintenance"])
async def test_what_does_not_simply_run_is_not_restarted(units, stand_in, active):
    """A `try-restart` of it would do nothing, and say that it is done."""
    stand_in.properties["ActiveState"] = Variant("s", active)
    with pytest.raises(ActionRefusedError, match=f"not restarted: it is {active}"):
        await units.restart(UNIT, expected_invocation="ab")
    assert stand_in.called("TryRestartUnit") == []


@_BOTH
@pytest.mark.parametrize("error", ["AccessDenied", "InteractiveAuthorizationRequired"])
async def test_a_refusal_by_polkit_names_the_rule(units, stand_in, act, method, error):
    """The operator learns which file to look at."""
    stand_in.errors[method] = f"{_DBUS}.{error}"
    with pytest.raises(ActionRefusedError, match=rf"{method} of .*50-nova-watchdog\.rules"):
        await act(units, UNIT, expected_invocation="ab")


@_BOTH
@pytest.mark.parametrize("error", ["NoReply", "Timeout", "Disconnected"])
async def test_an_answer_that_the_bus_made_up_is_an_unknown_result(units, stand_in, act, method, error):
    """The call itself may have arrived."""
    stand_in.errors[method] = f"{_DBUS}.{error}"
    with pytest.raises(ResultUnknownError, match=method):
        await act(units, UNIT, expected_invocation="ab")


@_BOTH
async def test_no_answer_is_an_unknown_result(units, stand_in, monkeypatch, act, method):
    """It was sent, and may have happened."""
    stand_in.silent.add(method)
    monkeypatch.setattr(systemd, "_CALL_TIMEOUT_S", 2.0)
    with pytest.raises(ResultUnknownError, match=method):
        await act(units, UNIT, expected_invocation="ab")


@_BOTH
async def test_what_cannot_look_first_does_nothing(units, stand_in, act, method):
    """Without the state there is no telling whom it would hit."""
    stand_in.errors["GetAll"] = f"{_DBUS}.NoReply"
    with pytest.raises(ActionRefusedError, match="cannot be read"):
        await act(units, UNIT, expected_invocation="ab")
    assert stand_in.called(method) == []
