"""`nova-watchdog adopt`: take a nova-compute over that nobody manages, without a restart; or give it back."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from pathlib import Path

from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.managed_unit import SystemdManagedUnits
from nova_watchdog.adopt import execute, manifest
from nova_watchdog.adopt.changes import Found
from nova_watchdog.adopt.machine import Files, Systemctl, Systemd
from nova_watchdog.adopt.plan import plan
from nova_watchdog.adopt.show import plan_lines
from nova_watchdog.config import ConfigError, Settings, load_for_run, load_units
from nova_watchdog.config.nova_setup import readers_of
from nova_watchdog.config.settings import PairingSettings
from nova_watchdog.core.model import Mode
from nova_watchdog.core.setup import UnitSetup
from nova_watchdog.ports import ActionRefusedError, ProbeError

EXIT_OK = 0
EXIT_REFUSED = 1
EXIT_USAGE = 2


class RealSystemd(Systemctl):
    """The machine's own: read over D-Bus, changed by `systemctl`."""

    def show(self, unit: str) -> UnitSetup:
        """See `Systemd`."""
        try:
            return asyncio.run(_read(unit))
        except ProbeError as error:
            raise ActionRefusedError(f"how {unit} is set up cannot be read: {error}") from error


async def _read(unit: str) -> UnitSetup:
    units = SystemdManagedUnits(SystemClock())
    await units.connect()
    try:
        return await units.read(unit)
    finally:
        await units.close()


def run(
    pairing: str,
    config: Path,
    *,
    dry_run: bool,
    undo: bool,
    compute_id: str | None = None,
    compute_id_file: Path | None = None,
) -> int:
    """Adopt, show it only, or undo it. Returns the exit code."""
    try:
        asked = _asked(compute_id, compute_id_file)
        settings = load_for_run(config)
        _require_root(dry_run=dry_run)
        files, systemd = Files(), RealSystemd()
        if undo:
            require_observe(settings, pairing)
            return undone(pairing, _unit_of(settings, pairing), files, systemd, dry_run=dry_run)
        found = found_for(settings, _pairing(settings, pairing), load_units(config), systemd, asked)
        return adopted(found, files, systemd, dry_run=dry_run)
    except (ConfigError, _UsageError) as error:
        print(f"nova-watchdog: {error}", file=sys.stderr)
        return EXIT_USAGE
    except (ActionRefusedError, ProbeError, manifest.ManifestError, OSError) as error:
        print(f"nova-watchdog: {error}", file=sys.stderr)
        return EXIT_REFUSED


def adopted(found: Found, files: Files, systemd: Systemd, *, dry_run: bool) -> int:
    """Show the plan and carry it out. Raises OSError, ActionRefusedError, ManifestError."""
    planned = plan(found, files.text)
    if planned.refusals:
        for refusal in planned.refusals:
            print(f"nova-watchdog: not adopted: {refusal.reason}", file=sys.stderr)
            print(f"  remedy: {refusal.remedy}", file=sys.stderr)
        return EXIT_REFUSED
    for line in plan_lines(found.pairing, found.unit, planned, files.text):
        print(line)
    print()
    if dry_run:
        print("nothing was changed (--dry-run)")
        return EXIT_OK
    # Without changes too, where an earlier run ended before systemd had read the drop-in.
    if planned.changes or not found.setup.asks_may_start(found.unit):
        execute.apply(found.pairing, found.unit, planned.changes, files, systemd)
        print(f"done; undo with: nova-watchdog adopt {found.pairing} --undo")
    for text in planned.nexts:
        print(f"next: {text}")
    return EXIT_OK


def undone(pairing: str, unit: str, files: Files, systemd: Systemd, *, dry_run: bool) -> int:
    """Undo what the manifest tells. Raises OSError, ActionRefusedError, ManifestError."""
    steps = manifest.load(files, pairing)
    if not steps:
        print(f"{pairing}: not adopted here, there is nothing to undo")
        return EXIT_OK
    for step in reversed(steps):
        print(f"{'would put back' if dry_run else 'puts back'}: {step['kind']} {step['path']}")
    if dry_run:
        return EXIT_OK
    problems = execute.undo(pairing, unit, files, systemd)
    for problem in problems:
        print(f"nova-watchdog: {problem}", file=sys.stderr)
    print(f"next: {unit} starts without a hold from now on, and no deadline kills it")
    return EXIT_REFUSED if problems else EXIT_OK


def found_for(
    settings: Settings, one: PairingSettings, units: tuple[str, ...], systemd: Systemd, compute_id: str
) -> Found:
    """What is there. Raises ActionRefusedError, ProbeError."""
    return Found(
        pairing=one.pairing.name,
        unit=one.pairing.unit,
        mode=one.pairing.mode,
        shares=settings.etcd is not None,
        setup=systemd.show(one.pairing.unit),
        nova=readers_of(settings)[one.pairing.name](),
        units=units,
        compute_id=compute_id,
    )


def require_observe(settings: Settings, pairing: str) -> None:
    """What may be held must stay killable: else a standby starts a second one. Raises ActionRefusedError."""
    modes = {one.pairing.name: one.pairing.mode for one in settings.pairings}
    modes |= {one.name: one.mode for one in settings.unwatched}
    if settings.etcd is not None and modes.get(pairing) is Mode.PROTECT:
        raise ActionRefusedError(
            f"not undone: pairing {pairing} is in mode protect, and no deadline would kill what runs\n"
            '  remedy: set mode = "observe" for it on every controller, then there: systemctl restart '
            "nova-watchdog"
        )


def _require_root(*, dry_run: bool) -> None:
    if not dry_run and os.geteuid() != 0:
        raise ActionRefusedError("it writes below /etc and asks systemd: be root, or use --dry-run")


class _UsageError(Exception):
    """What was asked for cannot be meant."""


def _asked(compute_id: str | None, file: Path | None) -> str:
    text = compute_id
    if file is not None:
        try:
            text = file.read_text()
        except (OSError, ValueError) as error:
            raise _UsageError(f"--compute-id-from {file}: {error}") from error
    if text is None:
        return ""
    try:
        return str(uuid.UUID(text.strip()))
    except ValueError as error:
        raise _UsageError(f"{text.strip()[:40]!r} is no UUID") from error


def _pairing(settings: Settings, name: str) -> PairingSettings:
    for one in settings.pairings:
        if one.pairing.name == name:
            return one
    for unwatched in settings.unwatched:
        if unwatched.name == name:
            raise ActionRefusedError("its nova files cannot be used:\n" + "\n".join(unwatched.lines))
    known = ", ".join(sorted(one.pairing.name for one in settings.pairings))
    raise _UsageError(f"no pairing is called {name!r}; allowed: {known}")


def _unit_of(settings: Settings, name: str) -> str:
    """Its unit, also where its nova files cannot be used. Raises _UsageError."""
    for unwatched in settings.unwatched:
        if unwatched.name == name:
            return unwatched.unit
    return _pairing(settings, name).pairing.unit
