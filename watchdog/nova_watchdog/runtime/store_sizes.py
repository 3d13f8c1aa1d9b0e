"""Keeps asking the store how full it is, beside the renewals and without any part in them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nova_watchdog.core.model import Observed, Reading, Unknown
from nova_watchdog.core.observed import fresh
from nova_watchdog.core.store_size import StoreSize
from nova_watchdog.ports import Clock
from nova_watchdog.runtime.probe import Probe

# It grows in weeks.
_INTERVAL_S = 60.0
_RETRY_S = 15.0
_DEADLINE_S = 10.0
_MAX_AGE_S = 180.0


class StoreSizes:
    """`run` keeps asking; `seen` answers from what was told last. `ask` raises ProbeError."""

    def __init__(self, ask: Callable[[], Awaitable[StoreSize]], clock: Clock) -> None:
        self._clock = clock
        self._last: Reading[StoreSize] | None = None
        self._probe = Probe(
            "store",
            "etcd",
            ask,
            clock,
            interval_s=_INTERVAL_S,
            deadline_s=_DEADLINE_S,
            judge=lambda size: (True, f"{size.size_bytes} bytes"),
            retry_s=_RETRY_S,
        )
        self._probe.subscribe(self._keep)

    async def run(self) -> None:
        """Ask until cancelled."""
        await self._probe.run()

    def seen(self) -> Observed[StoreSize]:
        """How full it is, as it was last told; Unknown once that is old: one silent question is no news."""
        last, now_s = self._last, self._clock.now_s()
        if last is not None and fresh(last, _MAX_AGE_S, now_s) is not None:
            return last
        now = self._probe.observed
        return now if isinstance(now, Unknown) else Unknown("it was told too long ago", now.began_at_s)

    def _keep(self) -> None:
        if isinstance(self._probe.observed, Reading):
            self._last = self._probe.observed
