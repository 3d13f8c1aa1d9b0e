"""What every view of a snapshot derives from it in the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nova_watchdog.core.decide import Wakeup
from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.facts import NovaFact, service_record
from nova_watchdog.core.model import BusOutcome, ClusterView, ComputeOnBus, HostLoad, Mode, Pairing, Unknown
from nova_watchdog.core.permission import Pause
from nova_watchdog.core.snapshot import (
    FleetSnapshot,
    HoldSnapshot,
    KeeperSnapshot,
    PairingSnapshot,
    StandbySnapshot,
)

# A pairing is looked at every `tick_s` (1 s by default) and at each event. One look may hold an action
# that ends within 15 s; beyond that its loop hangs.
STALE_AFTER_S = 20.0

UNKNOWN = "unknown"

Snapshot = Callable[[], FleetSnapshot]
# The configured pairings: a reload may change what a callable gives.
Configured = Callable[[], Sequence[Pairing]] | Sequence[Pairing]


def configured(pairings: Configured) -> Callable[[], Sequence[Pairing]]:
    """Both forms as the callable one."""
    return pairings if callable(pairings) else lambda: pairings


def wall_of(snapshot: FleetSnapshot, at_s: float) -> float:
    """The Unix time in seconds of a monotonic time."""
    return snapshot.wall_s - (snapshot.now_s - at_s)


def tick_age_s(pairing: PairingSnapshot, now_s: float) -> float:
    """How long ago the pairing was last looked at."""
    return max(0.0, now_s - pairing.ticked_at_s)


def is_stale(pairing: PairingSnapshot, now_s: float, stale_after_s: float) -> bool:
    """Whether the verdict is too old to be believed: the pairing's loop hangs."""
    return tick_age_s(pairing, now_s) > stale_after_s


def has_verdict(snapshot: FleetSnapshot, pairing: PairingSnapshot) -> bool:
    """Whether this daemon ever judged the pairing on enough readings: unknown is not a verdict.

    The transitions may begin before the daemon did: those are another one's verdicts.
    """
    words = {edge.diagnosis for edge in pairing.transitions if edge.wall_s >= snapshot.started_wall_s}
    words.add(pairing.decision.diagnosis.diagnosis.value)
    return words != {Diagnosis.UNKNOWN.value}


def heartbeat_age_s(pairing: PairingSnapshot, now_s: float) -> float | None:
    """Age of the last heartbeat of the running process, by local receipt. None: none seen."""
    at_s = pairing.memory.heartbeat_at_s
    return None if at_s is None else max(0.0, now_s - at_s)


def service_word(pairing: PairingSnapshot) -> str:
    """Whether Nova may use the service, "unknown" while Nova gives no fresh record of it.

    The fact alone says "enabled" without a record, which is right for the rules (nothing to
    repair) and wrong for people.
    """
    facts = pairing.decision.facts
    if facts.nova in (NovaFact.UNREAD, NovaFact.BLIND):
        return UNKNOWN
    if service_record(pairing.pairing, pairing.observation) is None:
        return UNKNOWN
    return facts.service.value


def next_look_in_s(pairing: PairingSnapshot, now_s: float) -> float | None:
    """When time alone may change the decision, in seconds from now. None: only new readings can."""
    times_s = [action.at_s for action in pairing.decision.actions if isinstance(action, Wakeup)]
    return max(0.0, min(times_s) - now_s) if times_s else None


def pause_of(pairing: PairingSnapshot, wall_s: float) -> Pause | None:
    """The pause that holds at that Unix time."""
    return pairing.pause if pairing.pause is not None and pairing.pause.holds(wall_s) else None


def cluster_of(pairing: PairingSnapshot) -> ClusterView | None:
    """The pairing's cluster as the inventory last showed it. None: unknown, or no cluster of that name."""
    seen = pairing.observation.inventory
    return None if isinstance(seen, Unknown) else seen.value.clusters.get(pairing.pairing.cluster)


def load_of(pairing: PairingSnapshot) -> HostLoad | None:
    """What Nova has behind the pairing. None: unknown, or Nova has no hypervisor of it."""
    seen = pairing.observation.workload
    return None if isinstance(seen, Unknown) else seen.value.hosts.get(pairing.pairing.host)


def on_bus(pairing: PairingSnapshot) -> ComputeOnBus | None:
    """The pairing's nova-compute on its message bus. None: unknown, or the bus was not proven."""
    seen = pairing.observation.bus
    if isinstance(seen, Unknown) or seen.value.outcome is not BusOutcome.OK:
        return None
    return seen.value.computes.get(pairing.pairing.host)


def is_shared(snapshot: FleetSnapshot, pairing: Pairing) -> bool:
    """Whether other controllers share the pairing: in mode observe nothing is held."""
    return snapshot.keeper is not None and pairing.mode is Mode.PROTECT


def is_renewing(keeper: KeeperSnapshot) -> bool:
    """Whether this daemon is registered in the store, and nothing keeps it from being renewed."""
    return keeper.registered and not keeper.problem


def left_s(until_s: float | None, now_s: float) -> float | None:
    """Seconds until that local time, never negative. None: there is no such time."""
    return None if until_s is None else max(0.0, until_s - now_s)


def standbys_of(hold: HoldSnapshot | None) -> tuple[StandbySnapshot, ...]:
    """Every controller that the store knows, but the holder."""
    return () if hold is None else tuple(one for one in hold.standbys if one.controller != hold.holder)
