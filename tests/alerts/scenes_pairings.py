"""Scenes of the alerts about a pairing that does not work. Steps are 15 s; a trouble begins at step 4."""

from __future__ import annotations

from alerts.scenes import JOB, PLACE, Controller, Kind, Labels, Scene

A: Labels = {"job": JOB, "pairing": "cluster-a", **PLACE}
DOWN_1: Labels = {"job": JOB, "instance": "ctl1:9743"}


def ctl1(
    *, lost_at: int | None = None, back_at: int | None = None, removed_at: int | None = None, **states: str
) -> Controller:
    """The controller on which nova-compute of cluster-a runs."""
    return Controller("ctl1", lost_at, back_at, removed_at).pairing(**states)


def ctl2(**states: str) -> Controller:
    """Another one, which may see something else."""
    return Controller("ctl2").pairing(**states)


def claimed(controller: Controller, claims: str) -> Controller:
    """It shares cluster-a with others."""
    return controller.states("nova_watchdog_hold", "claim", claims, pairing="cluster-a")


def lost(diagnosis: str, first: int, *, phase: str = "watching") -> tuple[Scene, ...]:
    """An alert of a diagnosis that fires from step `first` on, and goes on when the only witness is lost."""
    alone = Scene(
        Kind.LOSS,
        "the last view of the only controller counts on, and WatchdogDown says that it is gone",
        [ctl1(lost_at=first + 4, diagnosis=f"healthy*4 {diagnosis}", phase=phase)],
        quiet=[3],
        fires=[first, first + 3, first + 4, first + 5, first + 20],
        labels=[A],
        also=[(first + 12, "WatchdogDown", DOWN_1)],
    )
    missed = Scene(
        Kind.OTHER,
        "one scrape that fails does not end it",
        [ctl1(lost_at=first + 2, back_at=first + 3, diagnosis=f"healthy*4 {diagnosis}", phase=phase)],
        fires=[first, first + 1, first + 2, first + 3],
        labels=[A],
    )
    return alone, missed


def other_sees(diagnosis: str, first: int, other: str, *, phase: str = "watching") -> Scene:
    """Nothing fires while another controller sees it work."""
    return Scene(
        Kind.BEST,
        f"another controller sees it {other}",
        [ctl1(diagnosis=diagnosis, phase=phase), ctl2(diagnosis=other, phase="watching")],
        quiet=[first, first + 10, first + 40],
    )


PAIRING_DOWN = (
    Scene(
        Kind.FIRES,
        "90 s without a process, until it runs",
        [ctl1(diagnosis="healthy*4 process-down*20 healthy", phase="watching")],
        quiet=[9, 27],
        fires=[10, 26],
        labels=[A],
    ),
    Scene(
        Kind.BLIP,
        "a restart that takes moments",
        [ctl1(diagnosis="healthy*4 process-down*1 starting*2 healthy", phase="watching")],
        quiet=[4, 6, 8, 10, 12, 20],
    ),
    *lost("process-down", 10),
    Scene(
        Kind.LOSS,
        "its controller is gone, and another one sees that nobody runs it",
        [
            ctl1(lost_at=4, diagnosis="healthy", phase="watching"),
            ctl2(diagnosis="running-elsewhere*8 process-down", phase="new"),
        ],
        quiet=[8, 13],
        fires=[14, 30],
        labels=[A],
        also=[(12, "WatchdogDown", DOWN_1)],
    ),
    other_sees("process-down", 6, "healthy", phase="new"),
    other_sees("process-down", 6, "disabled-by-operator", phase="stopped"),
    Scene(
        Kind.BEST,
        "that another controller gets its reports is no proof that it works",
        [
            ctl1(diagnosis="healthy*4 vcenter-down", phase="watching"),
            ctl2(diagnosis="running-elsewhere", phase="new"),
        ],
        quiet=[9],
        fires=[10, 30],
        labels=[A],
    ),
    Scene(
        Kind.OTHER,
        "a process that dies again and again is down, whatever a single scrape shows",
        [ctl1(diagnosis="healthy*4 " + "process-down starting*2 " * 8 + "healthy", phase="watching")],
        quiet=[9, 31],
        fires=[10, 20, 27],
        labels=[A],
    ),
    Scene(
        Kind.OTHER,
        "waiting for a dependency is down too",
        [
            ctl1(
                diagnosis="healthy*4 process-down*3 waiting-for-dependency*10 healthy",
                phase="watching*7 waiting*10 watching",
            )
        ],
        quiet=[9, 20],
        fires=[10, 19],
        labels=[A],
    ),
    Scene(
        Kind.OTHER,
        "while the watchdog brings it back nobody is woken, for five minutes at most",
        [ctl1(diagnosis="healthy*4 process-down", phase="watching*4 recovering")],
        quiet=[10, 20, 29],
        fires=[30, 40],
        labels=[A],
    ),
    Scene(
        Kind.OTHER,
        "a pairing that somebody stopped is not down, whatever a standby sees",
        [
            ctl1(diagnosis="stopped-on-purpose", phase="stopped"),
            ctl2(diagnosis="process-down", phase="new"),
        ],
        quiet=[10, 20, 40],
    ),
    Scene(
        Kind.OTHER,
        "where it was once stopped does not hide that it is down where it belongs",
        [
            ctl1(diagnosis="healthy*4 process-down", phase="watching"),
            ctl2(diagnosis="running-elsewhere*8 stopped-on-purpose", phase="stopped"),
        ],
        quiet=[9],
        fires=[10, 30],
        labels=[A],
    ),
    Scene(
        Kind.OTHER,
        "the same account of siblings and controllers does not matter",
        [
            ctl1(diagnosis="process-down", phase="watching", account="nova-1@vsphere.local"),
            ctl2(diagnosis="healthy*20 process-down", phase="new", account="nova-2@vsphere.local"),
        ],
        quiet=[10, 25],
        fires=[26, 40],
        labels=[A],
    ),
    Scene(
        Kind.OTHER,
        "a refused login has an alert of its own",
        [ctl1(diagnosis="waiting-for-dependency", phase="waiting", vcenter_state="login-refused")],
        quiet=[10, 20, 40],
    ),
    Scene(
        Kind.OTHER,
        "a standby says nothing of it, also when its holder is not heard any more",
        [
            ctl1(lost_at=4, diagnosis="healthy", phase="watching"),
            claimed(ctl2(diagnosis="standby", phase="stopped"), "held"),
        ],
        quiet=[10, 20, 60],
    ),
    Scene(
        Kind.OTHER,
        "nobody holds it: what it was on the standbys before does not matter",
        [
            ctl1(lost_at=4, diagnosis="healthy", phase="watching"),
            claimed(
                ctl2(diagnosis="standby*6 not-held*20 healthy", phase="stopped"), "held*6 silent*20 mine"
            ),
        ],
        quiet=[11, 29],
        fires=[12, 25],
        labels=[A],
    ),
    Scene(
        Kind.OTHER,
        "a human stopped it, and then its holder went",
        [claimed(ctl2(diagnosis="standby*4 not-held", phase="new"), "held*4 stopped")],
        quiet=[10, 20, 60],
    ),
    Scene(
        Kind.OTHER,
        "a pairing that was taken out of the configuration is forgotten at once",
        [ctl1(diagnosis="process-down", phase="watching", removed_at=20)],
        quiet=[23, 30],
        fires=[10, 19],
        labels=[A],
    ),
)

BUDGET_SPENT = (
    Scene(
        Kind.FIRES,
        "given up, until somebody started it",
        [
            ctl1(
                diagnosis="process-down*20 starting*4 healthy",
                phase="recovering*4 given-up*16 recovering*5 watching",
            )
        ],
        quiet=[5, 30],
        fires=[6, 19, 26],
        labels=[A],
    ),
    Scene(
        Kind.BLIP,
        "somebody started it at once",
        [ctl1(diagnosis="process-down*5 healthy", phase="recovering*4 given-up watching")],
        quiet=[4, 5, 6, 10],
    ),
    Scene(
        Kind.LOSS,
        "the last view of the only controller counts on, and WatchdogDown says that it is gone",
        [ctl1(lost_at=10, diagnosis="process-down", phase="recovering*4 given-up")],
        quiet=[5],
        fires=[6, 10, 11, 60],
        labels=[A],
        also=[(16, "WatchdogDown", DOWN_1)],
    ),
    Scene(
        Kind.BEST,
        "another controller sees it healthy",
        [ctl1(diagnosis="process-down", phase="given-up"), ctl2(diagnosis="healthy", phase="watching")],
        quiet=[6, 20, 40],
    ),
)

PROCESS_HUNG = (
    Scene(
        Kind.FIRES,
        "a minute without an action, until it works again",
        [ctl1(diagnosis="healthy*4 process-hung*12 healthy", phase="watching")],
        quiet=[7, 26],
        fires=[8, 15, 22],
        labels=[A],
    ),
    Scene(
        Kind.BLIP,
        "the watchdog kills and starts it",
        [ctl1(diagnosis="healthy*4 process-hung process-down starting*2 healthy", phase="watching")],
        quiet=[4, 5, 8, 10, 20],
    ),
    *lost("process-hung", 8),
    other_sees("process-hung", 6, "healthy"),
)

NOT_REPORTING = (
    Scene(
        Kind.FIRES,
        "a minute without a heartbeat, until it reports",
        [ctl1(diagnosis="healthy*4 not-reporting*12 healthy", phase="watching")],
        quiet=[7, 26],
        fires=[8, 15, 22],
        labels=[A],
    ),
    Scene(
        Kind.BLIP,
        "one late heartbeat",
        [ctl1(diagnosis="healthy*4 not-reporting*2 healthy", phase="watching")],
        quiet=[4, 6, 8, 20],
    ),
    *lost("not-reporting", 8),
    other_sees("not-reporting", 6, "healthy"),
)

UNIT_STUCK = (
    Scene(
        Kind.FIRES,
        "ten minutes between two states",
        [ctl1(diagnosis="healthy*4 changing*50 healthy", phase="watching")],
        quiet=[43, 54],
        fires=[44, 53],
        labels=[A],
    ),
    Scene(
        Kind.BLIP,
        "a graceful stop of three minutes",
        [ctl1(diagnosis="healthy*4 changing*12 stopped-on-purpose", phase="watching*16 stopped")],
        quiet=[10, 20, 50],
    ),
    *lost("changing", 44),
    other_sees("changing", 44, "healthy"),
)

SCENES = {
    "PairingDown": PAIRING_DOWN,
    "BudgetSpent": BUDGET_SPENT,
    "ProcessHung": PROCESS_HUNG,
    "NotReporting": NOT_REPORTING,
    "UnitStuck": UNIT_STUCK,
}
