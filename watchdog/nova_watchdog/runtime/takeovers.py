"""Whether what was started at a takeover was seen to work: told once."""

from __future__ import annotations

from collections.abc import Callable

from nova_watchdog.core.decide import Decision
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.memory import Memory
from nova_watchdog.core.model import Observation, Pairing, Reading
from nova_watchdog.core.verification import is_complete, verification_of, words_of


class Takeover:
    """The last takeover of one pairing.

    within_s: later than that after the start nothing is told: the diagnosis says what is wrong.
    """

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._told_epoch = 0
        self._asked_for_s = 0.0

    def verified(
        self,
        holding: Holding | None,
        decision: Decision,
        observation: Observation,
        pairing: Pairing,
        memory: Memory,
        now_s: float,
        ask: Callable[[], None],
    ) -> str:
        """For the history, once a hold that was taken from another controller; empty: nothing to tell.

        ask: for another inventory: the next may be a minute away, and tells of the session.
        """
        if holding is None or not self._is_awaited(holding, memory, now_s):
            return ""
        verified = verification_of(decision, observation, pairing, memory)
        if is_complete(verified, observation, pairing):
            self._told_epoch = holding.epoch
            seen = observation.inventory
            address = seen.value.own_address if isinstance(seen, Reading) else ""
            after_s = now_s - memory.process_started_at_s
            return f"takeover verified {after_s:.0f} s after the start: {words_of(verified, address)}"
        if verified.heartbeat and not verified.session and self._asked_for_s != memory.process_started_at_s:
            self._asked_for_s = memory.process_started_at_s
            ask()
        return ""

    def _is_awaited(self, holding: Holding, memory: Memory, now_s: float) -> bool:
        """Whether a process runs that began here, under a hold that was another's before."""
        if holding.claim is not Claim.MINE or not holding.came:
            return False
        if holding.epoch == self._told_epoch or not (memory.process_lives and memory.start_seen):
            return False
        started_s = memory.process_started_at_s
        return started_s >= holding.since_s and now_s - started_s <= self._within_s
