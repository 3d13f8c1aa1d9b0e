"""What a unit's state becomes when it runs and ends, and why it may not be started or killed.

Shared by everything that plays systemd, so that all of them report a unit as the real one does.
"""

from __future__ import annotations

from dataclasses import replace

from nova_watchdog.core.model import ActiveState, LoadState, StopCause, UnitState

NEVER_STARTED = UnitState(
    load=LoadState.LOADED,
    active=ActiveState.INACTIVE,
    sub="dead",
    main_pid=0,
    result="success",
    detail="",
    job=None,
    started_at_s=0.0,
    changed_at_s=0.0,
    invocation_id="",
    stop_cause=StopCause.NEVER_RAN,
)
NOT_FOUND = replace(NEVER_STARTED, load=LoadState.NOT_FOUND)


def running(state: UnitState, now_s: float, pid: int, invocation_id: str) -> UnitState:
    """It was started (`Type=simple`)."""
    return replace(
        state,
        active=ActiveState.ACTIVE,
        sub="running",
        main_pid=pid,
        result="success",
        detail="",
        job=None,
        started_at_s=now_s,
        changed_at_s=now_s,
        invocation_id=invocation_id,
        stop_cause=StopCause.RUNNING,
    )


def ended(
    state: UnitState, now_s: float, active: ActiveState, result: str, detail: str, cause: StopCause
) -> UnitState:
    """Its last process is gone."""
    return replace(
        state,
        active=active,
        sub="dead" if active is ActiveState.INACTIVE else "failed",
        main_pid=0,
        result=result,
        detail=detail,
        job=None,
        changed_at_s=now_s,
        stop_cause=cause,
    )


def inferred(state: UnitState, *, told_to_end: bool) -> StopCause:
    """What a daemon concludes of a dead unit whose end it did not see.

    `told_to_end`: its timestamps show a stop before the end, however badly that went.
    """
    if state.started_at_s == 0:
        return StopCause.NEVER_RAN
    crashed = state.active is ActiveState.FAILED and not told_to_end
    return StopCause.BY_ITSELF if crashed else StopCause.FOREIGN_JOB


def obstacle_to_start(state: UnitState, expected_invocation: str) -> str | None:
    """Why it must not be started now, or None."""
    if state.load is not LoadState.LOADED:
        return f"systemd says the unit is {state.load.value}"
    if not state.is_down or state.has_process:
        return "it has a process or a job"
    if state.left_over:
        return "processes of its last run are left"
    if state.invocation_id != expected_invocation:
        return "it was started by somebody since it was last looked at"
    return None


def obstacle_to_kill(state: UnitState, expected_invocation: str) -> str | None:
    """Why its processes must not be killed now, or None."""
    if not state.runs or state.job is not None:
        return "it has no process or a job"
    if state.invocation_id != expected_invocation:
        return "it was started by somebody since it was last looked at"
    return None
