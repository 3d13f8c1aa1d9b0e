"""Scenes of the alerts about what pairings share. Steps are 15 s; a trouble begins at step 4."""

from __future__ import annotations

from alerts.scenes import ACCOUNT, BUS, JOB, PLACE, VCENTER, Controller, Kind, Labels, Scene

KEY = f"{VCENTER}/{ACCOUNT}"
SECOND = f"{VCENTER}/nova-b@vsphere.local"
V: Labels = {"job": JOB, "vcenter": VCENTER}
B: Labels = {"job": JOB, "bus": BUS}
A: Labels = {"job": JOB, "pairing": "cluster-a", **PLACE}
JOB_ONLY: Labels = {"job": JOB}
DOWN_1: Labels = {"job": JOB, "instance": "ctl1:9743"}
# Unix time 0 is where promtool's clock begins.
DAY_S = 86400


def vcenter(controller: Controller, text: str, key: str = KEY) -> Controller:
    """What it sees of the vCenter with one account."""
    return controller.states("nova_watchdog_vcenter_state", "state", text, vcenter=key)


def bus(controller: Controller, text: str) -> Controller:
    """What it sees of the message bus."""
    return controller.states("nova_watchdog_bus_state", "state", text, bus=BUS)


def one(lost_at: int | None = None) -> Controller:
    return Controller("ctl1", lost_at)


def two() -> Controller:
    return Controller("ctl2")


VCENTER_DOWN = (
    Scene(
        Kind.FIRES,
        "once for two accounts and two controllers, and three minutes longer than the outage",
        [
            vcenter(vcenter(one(), "ok*4 unreachable*20 ok"), "ok*4 unreachable*20 ok", SECOND),
            vcenter(two(), "ok*4 unreachable*20 ok"),
        ],
        quiet=[7, 37],
        fires=[8, 23, 34],
        labels=[V],
    ),
    Scene(
        Kind.BLIP,
        "a canary that failed twice",
        [vcenter(one(), "ok*4 unreachable*2 ok")],
        quiet=[4, 6, 8, 20],
    ),
    Scene(
        Kind.LOSS,
        "the last view of the only controller counts on, and WatchdogDown says that it is gone",
        [vcenter(one(lost_at=12), "ok*4 unreachable")],
        quiet=[7],
        fires=[8, 12, 13, 30],
        labels=[V],
        also=[(18, "WatchdogDown", DOWN_1)],
    ),
    Scene(
        Kind.LOSS,
        "another controller sees the same",
        [vcenter(one(lost_at=12), "ok*4 unreachable"), vcenter(two(), "ok*4 unreachable")],
        fires=[8, 12, 13, 30],
        labels=[V],
    ),
    Scene(
        Kind.BEST,
        "it answers another controller, if only to refuse the login",
        [vcenter(one(), "unreachable"), vcenter(two(), "ok*20 login-refused")],
        quiet=[8, 19, 30, 40],
    ),
    Scene(
        Kind.OTHER,
        "who cannot tell has no view",
        [vcenter(one(), "unreachable"), vcenter(two(), "unknown")],
        quiet=[3],
        fires=[4, 20],
        labels=[V],
    ),
)

REFUSED: Labels = {**V, "account": ACCOUNT}

VCENTER_LOGIN_REFUSED = (
    Scene(
        Kind.FIRES,
        "by whichever controller it is seen, until it is taken",
        [vcenter(one(), "ok*4 login-refused*10 ok"), vcenter(two(), "ok")],
        quiet=[5, 19],
        fires=[6, 17],
        labels=[REFUSED],
    ),
    Scene(Kind.BLIP, "one refusal", [vcenter(one(), "ok*4 login-refused ok")], quiet=[4, 5, 6, 20]),
    Scene(
        Kind.LOSS,
        "the last view of the only controller counts on, and WatchdogDown says that it is gone",
        [vcenter(one(lost_at=8), "ok*4 login-refused")],
        fires=[6, 8, 9, 30],
        labels=[REFUSED],
        also=[(14, "WatchdogDown", DOWN_1)],
    ),
    Scene(
        Kind.OTHER,
        "accounts are told apart",
        [vcenter(vcenter(one(), "login-refused"), "login-refused", SECOND)],
        fires=[6],
        labels=[REFUSED, {**V, "account": "nova-b@vsphere.local"}],
    ),
)

VCENTER_FLAPPING = (
    Scene(
        Kind.FIRES,
        "three outages within half an hour, until they are long ago",
        [vcenter(one(), "ok*4 " + "unreachable*2 ok*6 " * 3 + "ok")],
        quiet=[16, 23, 160],
        fires=[26, 100],
        labels=[V],
    ),
    Scene(Kind.BLIP, "one outage", [vcenter(one(), "ok*4 unreachable*8 ok")], quiet=[4, 12, 14, 60]),
    Scene(
        Kind.LOSS,
        "what a controller saw that is gone counts on",
        [vcenter(one(lost_at=28), "ok*4 " + "unreachable*2 ok*6 " * 3 + "ok")],
        fires=[26, 28, 29, 40],
        labels=[V],
        also=[(34, "WatchdogDown", DOWN_1)],
    ),
)


def certificate(controller: Controller, text: str, key: str = KEY) -> Controller:
    """The end that it sees, in seconds after the clock's begin."""
    return controller.value("nova_watchdog_vcenter_certificate_expiry_timestamp_seconds", text, vcenter=key)


SOON, LATE = 20 * DAY_S, 400 * DAY_S

CERTIFICATE = (
    Scene(
        Kind.FIRES,
        "20 days before the end, until it is renewed",
        [certificate(certificate(one(), f"{SOON}*60 {LATE}"), f"{SOON}*60 {LATE}", SECOND)],
        quiet=[39, 60],
        fires=[40],
        labels=[V],
        value="19d 23h 50m 0s",
    ),
    Scene(
        Kind.BLIP,
        "a renewal under way shows the old one once more",
        [certificate(one(), f"{LATE}*4 {SOON}*2 {LATE}")],
        quiet=[4, 6, 50],
    ),
    Scene(
        Kind.LOSS,
        "what a controller saw that is gone counts on",
        [certificate(one(lost_at=30), str(SOON))],
        fires=[40],
        labels=[V],
        value="19d 23h 50m 0s",
        also=[(40, "WatchdogDown", DOWN_1)],
    ),
    Scene(
        Kind.BEST,
        "another controller sees the renewed one",
        [certificate(one(), str(SOON)), certificate(two(), str(LATE))],
        quiet=[40, 50],
    ),
    Scene(Kind.OTHER, "without TLS there is none", [certificate(one(), "NaN")], quiet=[40, 60]),
)


def pairing(controller: Controller, name: str = "cluster-a", **states: str) -> Controller:
    return controller.pairing(name, **states)


CLUSTER_GONE = (
    Scene(
        Kind.FIRES,
        "a minute, until it is there again",
        [pairing(one(), diagnosis="healthy*4 cluster-gone*12 healthy")],
        quiet=[7, 26],
        fires=[8, 15, 22],
        labels=[A],
    ),
    Scene(
        Kind.BLIP,
        "two readings in the middle of a rename",
        [pairing(one(), diagnosis="healthy*4 cluster-gone*2 healthy")],
        quiet=[4, 6, 8, 20],
    ),
    Scene(
        Kind.LOSS,
        "the last view of the only controller counts on, and WatchdogDown says that it is gone",
        [pairing(one(lost_at=12), diagnosis="healthy*4 cluster-gone")],
        fires=[8, 12, 13, 30],
        labels=[A],
        also=[(18, "WatchdogDown", DOWN_1)],
    ),
    Scene(
        Kind.BEST,
        "another controller sees it healthy: a mistake in one configuration",
        [pairing(one(), diagnosis="cluster-gone"), pairing(two(), diagnosis="healthy")],
        quiet=[8, 20, 40],
    ),
)

FULL: Labels = {**A, "concern": "datastore-full"}

CLUSTER_DEGRADED = (
    Scene(
        Kind.FIRES,
        "ten minutes, until there is room again",
        [pairing(one(), diagnosis="healthy", concern="none*4 datastore-full*50 none")],
        quiet=[43, 54],
        fires=[44, 53],
        labels=[FULL],
    ),
    Scene(
        Kind.BLIP,
        "a host that restarts",
        [pairing(one(), diagnosis="healthy", concern="none*4 host-disconnected*20 none")],
        quiet=[20, 44, 50],
    ),
    Scene(
        Kind.LOSS,
        "another controller sees the same",
        [
            pairing(one(lost_at=46), diagnosis="cluster-degraded", concern="none*4 datastore-full"),
            pairing(two(), diagnosis="running-elsewhere", concern="none*4 datastore-full"),
        ],
        fires=[44, 46, 47, 90],
        labels=[FULL],
    ),
    Scene(
        Kind.LOSS,
        "the last view of the only controller counts on",
        [pairing(one(lost_at=46), diagnosis="cluster-degraded", concern="none*4 datastore-full")],
        fires=[44, 46, 47, 90],
        labels=[FULL],
        also=[(52, "WatchdogDown", DOWN_1)],
    ),
)

BUS_DOWN = (
    Scene(
        Kind.FIRES,
        "a minute, and three minutes longer than the outage",
        [bus(one(), "ok*4 down*10 blocked*10 ok"), bus(two(), "ok*4 blocked*10 down*10 ok")],
        quiet=[7, 37],
        fires=[8, 23, 34],
        labels=[B],
    ),
    Scene(Kind.BLIP, "one message lost", [bus(one(), "ok*4 down ok")], quiet=[4, 5, 8, 20]),
    Scene(
        Kind.LOSS,
        "the last view of the only controller counts on, and WatchdogDown says that it is gone",
        [bus(one(lost_at=12), "ok*4 down")],
        fires=[8, 12, 13, 30],
        labels=[B],
        also=[(18, "WatchdogDown", DOWN_1)],
    ),
    Scene(
        Kind.BEST,
        "another controller gets its messages through",
        [bus(one(), "down"), bus(two(), "ok")],
        quiet=[8, 20, 40],
    ),
)

CONDUCTORS_DOWN = (
    Scene(
        Kind.FIRES,
        "once for two pairings, and three minutes longer than the outage",
        [
            pairing(
                pairing(one(), diagnosis="healthy*4 conductors-down*20 healthy"),
                "cluster-b",
                diagnosis="healthy*4 conductors-down*20 healthy",
            )
        ],
        quiet=[7, 37],
        fires=[8, 23, 34],
        labels=[B],
    ),
    Scene(
        Kind.BLIP,
        "a conductor that restarts",
        [pairing(one(), diagnosis="healthy*4 conductors-down*2 healthy")],
        quiet=[4, 6, 8, 20],
    ),
    Scene(
        Kind.LOSS,
        "the last view of the only controller counts on, and WatchdogDown says that it is gone",
        [pairing(one(lost_at=12), diagnosis="healthy*4 conductors-down")],
        fires=[8, 12, 13, 30],
        labels=[B],
        also=[(18, "WatchdogDown", DOWN_1)],
    ),
    Scene(
        Kind.BEST,
        "a controller whose pairing on the same bus is healthy",
        [pairing(one(), diagnosis="conductors-down"), pairing(two(), "cluster-b", diagnosis="healthy")],
        quiet=[8, 20, 40],
    ),
)

CONTROL_PLANE_BLIND = (
    Scene(
        Kind.FIRES,
        "once, two minutes without an answer for anybody",
        [
            pairing(one(), nova_state="known*4 blind*20 known"),
            pairing(two(), "cluster-b", nova_state="known*4 blind*20 known"),
        ],
        quiet=[11, 29],
        fires=[12, 27],
        labels=[JOB_ONLY],
    ),
    Scene(
        Kind.BLIP,
        "Nova's API restarts",
        [pairing(one(), nova_state="known*4 blind*4 known")],
        quiet=[6, 8, 12, 20],
    ),
    Scene(
        Kind.LOSS,
        "the last view of the only controller counts on, and WatchdogDown says that it is gone",
        [pairing(one(lost_at=16), nova_state="known*4 blind")],
        fires=[12, 16, 17, 30],
        labels=[JOB_ONLY],
        also=[(22, "WatchdogDown", DOWN_1)],
    ),
    Scene(
        Kind.BEST,
        "another controller gets answers",
        [pairing(one(), nova_state="blind"), pairing(two(), nova_state="known")],
        quiet=[12, 30],
    ),
)

SCENES = {
    "VCenterDown": VCENTER_DOWN,
    "VCenterLoginRefused": VCENTER_LOGIN_REFUSED,
    "VCenterFlapping": VCENTER_FLAPPING,
    "VCenterCertificateExpiry": CERTIFICATE,
    "ClusterGone": CLUSTER_GONE,
    "ClusterDegraded": CLUSTER_DEGRADED,
    "BusDown": BUS_DOWN,
    "ConductorsDown": CONDUCTORS_DOWN,
    "ControlPlaneBlind": CONTROL_PLANE_BLIND,
}
