"""One look at all records of the store."""

from __future__ import annotations

from nova_watchdog.core.hold.records import joined
from nova_watchdog.core.hold.sight import Sight, look
from nova_watchdog.ports import Clock, Store


async def looked(store: Store, clock: Clock, sight: Sight) -> Sight:
    """What was seen before, with everything that the store shows now. Raises StoreUnavailableError."""
    began_s = clock.now_s()
    found = await store.read("")
    records = joined({key: (one.value, one.revision) for key, one in found.items()})
    return look(sight, records, began_s, clock.now_s())
