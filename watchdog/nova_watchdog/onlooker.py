"""Whose the shared pairings are, for a command that looks once: it registers nowhere, and writes nothing."""

from __future__ import annotations

from nova_watchdog.config.settings import Settings
from nova_watchdog.core.hold.claims import Claim, claim_of
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.hold.sight import Sight
from nova_watchdog.ports import Clock, Store, StoreUnavailableError
from nova_watchdog.receivers import Closer
from nova_watchdog.runtime.hold_look import looked
from nova_watchdog.sharing import store_of, to_hold


class Onlooker:
    """One look at the records. Who is silent cannot be told by it: that takes as long as a takeover waits.

    problem: why there is no answer, empty: there is one. close: lets the store go.
    """

    def __init__(self, settings: Settings, clock: Clock, store: Store, close: Closer) -> None:
        self._controller = settings.controller
        self._timing = settings.timing
        self._names = frozenset(one.name for one in to_hold(settings))
        self._clock = clock
        self._store = store
        self.close = close
        self._sight = Sight()
        self.problem = "not asked yet"

    async def look(self) -> None:
        """Read them. A store without an answer is a problem, and no error."""
        try:
            self._sight = await looked(self._store, self._clock, self._sight)
            self.problem = ""
        except StoreUnavailableError as error:
            self.problem = str(error)

    def holding(self, pairing: str) -> Holding | None:
        """The hold, None where this controller has it or nobody ever had it: it is judged as if alone."""
        if pairing not in self._names:
            return None
        # As of the look: what stands still since nobody looked is not silent.
        now_s, own = self._sight.began_at_s or 0.0, self._sight.controller(self._controller)
        incarnation = own.value.incarnation if own and own.value else None
        claim = claim_of(pairing, self._controller, incarnation, self._sight, self._timing, now_s)
        if claim in (Claim.MINE, Claim.NOBODY):
            return None
        seen = self._sight.holds.get(pairing)
        record = seen.value if seen else None
        return Holding(claim, holder=record.holder if record else "", epoch=record.epoch if record else 0)


def onlooker(settings: Settings, clock: Clock) -> Onlooker | None:
    """None for a daemon that is alone."""
    if settings.etcd is None:
        return None
    store = store_of(settings.etcd, clock, settings.timing.timeout_s)
    return Onlooker(settings, clock, store, store.close)
