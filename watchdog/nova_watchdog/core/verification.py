"""Whether a nova-compute that was started is seen to work: what each witness says of that very process."""

from __future__ import annotations

from dataclasses import dataclass, fields

from nova_watchdog.core.decide import Decision
from nova_watchdog.core.facts import BusFact, HeartbeatFact, UnitFact
from nova_watchdog.core.memory import Memory
from nova_watchdog.core.model import Answer, ComputeOnBus, Observation, Pairing, Reading
from nova_watchdog.core.sessions import NovaSession, is_told

_PINGS = {Answer.ANSWERED: True, Answer.UNANSWERED: False, Answer.UNASKED: None}
_HEARTBEATS = {HeartbeatFact.FRESH: True, HeartbeatFact.STALE: False}
# That calls come over it is another question, which the concern `vcenter-idle` asks.
_SESSIONS = {NovaSession.ACTIVE: True, NovaSession.QUIET: True, NovaSession.MISSING: False}


@dataclass(frozen=True, slots=True)
class Verification:
    """What was seen of the process that runs now: True: good, False: bad, None: not known.

    heartbeat: it reports to Nova. consumer: its queue has one consumer, no other nova-compute's beside it.
    ping: it answers. session: it has one at vCenter, from this controller's address.
    """

    heartbeat: bool | None = None
    consumer: bool | None = None
    ping: bool | None = None
    session: bool | None = None


def verification_of(
    decision: Decision, observation: Observation, pairing: Pairing, memory: Memory
) -> Verification:
    """What the readings behind `decision` say. Only those count that began after the process did."""
    if decision.facts.unit is not UnitFact.UP:
        return Verification()
    compute = _on_bus(decision, observation, pairing, memory)
    return Verification(
        heartbeat=_HEARTBEATS.get(decision.facts.heartbeat),
        consumer=None if compute is None else compute.consumers == 1,
        ping=None if compute is None else _PINGS[compute.ping],
        session=_SESSIONS.get(decision.session),
    )


def is_complete(verified: Verification, observation: Observation, pairing: Pairing) -> bool:
    """Whether all is seen good that can be read from here, its heartbeat in any case."""
    lacking = {one.name for one in fields(verified) if getattr(verified, one.name) is not True}
    if verified.session is None and _hides_sessions(observation):
        lacking.discard("session")
    if not pairing.bus:
        lacking -= {"consumer", "ping"}
    return not lacking


def words_of(verified: Verification, address: str) -> str:
    """For people, for example "heartbeat, one consumer, ping, session from 192.0.2.12".

    address: this controller's, as vCenter sees it; empty: not told.
    """
    words = {
        "heartbeat": verified.heartbeat,
        "one consumer": verified.consumer,
        "ping": verified.ping,
        f"session from {address}" if address else "session": verified.session,
    }
    parts = [", ".join(word for word, seen in words.items() if seen)]
    for told, value in (("NOT", False), ("not known:", None)):
        if found := ", ".join(word for word, seen in words.items() if seen is value):
            parts.append(f"{told} {found}")
    return "; ".join(part for part in parts if part)


def _on_bus(
    decision: Decision, observation: Observation, pairing: Pairing, memory: Memory
) -> ComputeOnBus | None:
    seen = observation.bus
    if decision.facts.bus is not BusFact.OK or not isinstance(seen, Reading):
        return None
    if seen.began_at_s < memory.process_started_at_s:
        return None
    return seen.value.computes.get(pairing.host)


def _hides_sessions(observation: Observation) -> bool:
    """Whether vCenter answers, and does not tell: without the privilege nobody waits for it."""
    seen = observation.inventory
    return isinstance(seen, Reading) and not is_told(seen.value)
