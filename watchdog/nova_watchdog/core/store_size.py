"""How full the store is that the controllers share. Full it refuses every write, and nothing is held then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# etcd's own quota, where it tells none and nobody gave it another one.
DEFAULT_QUOTA_BYTES = 2 * 1024**3
# From there on a human is told: weeks before it is full, if nothing but renewals fills it.
FILLING_SHARE = 0.75
# Either of them keeps every renewal from being written.
ALARMS = ("NOSPACE", "CORRUPT")


@dataclass(frozen=True, slots=True)
class StoreSize:
    """What its fullest member says of its database, and the alarms that any of them tells.

    size_bytes: the file, which the quota bounds. in_use_bytes: what of that is in use, the rest is given back
    by defragmenting. quota_bytes: None, it does not tell.
    """

    size_bytes: int
    in_use_bytes: int
    quota_bytes: int | None = None
    alarms: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """What of the quota is taken: etcd's own one, where none is told."""
        return self.size_bytes / (self.quota_bytes or DEFAULT_QUOTA_BYTES)

    @property
    def is_filling(self) -> bool:
        """Whether somebody should look after it."""
        return self.share > FILLING_SHARE


def fullest(sizes: Iterable[StoreSize]) -> StoreSize:
    """One picture of all members. Raises ValueError without any."""
    known = list(sizes)
    worst = max(known, key=lambda one: one.share)
    alarms = tuple(sorted({alarm for one in known for alarm in one.alarms}))
    return StoreSize(worst.size_bytes, worst.in_use_bytes, worst.quota_bytes, alarms)
