"""Scenes of the alerts about who may run a pairing. Steps are 15 s; a trouble begins at step 4."""

from __future__ import annotations

from alerts.scenes import JOB, Controller, Kind, Labels, Scene
from alerts.scenes_itself import ON_1, taken_over
from alerts.scenes_pairings import DOWN_1, A
from nova_watchdog.telemetry.families import TAKEOVERS

TWO: Labels = {"job": JOB, "pairing": "cluster-a"}
UP = "nova_watchdog_store_up"


def one(claim: str, *, lost_at: int | None = None, name: str = "ctl1", **states: str) -> Controller:
    """A controller that shares cluster-a."""
    controller = Controller(name, lost_at).pairing(**states)
    return controller.states("nova_watchdog_hold", "claim", claim, pairing="cluster-a")


def two(claim: str, *, lost_at: int | None = None, **states: str) -> Controller:
    """Another one."""
    return one(claim, lost_at=lost_at, name="ctl2", **states)


def sees(controller: Controller, **ready: str) -> Controller:
    """What it knows of the others: `ctl2="1*4 0"`."""
    for other, text in ready.items():
        controller.value("nova_watchdog_standby_ready", text, pairing="cluster-a", controller=other)
    return controller


def tried(controller: Controller, outcome: str, text: str) -> Controller:
    """Its takeovers."""
    for one_of in TAKEOVERS:
        count = text if one_of == outcome else "0"
        controller.value("nova_watchdog_takeovers_total", count, pairing="cluster-a", outcome=one_of)
    return controller


TWO_ACTIVE = (
    Scene(
        Kind.FIRES,
        "its unit runs on two controllers, and for five minutes after that",
        [one("mine", unit_state="up"), two("held*4 unread*12 held", unit_state="down*4 up*12 down")],
        quiet=[5, 37],
        fires=[6, 15, 35],
        labels=[TWO],
    ),
    Scene(
        Kind.FIRES,
        "it runs on a controller that does not hold it, and on no other one",
        [one("silent", unit_state="down"), two("silent", unit_state="down*4 up*12 down")],
        quiet=[5, 37],
        fires=[6, 15, 35],
        labels=[TWO],
    ),
    Scene(
        Kind.BLIP,
        "a switchover: for one scrape it seems to run here and there",
        [
            one("mine*5 held", unit_state="up*6 stopped"),
            two("held*4 offered mine", unit_state="stopped*5 up"),
        ],
        quiet=[5, 6, 7, 8, 9, 20],
    ),
    Scene(
        Kind.BLIP,
        "a human starts it past its condition, and the watchdog kills it",
        [one("mine", unit_state="up"), two("held", unit_state="down*4 up down")],
        quiet=[4, 5, 6, 7, 20],
    ),
    Scene(
        Kind.LOSS,
        "one of the two is lost: it may run there all the same",
        [
            one("mine", unit_state="up"),
            two("held", lost_at=8, unit_state="down*4 up"),
        ],
        quiet=[5, 30],
        fires=[6, 8, 9, 26],
        labels=[TWO],
    ),
    Scene(
        Kind.OTHER,
        "before its first hold it runs where it always did",
        [one("nobody*8 mine", unit_state="up"), two("nobody*8 held", unit_state="down")],
        quiet=[4, 7, 10, 20],
    ),
    Scene(
        Kind.OTHER,
        "a holder that cannot read the store is no second one",
        [one("unread", unit_state="up"), two("held", unit_state="down")],
        quiet=[6, 20],
    ),
)

UNOWNED = (
    Scene(
        Kind.FIRES,
        "its holder does not renew and nobody takes it, until one does",
        [two("held*4 silent*20 mine", diagnosis="standby*4 not-held*20 starting*3 healthy")],
        quiet=[9, 33],
        fires=[10, 23, 31],
        labels=[A],
        also=[(23, "PairingDown", A)],
    ),
    Scene(
        Kind.FIRES,
        "it never was anybody's, and runs nowhere",
        [one("nobody", diagnosis="process-down*12 healthy", phase="new")],
        quiet=[6, 24],
        fires=[7, 11, 21],
        labels=[A],
    ),
    Scene(
        Kind.BLIP,
        "a takeover",
        [two("held*4 silent*2 mine", diagnosis="standby*4 not-held*2 starting*2 healthy")],
        quiet=[4, 6, 10, 20],
    ),
    Scene(
        Kind.LOSS,
        "the last view of the only controller counts on, and WatchdogDown says that it is gone",
        [one("mine*4 free", lost_at=14, diagnosis="healthy*4 not-held")],
        quiet=[9],
        fires=[10, 14, 15, 60],
        labels=[A],
        also=[(20, "WatchdogDown", DOWN_1)],
    ),
    Scene(
        Kind.BEST,
        "its holder renews, and Prometheus does not reach it",
        [one("mine", lost_at=4, diagnosis="healthy"), two("held", diagnosis="standby")],
        quiet=[10, 20, 60],
    ),
    Scene(
        Kind.BEST,
        "another controller holds it, and this one has read too little yet",
        [one("mine", diagnosis="healthy"), two("free", diagnosis="not-held")],
        quiet=[10, 20],
    ),
    Scene(
        Kind.OTHER,
        "a human stopped it, and then its holder went",
        [two("held*4 stopped", diagnosis="standby*4 not-held", phase="new")],
        quiet=[10, 20, 60],
        also=[(50, "StoppedOnPurpose", A)],
    ),
    Scene(
        Kind.OTHER,
        "it never was anybody's, and runs where no watchdog shares it yet",
        [two("nobody", diagnosis="running-elsewhere", phase="new")],
        quiet=[10, 30],
    ),
    Scene(
        Kind.OTHER,
        "nobody can read the store: that has an alert of its own",
        [one("unread", diagnosis="not-held"), two("unread", diagnosis="not-held")],
        quiet=[10, 30],
    ),
)

TAKEOVER_FAILED = (
    Scene(
        Kind.FIRES,
        "taken and given back, for a quarter of an hour, whoever has it now",
        [one("mine"), tried(two("held"), "failed", "0*4 1")],
        quiet=[3, 4, 66],
        fires=[6, 20, 60],
        labels=[A],
    ),
    Scene(
        Kind.FIRES,
        "the store refuses, and nobody has it, until somebody does",
        [tried(two("silent*20 mine"), "refused", "0*4 1")],
        quiet=[3, 21],
        fires=[6, 19],
        labels=[A],
    ),
    Scene(
        Kind.BLIP,
        "two standbys tried, and one of them was first",
        [
            tried(one("held*4 silent mine"), "done", "0*4 1"),
            tried(two("held*4 silent held"), "refused", "0*4 1"),
        ],
        quiet=[4, 5, 6, 20],
    ),
    Scene(
        Kind.BLIP,
        "a takeover that is fine",
        [tried(two("held*4 silent mine"), "done", "0*4 1")],
        quiet=[4, 6, 20],
    ),
    Scene(
        Kind.LOSS,
        "what the only controller did before it was lost counts on",
        [tried(one("silent", lost_at=8), "failed", "0*4 1")],
        fires=[6, 8, 9, 30],
        labels=[A],
        also=[(14, "WatchdogDown", DOWN_1)],
    ),
)

NO_STANDBY = (
    Scene(
        Kind.FIRES,
        "five minutes, until one is ready",
        [sees(one("mine"), ctl2="1*4 0*30 1", ctl3="0"), sees(two("held"), ctl2="1*4 0*30 1", ctl3="0")],
        quiet=[23, 34],
        fires=[24, 33],
        labels=[A],
    ),
    Scene(
        Kind.FIRES,
        "no other controller is in the store at all",
        [one("mine*40 free")],
        quiet=[20, 40],
        fires=[21, 39],
        labels=[A],
    ),
    Scene(
        Kind.BLIP,
        "the standby is rebooted",
        [sees(one("mine"), ctl2="1*4 0*16 1")],
        quiet=[4, 19, 24, 40],
    ),
    Scene(
        Kind.LOSS,
        "the only standby is lost, and does not renew",
        [sees(one("mine"), ctl2="1*6 0"), sees(two("held", lost_at=4), ctl2="1")],
        quiet=[25],
        fires=[26, 60],
        labels=[A],
    ),
    Scene(
        Kind.LOSS,
        "the last view of the only controller that answered counts on",
        [sees(one("mine", lost_at=26), ctl2="0")],
        quiet=[20],
        fires=[21, 26, 27, 60],
        labels=[A],
        also=[(32, "WatchdogDown", DOWN_1)],
    ),
    Scene(
        Kind.OTHER,
        "one of two is ready",
        [sees(one("mine"), ctl2="0", ctl3="1")],
        quiet=[24, 60],
    ),
    Scene(
        Kind.OTHER,
        "who is held by nobody has a worse alert",
        [sees(one("free"), ctl2="0")],
        quiet=[24, 60],
    ),
)

STORE_DOWN = (
    Scene(
        Kind.FIRES,
        "half a minute on every controller, and three minutes after that",
        [Controller("ctl1").value(UP, "1*4 0*10 1"), Controller("ctl2").value(UP, "1*3 0*10 1")],
        quiet=[5, 26],
        fires=[6, 12, 24],
        labels=[{"job": JOB}],
    ),
    Scene(
        Kind.BLIP,
        "its leader moves",
        [Controller("ctl1").value(UP, "1*4 0 1"), Controller("ctl2").value(UP, "1*4 0 1")],
        quiet=[4, 5, 6, 7, 20],
    ),
    Scene(
        Kind.LOSS,
        "every controller is lost with it",
        [Controller("ctl1", 8).value(UP, "1*4 0"), Controller("ctl2", 8).value(UP, "1*4 0")],
        quiet=[5],
        fires=[6, 8, 9, 60],
        labels=[{"job": JOB}],
    ),
    Scene(
        Kind.BEST,
        "one controller renews",
        [Controller("ctl1").value(UP, "0"), Controller("ctl2").value(UP, "1")],
        quiet=[6, 20],
    ),
    Scene(
        Kind.BEST,
        "the only one that answers cannot renew: what a lost one said last does not count",
        [Controller("ctl1").value(UP, "0"), Controller("ctl2", lost_at=4).value(UP, "1")],
        quiet=[5],
        fires=[6, 20],
        labels=[{"job": JOB}],
    ),
)

STORE_UNREACHABLE = (
    Scene(
        Kind.FIRES,
        "half a minute, until it renews",
        [Controller("ctl1").value(UP, "1*4 0*10 1"), Controller("ctl2").value(UP, "1")],
        quiet=[5, 14],
        fires=[6, 13],
        labels=[ON_1],
    ),
    Scene(
        Kind.BLIP,
        "one renewal that fails",
        [Controller("ctl1").value(UP, "1*4 0 1"), Controller("ctl2").value(UP, "1")],
        quiet=[4, 5, 6, 20],
    ),
    taken_over(UP, "0", 2),
)

SIZE, QUOTA, ALARM = (f"nova_watchdog_store_{one}" for one in ("size_bytes", "quota_bytes", "alarm"))
ROOM, FILLING = "100000000", "1700000000"


def sized(size: str, *, quota: str = "NaN", name: str = "ctl1", lost_at: int | None = None) -> Controller:
    """A controller that is told how full etcd is."""
    return Controller(name, lost_at).value(SIZE, size).value(QUOTA, quota)


def alarmed(text: str, *, name: str = "ctl1", lost_at: int | None = None) -> Controller:
    """A controller that is told of the alarm for want of space."""
    return Controller(name, lost_at).value(ALARM, text, alarm="NOSPACE").value(ALARM, "0", alarm="CORRUPT")


STORE_FILLING = (
    Scene(
        Kind.FIRES,
        "five minutes over 1.5 GiB, until it is defragmented",
        [sized(f"{ROOM}*4 {FILLING}*30 {ROOM}"), sized(f"{ROOM}*4 {FILLING}*30 {ROOM}", name="ctl2")],
        quiet=[23, 34],
        fires=[24, 33],
        labels=[{"job": JOB}],
    ),
    Scene(
        Kind.FIRES,
        "of the quota that etcd tells, until it gets a larger one",
        [sized("7000000000", quota="8589934592*30 17179869184")],
        quiet=[19, 30],
        fires=[20, 29],
        labels=[{"job": JOB}],
    ),
    Scene(
        Kind.BLIP,
        "an operator defragments it in time",
        [sized(f"{ROOM}*4 {FILLING}*16 {ROOM}")],
        quiet=[4, 19, 24, 40],
    ),
    Scene(
        Kind.LOSS,
        "what the only controller said last counts on",
        [sized(FILLING, lost_at=24)],
        quiet=[19],
        fires=[20, 24, 25, 60],
        labels=[{"job": JOB}],
        also=[(30, "WatchdogDown", DOWN_1)],
    ),
    Scene(
        Kind.BEST,
        "one controller reaches a full member, and the other one does not know",
        [sized(FILLING), sized("NaN", name="ctl2")],
        quiet=[19],
        fires=[20, 40],
        labels=[{"job": JOB}],
    ),
    Scene(
        Kind.OTHER,
        "the one that is lost said it, and the one that answers does not say it any more",
        [sized(FILLING, lost_at=24), sized(f"{FILLING}*30 {ROOM}", name="ctl2")],
        quiet=[30, 40],
        fires=[20, 29],
        labels=[{"job": JOB}],
    ),
    Scene(
        Kind.OTHER,
        "nobody is told: etcd asks for more rights",
        [sized("NaN")],
        quiet=[24, 60],
    ),
    Scene(
        Kind.OTHER,
        "as many bytes of a larger quota",
        [sized(FILLING, quota="8589934592")],
        quiet=[24, 60],
    ),
)

STORE_ALARM = (
    Scene(
        Kind.FIRES,
        "half a minute, and three minutes after it was disarmed",
        [alarmed("0*4 1*10 0"), alarmed("0*6 1*9 0", name="ctl2")],
        quiet=[5, 28],
        fires=[6, 14, 26],
        labels=[{"job": JOB, "alarm": "NOSPACE"}],
    ),
    Scene(
        Kind.BLIP,
        "disarmed at once",
        [alarmed("0*4 1 0")],
        quiet=[4, 5, 6, 20],
    ),
    Scene(
        Kind.LOSS,
        "what the only controller said last counts on",
        [alarmed("0*4 1", lost_at=8)],
        quiet=[5],
        fires=[6, 8, 9, 60],
        labels=[{"job": JOB, "alarm": "NOSPACE"}],
        also=[(14, "WatchdogDown", DOWN_1)],
    ),
    Scene(
        Kind.OTHER,
        "nobody is told",
        [alarmed("NaN")],
        quiet=[6, 20],
    ),
)

SCENES = {
    "TwoActive": TWO_ACTIVE,
    "PairingUnowned": UNOWNED,
    "TakeoverFailed": TAKEOVER_FAILED,
    "NoStandbyReady": NO_STANDBY,
    "StoreDown": STORE_DOWN,
    "StoreUnreachable": STORE_UNREACHABLE,
    "StoreAlarm": STORE_ALARM,
    "StoreFilling": STORE_FILLING,
}
