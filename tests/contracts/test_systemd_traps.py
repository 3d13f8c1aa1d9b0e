"""Ways in which systemd's answers once misled the adapter, each told in its test."""

from __future__ import annotations

import asyncio

import pytest
from dbus_fast import Message, MessageType, Variant

from contracts.stand_ins.systemd_bus import UNIT, SystemdStandIn
from contracts.waiting import PATIENCE_S, until
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.systemd import SystemdUnits
from nova_watchdog.core.model import StopCause
from nova_watchdog.ports import ActionRefusedError, ProbeError

pytestmark = pytest.mark.real


class _Systemd(SystemdStandIn):
    """A stand-in that also tells the state of the whole system."""

    def __init__(self) -> None:
        super().__init__()
        self.system_state = "running"

    def _answer(self, message: Message) -> Message | bool | None:
        asked = message.message_type is MessageType.METHOD_CALL and message.member == "Get"
        if asked and message.body[1] == "SystemState":
            return Message.new_method_return(message, "v", [Variant("s", self.system_state)])
        return super()._answer(message)

    def times(self, *, active_until_us: int, exited_us: int) -> None:
        """When the run left `active`, and when its main process ended. It became active at 1.6 s."""
        self.properties |= {
            "ActiveEnterTimestampMonotonic": Variant("t", 1_600_000),
            "ActiveExitTimestampMonotonic": Variant("t", active_until_us),
            "ExecMainExitTimestampMonotonic": Variant("t", exited_us),
        }


@pytest.fixture
async def stand_in(broker):
    made = _Systemd()
    await made.appear(broker.address)
    yield made
    made.vanish()


async def _daemon(broker):
    made = SystemdUnits(SystemClock(), broker.address)
    made.subscribe(UNIT, lambda: None)
    await made.connect()
    return made


@pytest.fixture
async def units(broker, stand_in):  # noqa: ARG001 - the stand-in is there first
    made = await _daemon(broker)
    yield made
    await made.close()


async def test_a_stop_that_ended_badly_while_nobody_watched_is_somebodys_wish(units, stand_in):
    """systemctl stop, the process exits with 1 (or is killed after a timeout): failed, yet wanted.

    systemd leaves `active` before it signals the process, and after the process when that ends by itself.
    """
    stand_in.times(active_until_us=2_000_000, exited_us=2_400_000)
    assert (await units.read(UNIT)).stop_cause is StopCause.FOREIGN_JOB


async def test_a_crash_while_nobody_watched_is_a_crash(units, stand_in):
    """The process is gone before systemd notices."""
    stand_in.times(active_until_us=2_400_100, exited_us=2_400_000)
    assert (await units.read(UNIT)).stop_cause is StopCause.BY_ITSELF


@pytest.mark.parametrize("result", ["watchdog", "oom-kill"])
async def test_what_systemd_ended_for_its_fault_is_nobodys_wish(units, stand_in, result):
    """Then too systemd leaves `active` first."""
    stand_in.times(active_until_us=2_000_000, exited_us=2_400_000)
    stand_in.properties["Result"] = Variant("s", result)
    assert (await units.read(UNIT)).stop_cause is StopCause.BY_ITSELF


async def test_a_start_that_never_became_active_is_judged_by_its_own_times_alone(units, stand_in):
    """The times of `active` are those of an earlier run."""
    stand_in.times(active_until_us=1_700_000, exited_us=2_400_000)
    stand_in.properties["ExecMainStartTimestampMonotonic"] = Variant("t", 2_300_000)
    assert (await units.read(UNIT)).stop_cause is StopCause.BY_ITSELF


async def test_the_stop_of_a_shutdown_is_nobodys_wish(units, stand_in):
    """Taken as one it would be remembered over the reboot, and nobody would start nova-compute again."""
    stand_in.properties["ActiveState"] = Variant("s", "inactive")
    assert (await units.read(UNIT)).stop_cause is StopCause.FOREIGN_JOB
    stand_in.system_state = "stopping"
    with pytest.raises(ProbeError, match="shutting down"):
        await units.read(UNIT)


async def test_a_unit_with_processes_of_its_last_run_is_not_started(units, stand_in):
    """With KillMode=process a nova-compute can outlive the shell that systemd counts as the main process."""
    stand_in.properties["ControlGroup"] = Variant("s", "/system.slice/left.service")
    with pytest.raises(ActionRefusedError, match=r"left in /system\.slice/left\.service"):
        await units.start(UNIT, expected_invocation="ab")
    assert not stand_in.called("StartUnit")


async def test_an_alias_is_refused_with_the_units_own_name(units, stand_in):
    """systemd's signals speak of the own name alone: nobody would be woken when the process dies."""
    stand_in.properties["Id"] = Variant("s", "openstack-nova-compute.service")
    with pytest.raises(ProbeError, match=r"alias of openstack-nova-compute\.service"):
        await units.read(UNIT)


async def test_a_state_of_a_newer_systemd_does_not_blind_the_daemon_for_ever(broker, stand_in):
    """It is unknown as long as it lasts."""
    stand_in.properties["ActiveState"] = Variant("s", "refreshing")
    units = await _daemon(broker)
    try:
        with pytest.raises(ProbeError, match="refreshing"):
            await units.read(UNIT)
        stand_in.properties["ActiveState"] = Variant("s", "failed")
        assert (await units.read(UNIT)).stop_cause is StopCause.BY_ITSELF
    finally:
        await units.close()


async def test_an_error_nobody_foresaw_in_the_connections_keeper_reaches_the_reader(broker, stand_in):
    """It ends the daemon, and systemd starts it anew; swallowed, all would stay unknown for ever."""
    stand_in.properties["InvocationID"] = Variant("s", "not bytes")
    units = await _daemon(broker)
    keeper = units._bus._keeper
    assert keeper is not None
    await until(keeper.done)
    stand_in.properties["InvocationID"] = Variant("ay", b"")
    with pytest.raises(TypeError):
        await units.read(UNIT)
    await asyncio.wait_for(units.close(), PATIENCE_S)
