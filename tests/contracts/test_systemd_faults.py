"""What the systemd adapter makes of refusals, silence and lost connections, on a broker of the test's own."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from dbus_fast import Variant

from contracts.stand_ins.systemd_bus import PATH, UNIT, SystemdStandIn
from contracts.units_worlds import Wakes
from contracts.waiting import PATIENCE_S, until
from nova_watchdog.adapters import _systemd_bus, systemd
from nova_watchdog.adapters._unit_properties import object_path
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.systemd import SystemdUnits
from nova_watchdog.core.model import ActiveState, StopCause
from nova_watchdog.ports import ActionRefusedError, ProbeError, ResultUnknownError

pytestmark = pytest.mark.real

_DBUS = "org.freedesktop.DBus.Error"
# How long a call waits where the test is about silence; where an answer is due, it waits long.
_SHORT_S = 0.3


@pytest.fixture
async def stand_in(broker):
    made = SystemdStandIn()
    await made.appear(broker.address)
    yield made
    made.vanish()


@pytest.fixture
async def wakes():
    return Wakes()


@pytest.fixture
async def units(broker, stand_in, wakes, monkeypatch):  # noqa: ARG001 - the stand-in is there first
    monkeypatch.setattr(systemd, "_CALL_TIMEOUT_S", PATIENCE_S)
    made = SystemdUnits(SystemClock(), broker.address)
    made.subscribe(UNIT, wakes)
    await made.connect()
    yield made
    await made.close()


@contextlib.contextmanager
def _impatient():
    """Calls are given up soon; the ping of a connection too, when it is opened meanwhile."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(systemd, "_CALL_TIMEOUT_S", _SHORT_S)
        yield


async def _eventually(read):
    """What `read` returns once it does not fail."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await read()
            except ProbeError:
                await asyncio.sleep(0.05)


async def _failure(read, reason):
    """Return once `read` fails for this reason: while the connection is made anew it may succeed."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await read()
            except ProbeError as error:
                if reason in str(error):
                    return
            await asyncio.sleep(0.01)


def test_object_paths_are_systemds():
    """As sd_bus_path_encode(3) has it."""
    assert object_path(UNIT) == PATH
    assert object_path("7zip.service").endswith("/_37zip_2eservice")
    assert object_path("nova-ü.service").endswith("/nova_2d_c3_bc_2eservice")


async def test_the_properties_become_the_cores_words(units):
    """Microseconds become seconds, bytes a hexadecimal id."""
    state = await units.read(UNIT)
    assert (state.active, state.sub, state.detail) == (ActiveState.FAILED, "failed", "signal=KILL")
    assert (state.started_at_s, state.changed_at_s, state.invocation_id) == (1.5, 2.5, "ab")
    assert state.stop_cause is StopCause.BY_ITSELF


@pytest.mark.parametrize(
    ("code", "status", "result", "detail"),
    [
        (1, 0, "success", "exit-code=0"),
        (1, 3, "exit-code", "exit-code=3"),
        (2, 15, "signal", "signal=TERM"),
        (3, 11, "core-dump", "core-dump=SEGV"),
        (2, 200, "signal", "signal=200"),
        (0, 0, "success", ""),
        (2, 9, "oom-kill", "result=oom-kill signal=KILL"),
        (0, 0, "start-limit-hit", "result=start-limit-hit"),
    ],
)
async def test_how_the_process_ended_is_told(units, stand_in, code, status, result, detail):
    """For people: exit code, signal, core dump, and systemd's verdict where it says more."""
    stand_in.properties |= {
        "ExecMainCode": Variant("i", code),
        "ExecMainStatus": Variant("i", status),
        "Result": Variant("s", result),
    }
    assert (await units.read(UNIT)).detail == detail


@pytest.mark.parametrize("missing", ["Job", "MainPID", "LoadState"])
async def test_a_unit_that_is_no_service_is_a_failed_probe(units, stand_in, missing):
    """A timer has no main process."""
    del stand_in.properties[missing]
    with pytest.raises(ProbeError, match=missing):
        await units.read(UNIT)


async def test_an_unknown_active_state_is_a_failed_probe(units, stand_in):
    """A newer systemd may have more of them: better no verdict than a wrong one."""
    stand_in.properties["ActiveState"] = Variant("s", "pondering")
    with pytest.raises(ProbeError, match="pondering"):
        await units.read(UNIT)


def _actions(stand_in):
    return [call for call in stand_in.calls if call[0] in ("StartUnit", "ResetFailedUnit")]


async def test_a_start_goes_out_in_mode_fail(units, stand_in):
    """It never replaces somebody else's job."""
    stand_in.properties["ActiveState"] = Variant("s", "inactive")
    await units.start(UNIT, expected_invocation="ab")
    assert _actions(stand_in) == [("StartUnit", UNIT, "fail")]


async def test_a_start_of_a_failed_unit_resets_its_start_limit_first(units, stand_in):
    """systemd would refuse it otherwise, and not say so."""
    await units.start(UNIT, expected_invocation="ab")
    assert _actions(stand_in) == [("ResetFailedUnit", UNIT), ("StartUnit", UNIT, "fail")]


@pytest.mark.parametrize("error", ["AccessDenied", "InteractiveAuthorizationRequired"])
async def test_a_refusal_by_polkit_names_the_rule(units, stand_in, error):
    """The likely cause is the remedy."""
    stand_in.errors["StartUnit"] = f"{_DBUS}.{error}"
    with pytest.raises(ActionRefusedError, match="polkit rule"):
        await units.start(UNIT, expected_invocation="ab")


async def test_any_other_error_of_systemd_is_a_refusal(units, stand_in):
    """It answered, so nothing was queued."""
    stand_in.errors["StartUnit"] = "org.freedesktop.systemd1.TransactionIsDestructive"
    with pytest.raises(ActionRefusedError, match="TransactionIsDestructive"):
        await units.start(UNIT, expected_invocation="ab")


async def test_a_start_without_an_answer_is_an_unknown_result(units, stand_in):
    """It may have been queued."""
    stand_in.silent.add("StartUnit")
    with pytest.MonkeyPatch.context() as patched:
        # The call before it must be answered, however long that takes.
        stand_in.on_call["ResetFailedUnit"] = lambda: patched.setattr(systemd, "_CALL_TIMEOUT_S", _SHORT_S)
        with pytest.raises(ResultUnknownError, match="StartUnit"):
            await units.start(UNIT, expected_invocation="ab")


async def test_a_start_whose_caller_the_broker_lost_is_an_unknown_result(units, stand_in):
    """The broker makes up an error when systemd leaves the bus with the call in its hands."""
    stand_in.silent.add("StartUnit")
    starting = asyncio.ensure_future(units.start(UNIT, expected_invocation="ab"))
    await until(lambda: stand_in.called("StartUnit"))
    stand_in.vanish()
    with pytest.raises(ResultUnknownError):
        await starting


async def test_a_start_that_cannot_look_first_does_nothing(units, stand_in):
    """Without the unit's state there is no start."""
    stand_in.silent.add("GetAll")
    with _impatient(), pytest.raises(ActionRefusedError, match="state cannot be read"):
        await units.start(UNIT, expected_invocation="ab")
    assert stand_in.called("StartUnit") == []


async def test_a_silent_systemd_is_a_failed_probe_within_its_deadline(units, stand_in):
    """PID 1 that is busy for long."""
    stand_in.silent.add("GetAll")
    async with asyncio.timeout(PATIENCE_S / 2):  # the silence itself has no end
        with _impatient(), pytest.raises(ProbeError, match=f"no answer from systemd .* in {_SHORT_S} s"):
            await units.read(UNIT)


async def test_systemd_that_stays_silent_gets_a_new_connection(units, stand_in, wakes):
    """After three calls without an answer, so that nothing piles up; it works again when answers come."""
    stand_in.silent.add("GetAll")
    wakes.count = 0
    with _impatient():
        for _ in range(4):
            with pytest.raises(ProbeError):
                await units.read(UNIT)
        await until(lambda: wakes.count > 0)
        stand_in.silent.clear()
    assert (await _eventually(lambda: units.read(UNIT))).active is ActiveState.FAILED
    await until(lambda: len(stand_in.called("Subscribe")) >= 2)


async def test_a_frozen_bus_is_noticed_without_any_read(units, stand_in, wakes, monkeypatch):
    """Silence would otherwise look like a unit to which nothing happens. No unit is polled for it."""
    monkeypatch.setattr(_systemd_bus, "_PING_INTERVAL_S", 0.05)
    await units.close()
    await units.connect()
    reads = len(stand_in.called("GetAll"))
    wakes.count = 0
    await until(lambda: len(stand_in.called("Ping")) > 2)
    assert (wakes.count, len(stand_in.called("GetAll"))) == (0, reads)
    await units.close()
    with _impatient():  # its pings are given up soon
        await units.connect()
        await until(lambda: units._bus.is_ready)
        reads = len(stand_in.called("GetAll"))
        stand_in.silent |= {"Ping", "Subscribe"}
        wakes.count = 0
        await until(lambda: wakes.count > 0)
        assert len(stand_in.called("GetAll")) == reads
        await _failure(lambda: units.read(UNIT), "bus")
    stand_in.silent.clear()
    assert (await _eventually(lambda: units.read(UNIT))).active is ActiveState.FAILED


async def test_one_late_answer_costs_no_connection(units, stand_in):
    """A daemon-reload can take longer than a call may: what was seen must not be forgotten for it."""
    stand_in.silent.add("GetAll")
    with _impatient(), pytest.raises(ProbeError):
        await units.read(UNIT)
    stand_in.silent.clear()
    await units.read(UNIT)
    assert len(stand_in.called("Subscribe")) == 1


async def test_a_broker_that_dies_is_found_again(units, stand_in, broker, wakes):
    """Woken when it is lost, failed probes meanwhile, subscribed again and woken when it is back."""
    await units.read(UNIT)
    wakes.count = 0
    await broker.stop()
    await _failure(lambda: units.read(UNIT), "bus")
    await until(lambda: wakes.count > 0)
    stand_in.vanish()
    wakes.count = 0
    await broker.start()
    await stand_in.appear(broker.address)
    assert (await _eventually(lambda: units.read(UNIT))).active is ActiveState.FAILED
    await until(lambda: wakes.count > 0)


async def test_systemd_that_is_executed_anew_is_subscribed_to_again(units, stand_in, broker):
    """`systemctl daemon-reexec`: it leaves the bus and comes back, and remembers no subscriber."""
    before = len(stand_in.called("Subscribe"))
    stand_in.vanish()
    await stand_in.appear(broker.address)
    assert (await _eventually(lambda: units.read(UNIT))).active is ActiveState.FAILED
    await until(lambda: len(stand_in.called("Subscribe")) > before)


async def test_a_bus_that_is_not_there_yet_is_waited_for(broker, stand_in):
    """`connect` does not fail and does not hang; the daemon starts and says what is missing."""
    stand_in.vanish()
    await broker.stop()
    units = SystemdUnits(SystemClock(), broker.address)
    units.subscribe(UNIT, Wakes())
    async with asyncio.timeout(PATIENCE_S):
        with _impatient():
            await units.connect()
    await _failure(lambda: units.read(UNIT), "cannot connect to the system bus")
    await broker.start()
    await stand_in.appear(broker.address)
    assert (await _eventually(lambda: units.read(UNIT))).active is ActiveState.FAILED
    await units.close()


async def test_a_closed_adapter_says_so(units):
    """After `close` nothing is read."""
    await units.close()
    with pytest.raises(ProbeError, match="closed"):
        await units.read(UNIT)


async def test_a_unit_subscribed_to_later_is_watched_too(units, stand_in):
    """A reload of the configuration may add a pairing."""
    late = Wakes()
    units.subscribe("late.service", late)
    await _eventually(lambda: units.read(UNIT))
    await until(lambda: late.count > 0)
    assert ("GetAll", "") in stand_in.calls
