"""The keeper among the pairings' loops: what each asks of the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from nova_watchdog.core.facts import Facts
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.decide import Give, HoldDecision, HoldPolicy
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.hold.records import Vantage
from nova_watchdog.core.hold.rules import HoldVerb
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.hold.vantage import give_of, vantage_of
from nova_watchdog.core.kv import kv
from nova_watchdog.core.model import NOT_READ, Observed, Pairing, Unknown
from nova_watchdog.core.permission import Permission, permission_of
from nova_watchdog.core.snapshot import HoldSnapshot, KeeperSnapshot, PairingSnapshot
from nova_watchdog.core.state import Phase
from nova_watchdog.core.store_size import StoreSize
from nova_watchdog.runtime.hold_ports import Asks, KeeperPorts
from nova_watchdog.runtime.keeper import Keeper
from nova_watchdog.runtime.pairing_loop import PairingLoop
from nova_watchdog.runtime.registrar import Identity

_log = logging.getLogger("nova_watchdog.hold")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The rest of the daemon.

    loop: that of a pairing, None: it is not watched.
    count: receives (pairing, rule, action, outcome) of what was done for a hold.
    window: names the maintenance window that is open for a pairing at a Unix time.
    vantage: could this controller serve a pairing, as its loop saw it last (None: not yet).
    is_managed: whether its unit is set up to be held: one that is not, is only observed. None: not known yet.
    blocked_by: each check of this controller's preflight, and whether it keeps it from serving the pairing.
    told: receives each change of a pairing's rule, and what became of what was done.
    store_size: how full the store is.
    """

    loop: Callable[[str], PairingLoop | None]
    count: Callable[[str, str, str, str], None]
    window: Callable[[str, float], str] = lambda _pairing, _wall_s: ""
    vantage: Callable[[str, Facts | None], Vantage] = lambda _pairing, facts: vantage_of(facts)
    is_managed: Callable[[str], bool | None] = lambda _pairing: True
    blocked_by: Callable[[str], Mapping[str, bool]] = lambda _pairing: {}
    told: Callable[[str, HoldDecision, str], None] = lambda _pairing, _decision, _outcome: None
    store_size: Callable[[], Observed[StoreSize]] = lambda: NOT_READ


class Holdings:
    """The holds of the pairings that this daemon protects together with other controllers.

    pairings: all of them, those too whose nova files cannot be used now: what is held must stay held.
    """

    def __init__(
        self,
        identity: Identity,
        pairings: Sequence[Pairing],
        timing: Timing,
        policy: HoldPolicy,
        ports: KeeperPorts,
        around: Surroundings,
    ) -> None:
        self._modes = {one.name: one.mode for one in pairings}
        self._policy = policy
        self._names = tuple(self._modes)
        self._ports = ports
        self._around = around
        asks = Asks(self._vantage, self._permission, self._give, self._stopped, self._told, self._covered)
        self.keeper = Keeper(identity, pairings, timing, policy, ports, asks)

    def holding(self, pairing: str) -> Holding | None:
        """The hold as it stands now, None for a pairing that is not shared (`observe`)."""
        return self.keeper.holding(pairing) if pairing in self._modes else None

    async def run(self) -> None:
        """Keep until cancelled."""
        await self.keeper.run()

    def snapshots(self) -> tuple[KeeperSnapshot, Mapping[str, HoldSnapshot]]:
        """For telemetry."""
        holds = {
            name: replace(self.keeper.shown(name), blocked_by=self._around.blocked_by(name))
            for name in self._names
        }
        return self._with_size(self.keeper.snapshot()), holds

    def _with_size(self, keeper: KeeperSnapshot) -> KeeperSnapshot:
        found = self._around.store_size()
        if isinstance(found, Unknown):
            return replace(keeper, size=None, size_problem=found.reason)
        return replace(keeper, size=found.value, size_problem="")

    # --- what the keeper asks

    def _shown(self, pairing: str) -> PairingSnapshot | None:
        loop = self._around.loop(pairing)
        return loop.snapshot if loop else None

    def _vantage(self, pairing: str) -> Vantage:
        shown = self._shown(pairing)
        return self._around.vantage(pairing, shown.decision.facts if shown else None)

    def _permission(self, pairing: str) -> Permission:
        """That of its loop, the hold aside. Before its first look, and without its record: none."""
        shown, wall_s = self._shown(pairing), self._ports.clock.wall_s()
        if shown is None or shown.permission is Permission.NO_RECORD:
            return Permission.NO_RECORD
        is_managed = self._around.is_managed(pairing)
        if not is_managed:
            return Permission.NO_RECORD if is_managed is None else Permission.OBSERVE
        window = self._around.window(pairing, wall_s)
        return permission_of(self._modes[pairing], shown.pause, window, wall_s)

    def _give(self, pairing: str) -> Give | None:
        shown = self._shown(pairing)
        if shown is None:
            return None
        decision = shown.decision
        return give_of(
            decision.state,
            decision.facts,
            shown.memory,
            self._policy,
            still_starts=decision.still_starts,
        )

    def _stopped(self, pairing: str, epoch: int) -> bool | None:
        shown = self._shown(pairing)
        if shown is None or shown.decision.state.held_epoch != epoch:
            return None
        return shown.decision.state.phase is Phase.STOPPED

    def _covered(self, pairing: str) -> None:
        """Whoever waits to be started does not wait for its loop's next look."""
        if (loop := self._around.loop(pairing)) is not None:
            loop.wake()

    def _told(self, pairing: str, decision: HoldDecision, outcome: str) -> None:
        rule, reason, loop = decision.rule, decision.reason, self._around.loop(pairing)
        if loop is not None:
            if rule.verb is not HoldVerb.NOTHING or decision.claim is Claim.MINE:
                because, was = f" ({reason})" if reason else "", f": {outcome}" if outcome else ""
                loop.note(rule.verb.value, f"{rule.number}: {rule.why}{because}{was}")
            loop.wake()
        told = kv(
            "hold",
            pairing=pairing,
            rule=rule.number,
            claim=decision.claim.value,
            action=None if rule.verb is HoldVerb.NOTHING else rule.verb.value,
            outcome=outcome or None,
            why=rule.why,
            reason=reason or None,
        )
        if rule.verb is HoldVerb.NOTHING:
            _log.info(told)
        else:
            _log.warning(told)
            if outcome:
                # Without one it was not carried out yet: what is dead loses its token before its release.
                self._around.count(pairing, rule.number, rule.verb.value, outcome.partition(":")[0])
        self._around.told(pairing, decision, outcome)
