"""The order in which the lab starts."""

from __future__ import annotations

import threading

import pytest

from lab.plan import Plan, StepFailedError


def _ignore(_step: str, _took_s: float) -> None:
    """A report nobody reads."""


def test_a_step_runs_after_those_it_needs() -> None:
    """Order is by need, not by the order of adding alone."""
    order: list[str] = []
    plan = Plan(_ignore)
    plan.add("database", lambda: order.append("database"))
    plan.add("api", lambda: order.append("api"), "database")
    plan.add("compute", lambda: order.append("compute"), "api", "database")
    plan.run()
    assert order == ["database", "api", "compute"]


def test_steps_that_do_not_need_each_other_run_at_the_same_time() -> None:
    """Each of two steps waits for the other to have started: one after the other would never end."""
    started = {"a": threading.Event(), "b": threading.Event()}

    def meet(own: str, other: str) -> None:
        started[own].set()
        assert started[other].wait(5.0)

    plan = Plan(_ignore)
    plan.add("a", lambda: meet("a", "b"))
    plan.add("b", lambda: meet("b", "a"))
    plan.run()


def test_nothing_new_starts_after_a_failure() -> None:
    """The error names the step, its cause is the step's own error."""

    def fail() -> None:
        raise RuntimeError("no disk")

    ran: list[str] = []
    plan = Plan(_ignore)
    plan.add("broken", fail)
    plan.add("later", lambda: ran.append("later"), "broken")
    with pytest.raises(StepFailedError, match="broken") as caught:
        plan.run()
    assert str(caught.value.__cause__) == "no disk"
    assert ran == []


def test_every_step_is_reported_once_with_its_duration() -> None:
    """What `up` prints."""
    reported: dict[str, float] = {}
    plan = Plan(lambda step, took_s: reported.update({step: took_s}))
    plan.add("a", lambda: None)
    plan.add("b", lambda: None, "a")
    plan.run()
    assert set(reported) == {"a", "b"}
    assert all(0 <= took_s < 5 for took_s in reported.values())


def test_a_step_that_needs_an_unknown_one_is_refused() -> None:
    """A misspelled need would otherwise wait for ever."""
    plan = Plan(_ignore)
    with pytest.raises(ValueError, match="nova-ap"):
        plan.add("daemon", lambda: None, "nova-ap")


def test_a_name_that_is_twice_is_refused() -> None:
    """The second step would hide the first."""
    plan = Plan(_ignore)
    plan.add("api", lambda: None)
    with pytest.raises(ValueError, match="twice"):
        plan.add("api", lambda: None)
