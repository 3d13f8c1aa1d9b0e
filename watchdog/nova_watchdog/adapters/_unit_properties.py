"""systemd's D-Bus properties of a service as the core's words (org.freedesktop.systemd1(5))."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from nova_watchdog.core.model import ActiveState, LoadState, StopCause, UnitState
from nova_watchdog.ports import ProbeError

from ._stop_memory import NO_JOB, UnitChange

_UNIT_ROOT = "/org/freedesktop/systemd1/unit/"
# si_code of waitid(2), as ExecMainCode gives it.
_CLD_EXITED = 1
_CLD_KILLED = 2
_CLD_DUMPED = 3


def object_path(unit: str) -> str:
    """The D-Bus path of a unit, loaded or not: sd_bus_path_encode(3)."""
    encoded = "".join(
        char if char.isascii() and (char.isalpha() or (char.isdigit() and at > 0)) else _escape(char)
        for at, char in enumerate(unit)
    )
    return _UNIT_ROOT + encoded


def _escape(char: str) -> str:
    return "".join(f"_{byte:02x}" for byte in char.encode())


def unit_change(properties: Mapping[str, Any], before: UnitChange | None = None) -> UnitChange:
    """The properties that tell how a unit ends; what a signal leaves out is as it was `before`."""
    if before is None:
        before = UnitChange(ActiveState.INACTIVE, "", NO_JOB, 0)
    active = properties.get("ActiveState")
    invocation = properties.get("InvocationID")
    job = properties.get("Job")
    return UnitChange(
        active=before.active if active is None else _known_or_moving(active),
        invocation_id=before.invocation_id if invocation is None else bytes(invocation).hex(),
        job_id=before.job_id if job is None else int(job[0]),
        condition_checked_us=int(
            properties.get("ConditionTimestampMonotonic", before.condition_checked_us),
        ),
    )


def was_told_to_end(properties: Mapping[str, Any]) -> bool:
    """Whether systemd began to stop the unit's last run before its main process ended.

    That is how a stop looks afterwards, however badly it ended; of a process that ends by itself
    systemd learns later (seen with systemd 252). The watchdog and out-of-memory policies of the unit
    itself are no wish of anybody.
    """
    started_us, entered_us, left_us, exited_us = (
        int(properties.get(f"{name}TimestampMonotonic", 0))
        for name in ("ExecMainStart", "ActiveEnter", "ActiveExit", "ExecMainExit")
    )
    by_policy = properties.get("Result") in ("watchdog", "oom-kill")
    return not by_policy and started_us <= entered_us <= left_us < exited_us


def has_left_over(properties: Mapping[str, Any]) -> bool:
    """Whether a unit that is at rest has processes: else it has no control group (seen with systemd 252)."""
    return properties.get("ActiveState") in ("inactive", "failed") and bool(properties.get("ControlGroup"))


def unit_state(properties: Mapping[str, Any], *, job: str | None, stop_cause: StopCause) -> UnitState:
    """One `GetAll` of a service as a `UnitState`. Raises ProbeError when it is none (a timer, a target)."""
    try:
        return UnitState(
            load=_load(properties["LoadState"]),
            active=_active(properties["ActiveState"]),
            sub=str(properties["SubState"]),
            main_pid=int(properties["MainPID"]),
            result=str(properties["Result"]),
            detail=_detail(properties),
            job=job,
            started_at_s=int(properties["ExecMainStartTimestampMonotonic"]) / 1e6,
            changed_at_s=int(properties["StateChangeTimestampMonotonic"]) / 1e6,
            invocation_id=bytes(properties["InvocationID"]).hex(),
            stop_cause=stop_cause,
            left_over=has_left_over(properties),
        )
    except KeyError as error:
        raise ProbeError(f"systemd did not tell {error}: not a service?") from error


def _load(text: str) -> LoadState:
    try:
        return LoadState(text)
    except ValueError:
        return LoadState.OTHER


def _active(text: str) -> ActiveState:
    try:
        return ActiveState(text)
    except ValueError as error:
        raise ProbeError(f"systemd told an ActiveState unknown here: {text}") from error


def _known_or_moving(text: str) -> ActiveState:
    try:
        return ActiveState(text)
    except ValueError:
        # A newer systemd's. Whatever it means, it is neither of the two at rest without a process.
        return ActiveState.MAINTENANCE


def _detail(properties: Mapping[str, Any]) -> str:
    """How the main process ended, with systemd's own verdict where it says more."""
    code, status = int(properties["ExecMainCode"]), int(properties["ExecMainStatus"])
    result = str(properties["Result"])
    if code == _CLD_EXITED:
        end = f"exit-code={status}"
    elif code == _CLD_KILLED:
        end = f"signal={_signal_name(status)}"
    elif code == _CLD_DUMPED:
        end = f"core-dump={_signal_name(status)}"
    else:
        end = ""
    if result in ("success", "exit-code", "signal", "core-dump"):
        return end
    return f"result={result} {end}".rstrip()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)
