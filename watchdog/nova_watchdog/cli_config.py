"""`nova-watchdog config ...`: what the configuration means, without a secret and without acting on it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from nova_watchdog.config import (
    ConfigError,
    Settings,
    load,
    load_for_run,
    load_managed_units,
    load_units,
    reference,
)
from nova_watchdog.config.lists import managed_list, polkit_list
from nova_watchdog.config.settings import EtcdSettings

EXIT_OK = 0
EXIT_USAGE = 2


def check(file: Path) -> int:
    """Print what was understood (exit code 0), or every mistake on stderr (2)."""
    try:
        settings = load(file)
    except ConfigError as error:
        print(error, file=sys.stderr)
        count = len(error.mistakes)
        print(f"{count} mistake{'s' if count > 1 else ''}: {_what_run_does(file)}", file=sys.stderr)
        return EXIT_USAGE
    for line in describe(settings):
        print(line)
    for note in settings.notes:
        print(f"note: {note}", file=sys.stderr)
    return EXIT_OK


def _what_run_does(file: Path) -> str:
    """What the mistakes would mean for the daemon: `run` is not as strict as the check."""
    try:
        unwatched = load_for_run(file).unwatched
    except ConfigError:
        return "the daemon would not start."
    return f"the daemon would not watch {', '.join(one.name for one in unwatched)}."


def polkit(file: Path) -> int:
    """Print the units as JavaScript, for /etc/polkit-1/rules.d/49-nova-watchdog-units.rules."""
    return _print_list(file, load_units, polkit_list)


def units(file: Path) -> int:
    """Print the units that the dead man's switch kills, for /etc/nova-watchdog/managed-units."""
    return _print_list(file, load_managed_units, managed_list)


def _print_list(
    file: Path, units_in: Callable[[Path], Sequence[str]], text_of: Callable[[Sequence[str]], str]
) -> int:
    try:
        found = units_in(file)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    print(text_of(found), end="")
    return EXIT_OK


def keys() -> int:
    """Print the reference of all keys, as docs/configuration.md holds it."""
    for line in reference.key_tables():
        print(line)
    return EXIT_OK


def describe(settings: Settings) -> Iterable[str]:
    """The settings as lines for people."""
    cloud = settings.openstack
    yield from _columns(
        [
            ("configuration", str(settings.file)),
            ("controller", settings.controller),
            ("mode", settings.mode.value),
            (
                "OpenStack",
                f"{cloud.cloud} in {cloud.clouds_file}, {_pace(cloud.interval_s, cloud.timeout_s)}",
            ),
            ("vCenter", _pace(settings.probes.interval_s, settings.probes.timeout_s)),
            ("HTTP", settings.http.listen if settings.http else "off"),
            ("control socket", str(settings.control_socket)),
            ("store", str(settings.store_path)),
            ("shared by", _shared_by(settings.etcd)),
            ("log level", settings.log_level),
        ]
    )
    yield ""
    yield from _columns(
        [("PAIRING", "MODE", "UNIT", "NOVA HOST", "CLUSTER", "VCENTER", "MESSAGE BUS")]
        + [
            (
                one.pairing.name,
                one.pairing.mode.value,
                one.pairing.unit,
                one.pairing.host,
                one.pairing.cluster,
                one.pairing.vcenter,
                one.nova.transport.redacted,
            )
            for one in settings.pairings
        ]
    )
    yield ""
    yield from _columns(
        [("VCENTER", "ACCOUNT", "CERTIFICATE", "CLUSTERS")]
        + [
            (
                f"{one.address}:{one.port}",
                one.username,
                _trust(one.ca_file, insecure=one.insecure),
                ", ".join(one.clusters),
            )
            for one in settings.vcenters.values()
        ]
    )


def _shared_by(etcd: EtcdSettings | None) -> str:
    if etcd is None:
        return "nobody: this daemon is alone"
    account = f" as {etcd.username}" if etcd.username else ""
    return f"etcd at {', '.join(etcd.endpoints)}{account}, below {etcd.prefix}"


def _pace(interval_s: float, timeout_s: float) -> str:
    return f"every {interval_s:g} s, for up to {timeout_s:g} s"


def _trust(ca_file: Path | None, *, insecure: bool) -> str:
    if insecure:
        return "not verified"
    return f"verified by {ca_file}" if ca_file else "verified by the system's CAs"


def _columns(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Rows as lines with aligned columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
