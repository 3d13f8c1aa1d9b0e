"""What adopting changes on a controller, as values."""

from __future__ import annotations

from dataclasses import dataclass

from nova_watchdog.core.model import Mode
from nova_watchdog.core.setup import NovaSetup, UnitSetup


@dataclass(frozen=True, slots=True)
class WriteFile:
    """The whole text of a file. like: a path whose owner and group a new file gets."""

    path: str
    text: str
    why: str
    like: str = "/etc"
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class AddLine:
    """One line of a list that other pairings share. head: what a new file begins with."""

    path: str
    line: str
    why: str
    head: str = ""


@dataclass(frozen=True, slots=True)
class MakeDirectory:
    """A directory. like: a path whose owner and group it gets."""

    path: str
    why: str
    like: str
    mode: int = 0o750


@dataclass(frozen=True, slots=True)
class Disable:
    """Nothing starts the unit at boot any more. before: systemd's `UnitFileState`."""

    unit: str
    before: str
    why: str


Change = WriteFile | AddLine | MakeDirectory | Disable


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is changed, and what a human can do about it."""

    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Found:
    """What is there now.

    shares: whether other controllers share the pairing (`[etcd]`). nova.places: `shared` where another
    pairing of this controller looks too. units: all units of the configuration, for polkit. compute_id: what
    the human gave, empty: nothing.
    """

    pairing: str
    unit: str
    mode: Mode
    shares: bool
    setup: UnitSetup
    nova: NovaSetup
    units: tuple[str, ...]
    compute_id: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes in their order; none of them where something speaks against it (`refusals`).

    warnings: nothing is wrong for certain. nexts: what the human does afterwards.
    """

    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()
    nexts: tuple[str, ...] = ()
