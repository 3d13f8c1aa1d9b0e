"""What a metric family is, and the shapes that most of them have.

Label values come from the configuration and from closed lists alone, so no series appears late,
and none for a text that somebody outside chose.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from nova_watchdog.core.model import Pairing
from nova_watchdog.core.snapshot import FleetSnapshot, PairingSnapshot

PREFIX = "nova_watchdog_"

Samples = Iterator[tuple[Sequence[str], float]]
Looks = dict[str, PairingSnapshot | None]


@dataclass(frozen=True, slots=True)
class Scrape:
    """One moment as the families read it. `pairings` holds every configured one, looked at or not.

    `vcenters` and `buses`: by key, the latest look at a pairing of it, None before the first one.
    """

    snapshot: FleetSnapshot
    pairings: tuple[Pairing, ...]
    now_s: float
    vcenters: Looks = field(init=False)
    buses: Looks = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "vcenters", self._latest(lambda pairing: pairing.vcenter))
        object.__setattr__(self, "buses", self._latest(lambda pairing: pairing.bus))

    @property
    def wall_s(self) -> float:
        """The scrape's moment as Unix time."""
        return self.snapshot.wall_s + (self.now_s - self.snapshot.now_s)

    def shown(self) -> Iterator[tuple[str, PairingSnapshot | None]]:
        """Every pairing's name and its last picture, None before its first look."""
        for pairing in self.pairings:
            yield pairing.name, self.snapshot.pairings.get(pairing.name)

    def _latest(self, key_of: Callable[[Pairing], str]) -> Looks:
        found: Looks = {}
        for pairing in self.pairings:
            key = key_of(pairing)
            if not key:
                continue
            look = self.snapshot.pairings.get(pairing.name)
            known = found.setdefault(key, look)
            if look is not None and (known is None or look.ticked_at_s > known.ticked_at_s):
                found[key] = look
        return found


class Kind(enum.Enum):
    """Prometheus' metric types that are used here."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family. `name` is the series' name as a query writes it."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str
    samples: Callable[[Scrape], Samples]


def words(members: type[enum.Enum]) -> tuple[str, ...]:
    """The values of a closed list, in its order."""
    return tuple(member.value for member in members)


def state_set(
    members: Sequence[str], unseen: str | None, word: Callable[[PairingSnapshot], str]
) -> Callable[[Scrape], Samples]:
    """One series a member, 1 for the one that holds; `unseen` holds before the first look."""

    def samples(scrape: Scrape) -> Samples:
        for name, shown in scrape.shown():
            current = unseen if shown is None else word(shown)
            for member in members:
                yield (name, member), float(member == current)

    return samples


def joined_state_set(
    members: Sequence[str], unseen: str, word: Callable[[PairingSnapshot], str]
) -> Callable[[Scrape], Samples]:
    """As `state_set`, with the vCenter and the message bus of the pairing as labels."""

    def samples(scrape: Scrape) -> Samples:
        for pairing in scrape.pairings:
            shown = scrape.snapshot.pairings.get(pairing.name)
            current = unseen if shown is None else word(shown)
            for member in members:
                yield (pairing.name, pairing.vcenter, pairing.bus, member), float(member == current)

    return samples


def per_pairing(
    unseen: float, value: Callable[[Scrape, PairingSnapshot], float | None]
) -> Callable[[Scrape], Samples]:
    """One series a pairing: `unseen` before the first look, NaN where there is no value."""

    def samples(scrape: Scrape) -> Samples:
        for name, shown in scrape.shown():
            found = unseen if shown is None else value(scrape, shown)
            yield (name,), math.nan if found is None else float(found)

    return samples


def shared_state_set(
    looks: Callable[[Scrape], Looks],
    members: Sequence[str],
    unseen: str,
    word: Callable[[PairingSnapshot], str],
) -> Callable[[Scrape], Samples]:
    """One state set for each vCenter or message bus, by the latest look at a pairing of it."""

    def samples(scrape: Scrape) -> Samples:
        for key, shown in looks(scrape).items():
            current = unseen if shown is None else word(shown)
            for member in members:
                yield (key, member), float(member == current)

    return samples


def shared_value(
    looks: Callable[[Scrape], Looks], value: Callable[[Scrape, PairingSnapshot], float | None]
) -> Callable[[Scrape], Samples]:
    """One series for each vCenter or message bus: NaN where there is no value."""

    def samples(scrape: Scrape) -> Samples:
        for key, shown in looks(scrape).items():
            found = None if shown is None else value(scrape, shown)
            yield (key,), math.nan if found is None else float(found)

    return samples
