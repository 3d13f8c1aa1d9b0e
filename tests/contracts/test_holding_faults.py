"""What becomes of stops and deadlines where systemd refuses, stays silent, or shows something else."""

from __future__ import annotations

import asyncio
import time

import pytest
from dbus_fast import Message, MessageType, Variant

from contracts.stand_ins.systemd_bus import UNIT, SystemdStandIn
from contracts.waiting import PATIENCE_S, until
from nova_watchdog.adapters import _systemd_deadline, _systemd_stops
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.systemd import SystemdUnits
from nova_watchdog.ports import ActionRefusedError, DeadlineState, ProbeError, ResultUnknownError

pytestmark = pytest.mark.real

_ACCESS_DENIED = "org.freedesktop.DBus.Error.AccessDenied"
_NO_SUCH_UNIT = "org.freedesktop.systemd1.NoSuchUnit"
_SHORT_S = 0.1
_ORIGIN_US = 5_000_000


class _Systemd(SystemdStandIn):
    """Also lists units (`listed` is name to its sub state and its one time in us) and has a state itself."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: dict[str, tuple[str, int]] = {}
        self.system_state = "running"
        self.on_call["StartUnit"] = self._start

    def _start(self) -> None:
        """A timer waits for what its name says."""
        name = self.calls[-1][1]
        if name.endswith(".timer"):
            self.listed[name] = ("waiting", _ORIGIN_US + 1000 * int(name.split("@")[1].split(".")[0]))

    def _answer(self, message: Message) -> Message | bool | None:
        answer = super()._answer(message)
        if not isinstance(answer, Message) or answer.message_type is not MessageType.METHOD_RETURN:
            return answer
        if message.member == "StopUnit":
            self.listed.pop(message.body[0], None)
            return Message.new_method_return(message, "o", ["/org/freedesktop/systemd1/job/8"])
        if message.member == "ListUnitsByPatterns":
            units = [
                [name, "", "loaded", _active(sub), sub, "", f"/unit/{number}", 0, "", "/"]
                for number, (name, (sub, _)) in enumerate(self.listed.items())
            ]
            return Message.new_method_return(message, "a(ssssssouso)", [units])
        if message.member == "Get":
            return Message.new_method_return(message, "v", [self._property(message)])
        return answer

    def _property(self, message: Message) -> Variant:
        if message.body[1] == "UserspaceTimestampMonotonic":
            return Variant("t", _ORIGIN_US)
        if message.body[1] == "SystemState":
            return Variant("s", self.system_state)
        assert message.path is not None
        return Variant("t", list(self.listed.values())[int(message.path.rsplit("/", 1)[1])][1])


def _active(sub: str) -> str:
    return "inactive" if sub == "dead" else "active"


@pytest.fixture
async def stand_in(broker):
    made = _Systemd()
    await made.appear(broker.address)
    yield made
    made.vanish()


@pytest.fixture
async def units(broker, stand_in):  # noqa: ARG001 - the stand-in is there first
    made = SystemdUnits(SystemClock(), broker.address)
    made.subscribe(UNIT, lambda: None)
    await made.connect()
    yield made
    await made.close()


@pytest.fixture
def impatient(monkeypatch):
    for module in (_systemd_deadline, _systemd_stops):
        monkeypatch.setattr(module, "_CALL_TIMEOUT_S", _SHORT_S)


def _changes(stand_in):
    return [call[:2] for call in stand_in.calls if call[0] in ("StartUnit", "StopUnit", "KillUnit")]


# --- stops


@pytest.mark.parametrize("verb", ["stop", "kill_now"])
async def test_a_stop_that_is_not_allowed_says_what_to_look_at(units, stand_in, verb):
    """With the unit, and the rule that should name it."""
    stand_in.errors = {"StopUnit": _ACCESS_DENIED}
    with pytest.raises(ActionRefusedError, match=f"StopUnit of {UNIT}: .*does the polkit rule"):
        await getattr(units.stops(), verb)(UNIT)


@pytest.mark.usefixtures("impatient")
async def test_a_stop_without_an_answer_may_have_happened_and_the_kill_follows(units, stand_in):
    """The kill alone ends what runs."""
    stand_in.silent = {"StopUnit"}
    with pytest.raises(ResultUnknownError, match="no answer from systemd to StopUnit"):
        await units.stops().kill_now(UNIT)
    assert _changes(stand_in) == [("StopUnit", UNIT), ("KillUnit", UNIT)]


async def test_a_refused_kill_is_told(units, stand_in):
    """Although the stop was taken."""
    stand_in.errors = {"KillUnit": _ACCESS_DENIED}
    with pytest.raises(ActionRefusedError, match="KillUnit"):
        await units.stops().kill_now(UNIT)


async def test_what_is_not_loaded_is_dead(units, stand_in):
    """So it is no error."""
    stand_in.errors = {"StopUnit": _NO_SUCH_UNIT, "KillUnit": _NO_SUCH_UNIT}
    await units.stops().stop(UNIT)
    await units.stops().kill_now(UNIT)


@pytest.mark.usefixtures("impatient")
async def test_closing_waits_for_what_was_asked_for(units, stand_in):
    """The caller is gone, and the daemon with it: the kill goes out all the same."""
    stand_in.silent = {"StopUnit"}
    asked = asyncio.ensure_future(units.stops().kill_now(UNIT))
    await until(lambda: stand_in.called("StopUnit"))
    asked.cancel()
    await units.close()
    assert _changes(stand_in) == [("StopUnit", UNIT), ("KillUnit", UNIT)]


@pytest.mark.usefixtures("impatient")
async def test_haste_costs_no_connection(units, stand_in):
    """A systemd that is busy for seconds: a new connection would forget whose job it saw."""
    stand_in.silent = {"StopUnit", "ListUnitsByPatterns"}
    before = units._bus._bus
    for _ in range(4):
        with pytest.raises(ResultUnknownError):
            await units.stops().stop(UNIT)
        with pytest.raises(ProbeError):
            await units.deadline().read()
    assert units._bus.is_ready
    assert units._bus._bus is before


async def test_it_is_down_for_good_only_while_the_machine_shuts_down(units, stand_in):
    """And without a job, a process, or anything left over."""
    stops = units.stops()
    assert not await stops.is_down_for_good(UNIT)
    stand_in.system_state = "stopping"
    assert await stops.is_down_for_good(UNIT)
    for name, value in {
        "Job": Variant("(uo)", (3, "/job/3")),
        "ActiveState": Variant("s", "deactivating"),
        "MainPID": Variant("u", 7),
        "ControlGroup": Variant("s", "/system.slice/a"),
    }.items():
        before = dict(stand_in.properties)
        stand_in.properties[name] = value
        assert not await stops.is_down_for_good(UNIT), name
        stand_in.properties = before
    stand_in.errors = {"GetAll": _ACCESS_DENIED}
    with pytest.raises(ProbeError):
        await stops.is_down_for_good(UNIT)


# --- the deadline


async def test_arming_starts_the_next_one_before_it_stops_this_one(units, stand_in):
    """The instance is the moment in whole milliseconds since systemd's begin, cut."""
    deadline = units.deadline()
    await deadline.arm(20.0009)
    await deadline.arm(25.0)
    first, second = "nova-watchdog-deadline@15000.timer", "nova-watchdog-deadline@20000.timer"
    assert _changes(stand_in) == [("StartUnit", first), ("StartUnit", second), ("StopUnit", first)]
    assert await deadline.read() == DeadlineState(25.0, serving=False)


async def test_a_moment_before_systemds_begin_is_its_begin(units, stand_in):
    """There is no negative instance: it fires at once."""
    stand_in.on_call["StartUnit"] = lambda: stand_in.listed.update(
        {"nova-watchdog-deadline@0.timer": ("elapsed", 6_000_000)}
    )
    await units.deadline().arm(1.0)
    assert _changes(stand_in) == [("StartUnit", "nova-watchdog-deadline@0.timer")]


async def test_of_several_the_earliest_counts(units, stand_in):
    """One that could not be stopped fires first."""
    stand_in.listed = {
        "nova-watchdog-deadline@3.timer": ("waiting", 9_000_000),
        "nova-watchdog-deadline@2.timer": ("waiting", 8_000_000),
        "nova-watchdog-deadline@1.timer": ("elapsed", 7_000_000),
        "nova-watchdog-deadline@4.timer": ("dead", 0),
    }
    assert await units.deadline().read() == DeadlineState(8.0, serving=False, fired_at_s=7.0)


async def test_a_timer_that_has_just_fired_is_serving(units, stand_in):
    """Its service may not have begun yet."""
    stand_in.listed = {"nova-watchdog-deadline@1.timer": ("running", 7_000_000)}
    assert (await units.deadline().read()).serving


async def test_what_fires_while_it_is_read_has_not_served_already(units, stand_in):
    """It waits in the list, and has fired when it is asked for its time: the next reading tells."""
    stand_in.listed = {
        "nova-watchdog-deadline@1.timer": ("waiting", 8_000_000),
        "nova-watchdog-deadline.service": ("dead", 0),
    }
    fired = {
        "nova-watchdog-deadline@1.timer": ("running", 8_000_000),
        "nova-watchdog-deadline.service": ("start", 8_000_001),
    }
    gets = 0

    def fires():
        nonlocal gets
        gets += 1
        if gets == 2:  # after the timer's time, before the service's
            stand_in.listed = fired

    stand_in.on_call["Get"] = fires
    assert await units.deadline().read() == DeadlineState(None, serving=True, fired_at_s=8.000001)


async def test_timers_that_change_with_each_look_are_no_answer(units, stand_in):
    """It says so, and asks no longer."""

    def changes():
        stand_in.listed = {f"nova-watchdog-deadline@{len(stand_in.calls)}.timer": ("waiting", 8_000_000)}

    changes()
    stand_in.on_call["Get"] = changes
    with pytest.raises(ProbeError, match="change faster"):
        await units.deadline().read()


@pytest.mark.parametrize("sub", ["failed", "dead"])
async def test_a_timer_that_does_not_wait_is_not_armed_and_the_earlier_one_stays(
    units, stand_in, sub, monkeypatch
):
    """As after too many starts, which systemd does not tell."""
    monkeypatch.setattr(_systemd_deadline, "_LOOK_PAUSE_S", 0.001)
    stand_in.listed = {"nova-watchdog-deadline@1.timer": ("waiting", 8_000_000)}
    stand_in.on_call["StartUnit"] = lambda: stand_in.listed.update(
        {"nova-watchdog-deadline@15000.timer": (sub, 0)}
    )
    with pytest.raises(ActionRefusedError, match=rf"does not wait: it is {_active(sub)} \({sub}\)"):
        await units.deadline().arm(20.0)
    assert not stand_in.called("StopUnit")


async def test_a_timer_that_waits_for_too_late_is_not_armed(units, stand_in, monkeypatch):
    """Somebody changed its unit file."""
    monkeypatch.setattr(_systemd_deadline, "_LOOK_PAUSE_S", 0.001)
    stand_in.on_call["StartUnit"] = lambda: stand_in.listed.update(
        {"nova-watchdog-deadline@15000.timer": ("waiting", 20_000_001)}
    )
    with pytest.raises(ActionRefusedError, match=r"it waits until 20\.000, not 20\.000"):
        await units.deadline().arm(20.0)


async def test_a_timer_that_nobody_knows_is_not_armed(units, stand_in, monkeypatch):
    """The start was taken, and nothing came of it."""
    monkeypatch.setattr(_systemd_deadline, "_LOOK_PAUSE_S", 0.001)
    stand_in.on_call["StartUnit"] = lambda: None
    with pytest.raises(ActionRefusedError, match="systemd does not know it"):
        await units.deadline().arm(20.0)


async def test_a_moment_that_fired_at_once_is_taken_for_armed(units, stand_in):
    """What waited for later is stopped; reading it tells the rest."""
    stand_in.listed = {"nova-watchdog-deadline@90000.timer": ("waiting", 95_000_000)}
    stand_in.on_call["StartUnit"] = lambda: stand_in.listed.update(
        {"nova-watchdog-deadline@0.timer": ("elapsed", 6_000_000)}
    )
    await units.deadline().arm(1.0)
    assert await units.deadline().read() == DeadlineState(None, serving=False, fired_at_s=6.0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("member", "error"),
    [
        ("Get", ActionRefusedError),  # not sent yet
        ("StartUnit", ResultUnknownError),
        ("ListUnitsByPatterns", ResultUnknownError),
        ("StopUnit", ResultUnknownError),
    ],
)
async def test_a_silent_systemd_does_not_hold_up_the_daemon(units, stand_in, member, error):
    """Each call has its bound, and what is not known is not taken for armed."""
    stand_in.listed = {"nova-watchdog-deadline@1.timer": ("waiting", 8_000_000)}
    stand_in.silent = {member}
    began_s = time.monotonic()
    with pytest.raises(error):
        await units.deadline().arm(20.0)
    assert time.monotonic() - began_s < PATIENCE_S / 10


@pytest.mark.parametrize(
    ("member", "name", "error"),
    [
        ("StartUnit", _ACCESS_DENIED, "StartUnit of nova-watchdog-deadline@15000.timer: .*polkit"),
        ("StartUnit", _NO_SUCH_UNIT, "refuses StartUnit"),
        ("StopUnit", _ACCESS_DENIED, "StopUnit of nova-watchdog-deadline@1.timer: .*polkit"),
    ],
)
async def test_what_is_not_allowed_is_told(units, stand_in, member, name, error):
    """With the unit that it is about."""
    stand_in.listed = {"nova-watchdog-deadline@1.timer": ("waiting", 8_000_000)}
    stand_in.errors = {member: name}
    with pytest.raises(ActionRefusedError, match=error):
        await units.deadline().arm(20.0)


async def test_an_earlier_one_that_is_gone_by_itself_is_no_error(units, stand_in):
    """It need not be stopped any more."""
    stand_in.listed = {"nova-watchdog-deadline@1.timer": ("waiting", 8_000_000)}
    stand_in.errors = {"StopUnit": _NO_SUCH_UNIT}
    await units.deadline().arm(20.0)


async def test_timers_that_change_under_every_look_cannot_be_told(units, stand_in):
    """Listed as waiting, and fired before it is asked for its moment."""
    stand_in.listed = {"nova-watchdog-deadline@1.timer": ("waiting", 2**64 - 1)}
    with pytest.raises(ProbeError, match="change faster"):
        await units.deadline().read()


async def test_two_arms_at_once_are_one_after_the_other(units, stand_in):
    """The later call wins, and its timer is not stopped by the earlier one."""
    deadline = units.deadline()
    await asyncio.gather(deadline.arm(20.0), deadline.arm(30.0))
    assert await deadline.read() == DeadlineState(30.0, serving=False)
    assert [call[1] for call in stand_in.called("StopUnit")] == ["nova-watchdog-deadline@15000.timer"]
