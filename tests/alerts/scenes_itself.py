"""Scenes of the alerts about the watchdog itself. Steps are 15 s; a trouble begins at step 4."""

from __future__ import annotations

from alerts.scenes import JOB, PLACE, Controller, Kind, Labels, Scene

A: Labels = {"job": JOB, "pairing": "cluster-a", **PLACE}
ON_1: Labels = {"job": JOB, "instance": "ctl1:9743"}
A_ON_1: Labels = {**ON_1, "pairing": "cluster-a"}
LOOK = "nova_watchdog_pairing_last_look_timestamp_seconds"


def one(lost_at: int | None = None, back_at: int | None = None) -> Controller:
    return Controller("ctl1", lost_at, back_at)


def two() -> Controller:
    return Controller("ctl2")


def looked(controller: Controller, diagnosis: str, at: str = "t") -> Controller:
    """It watches cluster-a, and looked at it last at these times."""
    return controller.pairing(diagnosis=diagnosis).value(LOOK, at, pairing="cluster-a")


def taken_over(metric: str, text: str, first: int, **labels: str) -> Scene:
    """An alert about one daemon: when that is lost, WatchdogDown says so."""
    expected = {**ON_1, **labels}
    return Scene(
        Kind.LOSS,
        "of the daemon itself, which WatchdogDown takes over without a gap of more than its minute",
        [one(lost_at=first + 4).value(metric, text, **labels)],
        fires=[first, first + 3],
        labels=[expected],
        also=[(first + 8, "WatchdogDown", ON_1), (first + 20, "WatchdogDown", ON_1)],
    )


HEARTBEAT = (
    Scene(Kind.OTHER, "always fires", [], fires=[0, 1, 40], labels=[{}]),
    Scene(Kind.OTHER, "also when every watchdog is gone", [one(lost_at=4)], fires=[0, 10, 40], labels=[{}]),
)

WATCHDOG_DOWN = (
    Scene(
        Kind.FIRES,
        "a minute without an answer, until it answers",
        [one(4, 16), two()],
        quiet=[7, 16],
        fires=[8, 15],
        labels=[ON_1],
    ),
    Scene(Kind.BLIP, "a restart", [one(4, 6)], quiet=[4, 6, 8, 20]),
)

WATCHDOG_ABSENT = (
    Scene(Kind.FIRES, "five minutes without a target", [], quiet=[19], fires=[20, 40], labels=[{"job": JOB}]),
    Scene(Kind.BLIP, "a target that does not answer is one", [one(lost_at=4)], quiet=[20, 40]),
)

READINGS_STALE = (
    Scene(
        Kind.FIRES,
        "two minutes without a verdict, until there is one",
        [looked(one(), "healthy*4 unknown*8 control-plane-blind*8 healthy")],
        quiet=[11, 20],
        fires=[12, 19],
        labels=[A],
    ),
    Scene(
        Kind.FIRES,
        "it is not looked at any more, until it is",
        [looked(one(), "healthy", "0 15 30 45 60*20 t")],
        quiet=[16, 24],
        fires=[17, 23],
        labels=[A],
    ),
    Scene(Kind.BLIP, "a fresh daemon", [looked(one(), "unknown*6 healthy")], quiet=[4, 8, 20]),
    Scene(
        Kind.LOSS,
        "the last view of the only controller counts on, and WatchdogDown says that it is gone",
        [looked(one(lost_at=14), "healthy*4 unknown")],
        fires=[12, 14, 15, 30],
        labels=[A],
        also=[(20, "WatchdogDown", ON_1)],
    ),
    Scene(
        Kind.BEST,
        "another controller has a verdict",
        [looked(one(), "unknown"), looked(two(), "process-down")],
        quiet=[8, 20, 40],
    ),
    Scene(
        Kind.BEST,
        "that it reports somewhere is none",
        [looked(one(), "unknown"), looked(two(), "running-elsewhere")],
        fires=[9, 20],
        labels=[A],
    ),
)

KNOWN = "nova_watchdog_pairing_reading_known"


def reading(controller: Controller, text: str, kind: str = "bus") -> Controller:
    return controller.pairing().value(KNOWN, text, pairing="cluster-a", reading=kind)


MISSING: Labels = {**A, "reading": "bus"}

READING_MISSING = (
    Scene(
        Kind.FIRES,
        "a quarter of an hour and the window, until it is read",
        [reading(one(), "1*4 0*90 1")],
        quiet=[60, 83, 94],
        fires=[84, 93],
        labels=[MISSING],
    ),
    Scene(Kind.BLIP, "ten minutes", [reading(one(), "1*4 0*40 1")], quiet=[30, 44, 84]),
    Scene(
        Kind.LOSS,
        "another controller misses it too",
        [reading(one(lost_at=86), "1*4 0"), reading(two(), "1*4 0")],
        fires=[84, 86, 87, 120],
        labels=[MISSING],
    ),
    Scene(
        Kind.BEST, "another controller reads it", [reading(one(), "0"), reading(two(), "1")], quiet=[84, 120]
    ),
)

UNWATCHED = "nova_watchdog_pairing_unwatched"

PAIRING_UNWATCHED = (
    Scene(
        Kind.FIRES,
        "a minute, until its files can be used",
        [one().value(UNWATCHED, "0*4 1*10 0", pairing="cluster-a")],
        quiet=[7, 14],
        fires=[8, 13],
        labels=[A_ON_1],
    ),
    Scene(
        Kind.BLIP,
        "a file is written by and by",
        [one().value(UNWATCHED, "0*4 1*2 0", pairing="cluster-a")],
        quiet=[4, 6, 8, 20],
    ),
    taken_over(UNWATCHED, "1", 4, pairing="cluster-a"),
)

WRITABLE = "nova_watchdog_pairing_record_writable"

RECORD_UNWRITABLE = (
    Scene(
        Kind.FIRES,
        "a minute, until it can be written",
        [one().value(WRITABLE, "1*4 0*10 1", pairing="cluster-a")],
        quiet=[7, 14],
        fires=[8, 13],
        labels=[A_ON_1],
    ),
    Scene(
        Kind.BLIP,
        "one write that fails",
        [one().value(WRITABLE, "1*4 0*2 1", pairing="cluster-a")],
        quiet=[4, 6, 8, 20],
    ),
    Scene(
        Kind.OTHER,
        "before the first look nobody knows",
        [one().value(WRITABLE, "NaN", pairing="cluster-a")],
        quiet=[8, 20],
    ),
    taken_over(WRITABLE, "0", 4, pairing="cluster-a"),
)

MISTAKEN = "nova_watchdog_reload_mistaken"

RELOAD_FAILED = (
    Scene(
        Kind.FIRES,
        "five minutes, until a reload is taken",
        [one().value(MISTAKEN, "0*4 1*30 0")],
        quiet=[23, 34],
        fires=[24, 33],
        labels=[ON_1],
    ),
    Scene(Kind.BLIP, "mended at once", [one().value(MISTAKEN, "0*4 1*8 0")], quiet=[8, 12, 24, 40]),
    taken_over(MISTAKEN, "1", 20),
)

PAUSED = "nova_watchdog_pairing_paused"

# In steps of a minute: a pause is long.
PAUSED_TOO_LONG = (
    Scene(
        Kind.FIRES,
        "four hours, whatever scrapes fail, until it ends",
        [one(100, 103).value(PAUSED, "0*4 1*250 0", pairing="cluster-a")],
        quiet=[243, 260],
        fires=[244, 253],
        labels=[A_ON_1],
        step_s=60,
    ),
    Scene(
        Kind.BLIP,
        "an hour of work",
        [one().value(PAUSED, "0*4 1*60 0", pairing="cluster-a")],
        quiet=[60, 244],
        step_s=60,
    ),
    Scene(
        Kind.LOSS,
        "of the daemon itself, which WatchdogDown takes over",
        [one(lost_at=246).value(PAUSED, "0*4 1", pairing="cluster-a")],
        fires=[244, 246],
        labels=[A_ON_1],
        also=[(248, "WatchdogDown", ON_1), (260, "WatchdogDown", ON_1)],
        step_s=60,
    ),
)

SCENES = {
    "WatchdogHeartbeat": HEARTBEAT,
    "WatchdogDown": WATCHDOG_DOWN,
    "WatchdogAbsent": WATCHDOG_ABSENT,
    "ReadingsStale": READINGS_STALE,
    "ReadingMissing": READING_MISSING,
    "PairingUnwatched": PAIRING_UNWATCHED,
    "RecordUnwritable": RECORD_UNWRITABLE,
    "ReloadFailed": RELOAD_FAILED,
    "PausedTooLong": PAUSED_TOO_LONG,
}
