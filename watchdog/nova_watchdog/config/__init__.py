"""The only reader of configuration files: frozen settings out, or every mistake at once."""

from __future__ import annotations

from pathlib import Path

from nova_watchdog.config.assemble import assemble
from nova_watchdog.config.errors import ConfigError, Findings, Mistake
from nova_watchdog.config.rehearsal import Rehearsal, rehearsal_of
from nova_watchdog.config.secret import Secret
from nova_watchdog.config.settings import Settings, Unwatched
from nova_watchdog.config.toml_file import Document, read_document
from nova_watchdog.core.model import Mode

__all__ = [
    "ConfigError",
    "Mistake",
    "Rehearsal",
    "Secret",
    "Settings",
    "Unwatched",
    "load",
    "load_for_run",
    "load_for_simulation",
    "load_managed_units",
    "load_units",
]


def load(file: Path) -> Settings:
    """Read the TOML file, nova's files and clouds.yaml. Raises ConfigError with every mistake found."""
    return _load(file, strict=True)


def load_for_run(file: Path) -> Settings:
    """As `load`, but a pairing whose nova files cannot be used becomes one of `Settings.unwatched`.

    One broken nova.conf must not leave every other pairing without its watchdog. Raises ConfigError
    for mistakes in the TOML file, in clouds.yaml or between pairings, and when no pairing is left.
    """
    return _load(file, strict=False)


def _load(file: Path, *, strict: bool) -> Settings:
    findings = Findings()
    document = read_document(file, findings)
    settings = assemble(document, findings, strict=strict) if document is not None else None
    if settings is None:
        raise ConfigError(findings.mistakes)
    return settings


def load_for_simulation(file: Path) -> Rehearsal:
    """What a simulation needs: the TOML file, and nova's files where they can be read here.

    Neither clouds.yaml nor the daemon's directories have to exist. Raises ConfigError with every mistake.
    """
    findings = Findings()
    document = read_document(file, findings)
    rehearsal = rehearsal_of(document, findings) if document is not None else None
    if rehearsal is None:
        raise ConfigError(findings.mistakes)
    return rehearsal


def load_units(file: Path) -> tuple[str, ...]:
    """The configured units, sorted: all that the polkit rule needs, before nova's files are in place.

    Only the TOML file is read. Raises ConfigError with every mistake in it.
    """
    return tuple(sorted({parts.unit for parts in _read(file).pairings.values()}))


def load_managed_units(file: Path) -> tuple[str, ...]:
    """The units of the pairings in mode `protect`, sorted: those that the dead man's switch kills.

    Only the TOML file is read. Raises ConfigError with every mistake in it.
    """
    document = _read(file)
    default = document.top.mode if document.top else Mode.OBSERVE
    managed = {one.unit for one in document.pairings.values() if Mode(one.mode or default) is Mode.PROTECT}
    return tuple(sorted(managed))


def _read(file: Path) -> Document:
    findings = Findings()
    document = read_document(file, findings)
    if document is None or findings.mistakes:
        raise ConfigError(findings.mistakes)
    return document
