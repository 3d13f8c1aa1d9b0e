"""When a human's restart may go out, and what is told with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from nova_watchdog.core.breaker import Breaker
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.model import (
    ActiveState,
    Answer,
    BusOutcome,
    BusView,
    HostLoad,
    Mode,
    StopCause,
    VCenterOutcome,
    VCenterView,
)
from nova_watchdog.core.permission import Permission
from nova_watchdog.core.restart import invocation_of, warnings_of, why_not_restart
from telemetry import pictures
from telemetry.story import MISSING, RUNNING, Story, ended, pairing

HELD = Holding(Claim.MINE, until_s=1000.0, holder="ctl1", epoch=3)


def healthy(mode: Mode = Mode.PROTECT) -> Story:
    """Healthy at 30 s."""
    return pictures.healthy(mode=mode)


def why(story: Story, holding: Holding | None = None, *, now_s: float | None = None) -> str:
    return why_not_restart(story.shown(), holding, "ctl1", story.now_s if now_s is None else now_s)


def vcenter(outcome: VCenterOutcome, **clusters: str) -> Callable[[Story], None]:
    def apply(story: Story) -> None:
        story.vcenter = VCenterView(outcome, "x", "uuid-1", clusters)

    return apply


def bus(outcome: BusOutcome) -> Callable[[Story], None]:
    def apply(story: Story) -> None:
        story.bus = BusView(outcome, "x")

    return apply


def setting(**changes: object) -> Callable[[Story], None]:
    def apply(story: Story) -> None:
        for name, value in changes.items():
            setattr(story, name, value)

    return apply


@pytest.mark.parametrize("holding", [None, HELD])
def test_what_runs_with_all_that_it_needs_may_be_restarted(holding: Holding | None) -> None:
    """By a controller that is alone, and by the holder."""
    assert why(healthy(), holding) == ""


@pytest.mark.parametrize(
    ("breaks", "says"),
    [
        (vcenter(VCenterOutcome.UNREACHABLE), "vCenter is not reached from here"),
        (vcenter(VCenterOutcome.LOGIN_REFUSED), "another try may lock the account"),
        (vcenter(VCenterOutcome.OK, another="domain-c9"), "vCenter has no such cluster"),
        (setting(vcenter_unknown="no answer"), "vCenter gives no reading"),
        (bus(BusOutcome.UNREACHABLE), "the message bus is not reached from here"),
        (bus(BusOutcome.LOGIN_REFUSED), "or refuses the account"),
        (bus(BusOutcome.BLOCKED), "the message bus lets nobody publish"),
        (setting(bus_unknown="no answer"), "the message bus gives no reading"),
        (setting(services_unknown="no answer"), "Nova's API gives no answer"),
        (setting(conductors_up=0), "no conductor is up"),
        (setting(breaker=Breaker.SHARED), "suspect too: a shared cause"),
        (setting(breaker=Breaker.BUSY), "was acted upon a moment ago"),
        (setting(unit_unknown="no bus"), "systemd gives no answer about nova-compute@cluster-a.service"),
        (setting(unit=MISSING), "systemd has no nova-compute@cluster-a.service"),
        (setting(unit=ended(35.0)), "it is started by itself as soon as it may be"),
        (
            setting(unit=ended(35.0, cause=StopCause.FOREIGN_JOB)),
            "'systemctl start nova-compute@cluster-a.service' starts it again",
        ),
        (
            setting(unit=replace(RUNNING, active=ActiveState.DEACTIVATING, job="stop")),
            "systemd works on nova-compute@cluster-a.service already",
        ),
    ],
)
def test_what_a_restart_would_make_worse_is_refused(breaks: Callable[[Story], None], says: str) -> None:
    """What runs heals itself; a new process could not even start, or nobody would see it come back."""
    story = healthy()
    breaks(story)
    assert says in why(story.tick(36.0, beat=False))


def test_a_silent_conductor_refuses_it() -> None:
    """The API may still count conductors as up."""
    story = healthy()
    story.bus = BusView(BusOutcome.OK, "", Answer.UNANSWERED)
    for now_s in (31.0, 41.0, 51.0):
        story.tick(now_s)
    assert why(story) == "no conductor answers on the message bus"


def test_a_bus_that_nobody_knows_is_no_reason() -> None:
    """Nova's transport may be another one."""
    story = Story(replace(pairing(), bus=""), bus_unknown="names no RabbitMQ").healthy()
    assert why(story) == ""


def test_what_may_not_be_acted_upon_is_refused() -> None:
    """Only observed; without a record; not looked at for long."""
    assert "its mode is observe" in why(healthy(Mode.OBSERVE))
    shown = replace(healthy().shown(), permission=Permission.NO_RECORD)
    assert "the record of cluster-a cannot be read" in why_not_restart(shown, None, "ctl1", 30.0)
    assert why(healthy(), now_s=45.0) == "cluster-a was last looked at 15 s ago"


@pytest.mark.parametrize(
    ("holding", "says"),
    [
        (
            Holding(Claim.HELD, holder="ctl2", epoch=3),
            "ctl2 holds it; run there: 'nova-watchdog restart",
        ),
        (Holding(Claim.NOBODY), "cluster-a is not held here: nobody holds it"),
        (Holding(Claim.FREE, holder="ctl1", epoch=3), "nobody holds it"),
        (replace(HELD, until_s=None), "being given away, or the renewal of its hold is late"),
        (replace(HELD, until_s=30.5), "the renewal of its hold is late"),
    ],
)
def test_what_is_not_held_here_is_refused(holding: Holding, says: str) -> None:
    """With whoever could do it."""
    assert says in why(healthy(), holding)


@pytest.mark.parametrize(
    ("story", "says"),
    [(healthy().paused(900.0), "it is paused"), (healthy(), "a maintenance window is open")],
    ids=["paused", "maintenance"],
)
def test_a_human_goes_ahead_of_a_pause_and_of_a_window(story: Story, says: str) -> None:
    """They keep the daemon from acting, not people; it is said that the daemon does not watch over it."""
    if story.state.pause is None:
        story.window = "storage"
    story.tick(31.0)
    assert why(story) == ""
    assert [one for one in warnings_of(story.shown()) if says in one and "restarted all the same" in one]


def test_instances_that_are_being_built_are_counted() -> None:
    """A restart makes errors of them; what is not known is said, too."""
    story = healthy()
    assert warnings_of(story.shown()) == ()
    story.load = HostLoad(3, (), (70.0, 12.0))
    assert warnings_of(story.tick(31.0).shown()) == ("instances that are being built, and end in ERROR: 2",)
    story.nova_host = "another"
    assert warnings_of(story.tick(32.0).shown()) == ()
    story.workload_unknown = "no answer"
    assert "is not known" in warnings_of(story.tick(33.0).shown())[0]


def test_the_run_that_was_judged_is_the_one_to_restart() -> None:
    """None where systemd gave no answer."""
    story = healthy()
    assert invocation_of(story.shown()) == "a" * 32
    story.unit_unknown = "no bus"
    assert invocation_of(story.tick(31.0).shown()) == ""
