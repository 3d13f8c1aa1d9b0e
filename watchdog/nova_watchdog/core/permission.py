"""Whether the daemon may act on a pairing now, and who says that it may not."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.model import Mode


class Permission(enum.Enum):
    """May the daemon act, and if not, why not."""

    PROTECT = "protect"
    OBSERVE = "observe"
    PAUSED = "paused"
    MAINTENANCE = "maintenance"
    NO_RECORD = "no-record"  # what was done before cannot be read, so nothing is
    NOT_HELD = "not-held"  # several controllers share the pairing, and this one may not run it now


@dataclass(frozen=True, slots=True)
class Pause:
    """A human's wish to be left alone, which ends by itself. Times are Unix seconds."""

    reason: str
    by: str
    began_wall_s: float
    until_wall_s: float

    def holds(self, wall_s: float) -> bool:
        """Whether it is not over."""
        return wall_s < self.until_wall_s


def with_hold(permission: Permission, holding: Holding | None, now_s: float) -> Permission:
    """The permission of a controller that shares the pairing (None: it does not), after its own reasons."""
    if permission is not Permission.PROTECT or holding is None or holding.allows(now_s):
        return permission
    return Permission.NOT_HELD


def permission_of(mode: Mode, pause: Pause | None, window: str, wall_s: float) -> Permission:
    """The strongest reason first. `window` names the maintenance window that is open now, or is empty."""
    if mode is Mode.OBSERVE:
        return Permission.OBSERVE
    if pause is not None and pause.holds(wall_s):
        return Permission.PAUSED
    return Permission.MAINTENANCE if window else Permission.PROTECT
