"""`nova-watchdog check`: one round of every reading, without the daemon, and nothing is changed.

A round lasts until each pairing has a verdict: a heartbeat shows only as a change between two readings,
which takes Nova's report interval.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from nova_watchdog import __version__
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.local_store import LocalStore
from nova_watchdog.adapters.sd_notify import SdNotify
from nova_watchdog.adapters.systemd import SystemdUnits
from nova_watchdog.assembly import Assembly
from nova_watchdog.config.settings import NotifySettings, Settings
from nova_watchdog.core.diagnose import Condition, Diagnosis, condition_of
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.model import Mode
from nova_watchdog.core.snapshot import FleetSnapshot, PairingSnapshot
from nova_watchdog.known_secrets import KnownSecrets
from nova_watchdog.onlooker import onlooker
from nova_watchdog.runtime.fleet import Fleet
from nova_watchdog.telemetry import logs

EXIT_CODES = {Condition.HEALTHY: 0, Condition.DEGRADED: 1, Condition.FAILED: 2, Condition.UNKNOWN: 3}
# A pairing that is known to be down matters more than one of which nothing is known.
_WORST_LAST = (Condition.HEALTHY, Condition.DEGRADED, Condition.UNKNOWN, Condition.FAILED)
_POLL_S = 0.1
_CLOSE_TIMEOUT_S = 2.0
# A member that has just lost its leader answers the second time.
_LOOKS_AT_STORE = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One pairing in one line. `text`: which readings show it, or why there is no verdict."""

    name: str
    condition: Condition
    word: str
    text: str


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds what, of the pairings that other controllers hold or nobody does: by name, empty: nobody.

    problem: why that is not known, empty: it is.
    """

    by_pairing: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def findings_of(settings: Settings, snapshot: FleetSnapshot, holders: Holders) -> tuple[Finding, ...]:
    """Every configured pairing, those that cannot be watched at the end."""
    found = [
        _finding(one.pairing.name, snapshot.pairings.get(one.pairing.name), holders)
        for one in settings.pairings
    ]
    found += [Finding(one.name, Condition.UNKNOWN, "not-watched", one.lines[0]) for one in settings.unwatched]
    return tuple(found)


def worst(findings: Iterable[Finding]) -> Condition:
    """The condition that decides the exit code."""
    return max((one.condition for one in findings), key=_WORST_LAST.index, default=Condition.UNKNOWN)


def _finding(name: str, shown: PairingSnapshot | None, holders: Holders) -> Finding:
    if shown is None:
        return Finding(name, Condition.UNKNOWN, "unknown", "it was not looked at in time")
    row = shown.decision.diagnosis
    if row.diagnosis is Diagnosis.NOT_HELD and holders.problem:
        why = f"no process here, and who holds it is not known: {holders.problem}"
        return Finding(name, Condition.UNKNOWN, "unknown", why)
    holder = holders.by_pairing.get(name, "") if row.diagnosis is Diagnosis.STANDBY else ""
    notes = [*([holder] if holder else []), *(worry.detail for worry in shown.worries)]
    text = f"{row.number} {row.shown_by}" + (f" ({'; '.join(notes)})" if notes else "")
    return Finding(name, condition_of(row.diagnosis), row.diagnosis.value, text)


def run(settings: Settings, timeout_s: float) -> tuple[Finding, ...]:
    """Look once, for up to `timeout_s`. Log lines go to stderr, errors alone."""
    secrets = KnownSecrets()
    settings = secrets.in_use(settings)
    logs.setup("error", sys.stderr, secrets)
    return findings_of(settings, *asyncio.run(_look(settings, timeout_s)))


def _harmless(settings: Settings) -> Settings:
    """The same pairings in mode `observe`, and nobody is told of anything."""
    pairings = tuple(
        replace(one, pairing=replace(one.pairing, mode=Mode.OBSERVE)) for one in settings.pairings
    )
    return replace(settings, pairings=pairings, notify=NotifySettings(), maintenance=())


async def _look(settings: Settings, timeout_s: float) -> tuple[FleetSnapshot, Holders]:
    """The picture once there are verdicts. Its record is thrown away: the daemon's own one may be open."""
    clock = SystemClock()
    looker = onlooker(settings, clock)
    if looker is None:
        return await _look_alone(_harmless(settings), timeout_s, clock, lambda _pairing: None), Holders()
    try:
        until_s = clock.now_s() + timeout_s
        for _ in range(_LOOKS_AT_STORE):
            await looker.look()
            if not looker.problem:
                break
        left_s = max(0.0, until_s - clock.now_s())
        snapshot = await _look_alone(_harmless(settings), left_s, clock, looker.holding)
        found = {name: looker.holding(name) for name in snapshot.pairings}
        return snapshot, Holders({name: one.holder for name, one in found.items() if one}, looker.problem)
    finally:
        await looker.close()


async def _look_alone(
    settings: Settings, timeout_s: float, clock: SystemClock, holding: Callable[[str], Holding | None]
) -> FleetSnapshot:
    """`holding`: whose a pairing is, None: it is judged as if no other controller shared it."""
    # No service manager supervises a command, whatever the environment it is called in.
    fleet = Fleet(settings.controller, __version__, clock, SdNotify({}))
    with TemporaryDirectory(prefix="nova-watchdog-check-") as directory:
        store, units = LocalStore(Path(directory) / "store.json"), SystemdUnits(clock)
        await store.open()
        assembly = Assembly(clock, store, units, fleet, holding)
        await assembly.apply(settings)
        await units.connect()
        work = asyncio.ensure_future(fleet.run())
        try:
            async with asyncio.timeout(timeout_s):
                while not _has_verdicts(fleet) and not work.done():  # noqa: ASYNC110 - snapshots, no event
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            pass  # what is known by now is the answer
        work.cancel()
        await asyncio.wait([work])
        closing = [
            asyncio.ensure_future(close()) for close in (*assembly.closers(), units.close, store.close)
        ]
        await asyncio.wait(closing, timeout=_CLOSE_TIMEOUT_S)
    if not work.cancelled():
        work.result()  # an error that nobody foresaw
    return fleet.snapshot()


def _has_verdicts(fleet: Fleet) -> bool:
    """Whether every reading was taken, and every pairing is judged on enough of them."""
    if not all(probe.snapshot.runs for probe in fleet.probes):
        return False
    shown = [loop.snapshot for loop in fleet.loops]
    return all(
        one is not None and condition_of(one.decision.diagnosis.diagnosis) is not Condition.UNKNOWN
        for one in shown
    )
