"""Scenes of the alerts about a pairing that works in a way, or is kept from it. Trouble begins at step 4."""

from __future__ import annotations

from alerts.scenes import JOB, Kind, Labels, Scene
from alerts.scenes_pairings import DOWN_1, A, claimed, ctl1, ctl2, lost

TWO: Labels = {"job": JOB, "pairing": "cluster-a"}

DUPLICATE = (
    Scene(
        Kind.FIRES,
        "its unit runs on two controllers",
        [
            ctl1(diagnosis="healthy", unit_state="up"),
            ctl2(
                diagnosis="running-elsewhere*4 healthy*12 running-elsewhere", unit_state="down*4 up*12 down"
            ),
        ],
        quiet=[7, 19],
        fires=[8, 18],
        labels=[TWO],
    ),
    Scene(
        Kind.FIRES,
        "two consumers on its queue, one of an unknown place",
        [ctl1(diagnosis="degraded", concern="none*4 two-consumers*12 none")],
        quiet=[7, 16],
        fires=[8, 15],
        labels=[TWO],
    ),
    Scene(
        Kind.BLIP,
        "somebody moves it, and starts there a moment before it has ended here",
        [
            ctl1(diagnosis="healthy*6 running-elsewhere", unit_state="up*6 down"),
            ctl2(diagnosis="running-elsewhere*5 healthy", unit_state="down*5 up"),
        ],
        quiet=[5, 6, 8, 9, 20],
    ),
    Scene(
        Kind.LOSS,
        "both see two consumers, one of them is lost",
        [
            ctl1(lost_at=12, diagnosis="degraded", concern="none*4 two-consumers"),
            ctl2(diagnosis="running-elsewhere", concern="none*4 two-consumers"),
        ],
        fires=[8, 12, 13, 40],
        labels=[TWO],
    ),
    Scene(
        Kind.BEST,
        "a controller on which it does not run is not a second one",
        [ctl1(diagnosis="healthy", unit_state="up"), ctl2(diagnosis="running-elsewhere", unit_state="down")],
        quiet=[8, 20, 40],
    ),
)

STUCK_DISABLED = (
    Scene(
        Kind.FIRES,
        "two minutes, until it is enabled",
        [ctl1(diagnosis="healthy", service_state="enabled*4 stuck-disabled*12 enabled")],
        quiet=[11, 16],
        fires=[12, 15],
        labels=[A],
    ),
    Scene(
        Kind.BLIP,
        "the watchdog enables it",
        [ctl1(diagnosis="healthy", service_state="enabled*4 stuck-disabled*3 enabled")],
        quiet=[6, 8, 12, 20],
    ),
    Scene(
        Kind.LOSS,
        "its controller is gone, another one reads the same from Nova",
        [
            ctl1(lost_at=14, diagnosis="stuck-disabled", service_state="enabled*4 stuck-disabled"),
            ctl2(diagnosis="running-elsewhere", service_state="enabled*4 stuck-disabled"),
        ],
        quiet=[11],
        fires=[12, 14, 15, 40],
        labels=[A],
    ),
    Scene(
        Kind.LOSS,
        "the last view of the only controller counts on, for an hour",
        [ctl1(lost_at=14, diagnosis="stuck-disabled", service_state="enabled*4 stuck-disabled")],
        fires=[12, 14, 15, 250],
        quiet=[260],
        labels=[A],
        also=[(20, "WatchdogDown", DOWN_1)],
    ),
)

STOPPED_ON_PURPOSE = (
    Scene(
        Kind.FIRES,
        "ten minutes, until somebody starts it",
        [ctl1(diagnosis="healthy*4 stopped-on-purpose*50 healthy", phase="watching*4 stopped*50 watching")],
        quiet=[43, 54],
        fires=[44, 53],
        labels=[A],
    ),
    Scene(
        Kind.BLIP,
        "somebody restarts it by hand",
        [ctl1(diagnosis="healthy*4 stopped-on-purpose*8 healthy", phase="watching*4 stopped*8 watching")],
        quiet=[10, 20, 50],
    ),
    Scene(
        Kind.LOSS,
        "the last view of the only controller counts on, and WatchdogDown says that it is gone",
        [ctl1(lost_at=46, diagnosis="healthy*4 stopped-on-purpose", phase="watching*4 stopped")],
        quiet=[43],
        fires=[44, 46, 47, 100],
        labels=[A],
        also=[(52, "WatchdogDown", DOWN_1)],
    ),
    Scene(
        Kind.BEST,
        "somebody moved it to another controller",
        [ctl1(diagnosis="running-elsewhere", phase="stopped"), ctl2(diagnosis="healthy", phase="watching")],
        quiet=[44, 60],
    ),
    Scene(
        Kind.OTHER,
        "on its holder, while another controller stands by",
        [
            claimed(ctl1(diagnosis="healthy*4 stopped-on-purpose", phase="watching*4 stopped"), "mine"),
            claimed(ctl2(diagnosis="standby", phase="new"), "held"),
        ],
        quiet=[43],
        fires=[44, 60],
        labels=[A],
    ),
    Scene(
        Kind.OTHER,
        "its holder is gone since, and nobody starts it",
        [claimed(ctl2(diagnosis="standby*4 not-held", phase="new"), "held*4 stopped")],
        quiet=[43],
        fires=[44, 60],
        labels=[A],
    ),
    Scene(
        Kind.OTHER,
        "what was stopped long ago on a controller that stands by now",
        [
            claimed(ctl1(diagnosis="process-down", phase="watching"), "mine"),
            claimed(ctl2(diagnosis="standby", phase="stopped"), "held"),
        ],
        quiet=[44, 60],
    ),
)

PAIRING_DEGRADED = (
    Scene(
        Kind.FIRES,
        "ten minutes without answers to pings, until it answers",
        [ctl1(diagnosis="healthy*4 unresponsive*30 degraded*20 healthy", phase="watching")],
        quiet=[43, 54],
        fires=[44, 53],
        labels=[A],
    ),
    Scene(
        Kind.BLIP,
        "a busy minute",
        [ctl1(diagnosis="healthy*4 unresponsive*4 healthy", phase="watching")],
        quiet=[6, 8, 44],
    ),
    *lost("degraded", 44),
    Scene(
        Kind.BEST,
        "it runs where another controller sees it healthy",
        [ctl1(diagnosis="running-elsewhere", phase="new"), ctl2(diagnosis="healthy", phase="watching")],
        quiet=[44, 60],
    ),
    Scene(
        Kind.OTHER,
        "it runs where no watchdog looks",
        [
            ctl1(diagnosis="running-elsewhere", phase="new"),
            ctl2(diagnosis="healthy*4 running-elsewhere", phase="watching"),
        ],
        quiet=[43],
        fires=[44, 60],
        labels=[A],
    ),
    Scene(
        Kind.OTHER,
        "what an operator disabled is not degraded",
        [
            ctl1(diagnosis="disabled-by-operator", phase="watching"),
            ctl2(diagnosis="running-elsewhere", phase="new"),
        ],
        quiet=[44, 60],
    ),
)

STARTED = {"pairing": "cluster-a", "rule": "R39", "action": "start", "outcome": "done"}

RESTART_LOOP = (
    Scene(
        Kind.FIRES,
        "two starts within half an hour, until they are long ago",
        [ctl1(phase="watching").value("nova_watchdog_actions_total", "0*4 1*8 2", **STARTED)],
        quiet=[5, 11, 13, 135],
        fires=[14, 100],
        labels=[A],
    ),
    Scene(
        Kind.FIRES,
        "it came and went three times, and the watchdog only looks",
        [ctl1(phase="watching", unit_state="up*4 " + "down*2 up*8 " * 3 + "up")],
        quiet=[5, 26, 160],
        fires=[35, 100],
        labels=[A],
    ),
    Scene(
        Kind.BLIP,
        "one start",
        [ctl1(phase="watching").value("nova_watchdog_actions_total", "0*4 1", **STARTED)],
        quiet=[4, 6, 20, 100],
    ),
    Scene(
        Kind.LOSS,
        "the starts of a controller that is gone count on",
        [ctl1(lost_at=16, phase="watching").value("nova_watchdog_actions_total", "0*4 1*8 2", **STARTED)],
        fires=[14, 16, 17, 60],
        labels=[A],
        also=[(22, "WatchdogDown", DOWN_1)],
    ),
    Scene(
        Kind.OTHER,
        "a daemon that has just begun",
        [ctl1(phase="watching").value("nova_watchdog_actions_total", "0 1", **STARTED)],
        quiet=[1, 2, 3, 4, 5],
    ),
)

DISABLED_BY_OPERATOR = (
    Scene(
        Kind.FIRES,
        "a quarter of an hour, until it is enabled",
        [ctl1(diagnosis="healthy", service_state="enabled*4 disabled*40 forced-down*40 enabled")],
        quiet=[63, 84],
        fires=[64, 83],
        labels=[A],
    ),
    Scene(
        Kind.BLIP,
        "a short piece of work",
        [ctl1(diagnosis="healthy", service_state="enabled*4 disabled*20 enabled")],
        quiet=[20, 64, 70],
    ),
    Scene(
        Kind.LOSS,
        "another controller reads the same from Nova",
        [
            ctl1(lost_at=66, diagnosis="disabled-by-operator", service_state="disabled"),
            ctl2(diagnosis="running-elsewhere", service_state="disabled"),
        ],
        fires=[61, 66, 67, 90],
        labels=[A],
    ),
)

SCENES = {
    "DuplicateNovaCompute": DUPLICATE,
    "StuckDisabled": STUCK_DISABLED,
    "StoppedOnPurpose": STOPPED_ON_PURPOSE,
    "PairingDegraded": PAIRING_DEGRADED,
    "RestartLoop": RESTART_LOOP,
    "DisabledByOperator": DISABLED_BY_OPERATOR,
}
