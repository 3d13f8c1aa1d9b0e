"""Calls of systemd whose errors are those of the ports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nova_watchdog.ports import ActionRefusedError, ProbeError, ResultUnknownError

from ._systemd_bus import (
    MANAGER,
    MANAGER_PATH,
    PROPERTIES,
    BusLostError,
    CallFailedError,
    CallTimeoutError,
    NotConnectedError,
    OnAnswer,
    SystemBus,
)

_NOT_ALLOWED = frozenset(
    {
        "org.freedesktop.DBus.Error.AccessDenied",
        "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
        "org.freedesktop.DBus.Error.AuthFailed",
    }
)
# Errors that the bus makes up when the answer is missing: the call itself may have arrived.
_NO_ANSWER = frozenset(
    {
        "org.freedesktop.DBus.Error.NoReply",
        "org.freedesktop.DBus.Error.Timeout",
        "org.freedesktop.DBus.Error.TimedOut",
        "org.freedesktop.DBus.Error.Disconnected",
    }
)
_NO_SUCH_UNIT = "org.freedesktop.systemd1.NoSuchUnit"
_POLKIT_HINT = (
    "systemd did not allow it: does the polkit rule (50-nova-watchdog.rules and the unit list of "
    "`nova-watchdog config polkit`) name this unit, and does this daemon run as the user it names?"
)


class NoSuchUnitError(ActionRefusedError):
    """systemd has no such unit loaded, so nothing of it runs or waits."""


async def act(
    bus: SystemBus,
    member: str,
    signature: str,
    *body: str | int,
    timeout_s: float,
    on_answer: OnAnswer | None = None,
    in_haste: bool = False,
) -> list[Any]:
    """Call a method of the manager that changes something. Raises ActionRefusedError, ResultUnknownError."""
    try:
        return await bus.call(
            MANAGER_PATH,
            MANAGER,
            member,
            signature,
            *body,
            timeout_s=timeout_s,
            on_answer=on_answer,
            in_haste=in_haste,
        )
    except NotConnectedError as error:
        raise ActionRefusedError(f"{member} was not sent: {error}") from error
    except (BusLostError, CallTimeoutError) as error:
        raise ResultUnknownError(str(error)) from error
    except CallFailedError as error:
        if error.name in _NO_ANSWER:
            raise ResultUnknownError(f"{member}: {error}") from error
        if error.name in _NOT_ALLOWED:
            raise ActionRefusedError(f"{member} of {body[0]}: {_POLKIT_HINT} ({error})") from error
        if error.name == _NO_SUCH_UNIT:
            raise NoSuchUnitError(f"{member} of {body[0]}: {error}") from error
        raise ActionRefusedError(f"{member} of {body[0]}: {error}") from error


async def ask(
    bus: SystemBus, path: str, interface: str, member: str, signature: str, *body: Any, timeout_s: float
) -> list[Any]:
    """Call a method that changes nothing, in haste. Raises ProbeError."""
    try:
        return await bus.call(path, interface, member, signature, *body, timeout_s=timeout_s, in_haste=True)
    except (BusLostError, CallTimeoutError, CallFailedError) as error:
        raise ProbeError(str(error)) from error


async def get(bus: SystemBus, path: str, interface: str, name: str, *, timeout_s: float) -> Any:
    """One property. Raises ProbeError."""
    answer = await ask(bus, path, PROPERTIES, "Get", "ss", interface, name, timeout_s=timeout_s)
    if not answer:
        raise ProbeError(f"systemd did not tell {name}")
    return answer[0].value


async def get_all(bus: SystemBus, path: str, *, timeout_s: float) -> Mapping[str, Any]:
    """Every property of every interface of a unit: one answer, so one moment. Raises ProbeError."""
    answer = await ask(bus, path, PROPERTIES, "GetAll", "s", "", timeout_s=timeout_s)
    return {name: value.value for name, value in answer[0].items()}
