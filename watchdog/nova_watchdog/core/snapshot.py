"""What the runtime shows to the outside: one frozen picture of the fleet, replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nova_watchdog.core.decide import Decision
from nova_watchdog.core.memory import Memory
from nova_watchdog.core.model import Observation, Pairing


@dataclass(frozen=True, slots=True)
class Transition:
    """One edge: what changed, when, by which rule, and why. Times are Unix seconds, for people."""

    wall_s: float
    diagnosis: str
    phase: str
    rule: str
    why: str
    action: str = ""


@dataclass(frozen=True, slots=True)
class PairingSnapshot:
    """One pairing after its last tick. `remedy` has the unit's and host's names filled in.

    `starts_left` is what the budget of `budget` starts still allows; `transitions` are the last ones,
    newest last. `store_problem`: why its record cannot be written, so that nothing is done; empty when
    it can.
    """

    pairing: Pairing
    observation: Observation
    memory: Memory
    decision: Decision
    remedy: str
    starts_left: int
    budget: int
    diagnosis_since_wall_s: float
    ticked_at_s: float
    last_action: str = ""
    store_problem: str = ""
    transitions: tuple[Transition, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeSnapshot:
    """One probe: `target` is a vCenter's key, or the cloud's name. Counters only grow."""

    kind: str
    target: str
    ok: bool
    detail: str
    last_duration_s: float | None = None
    last_success_wall_s: float | None = None
    runs: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class FleetSnapshot:
    """Everything at one moment. `actions` counts by (pairing, rule, action, outcome).

    `unwatched`: the configured pairings that are not watched, each with one line a mistake in its files.
    """

    controller: str
    version: str
    started_wall_s: float
    wall_s: float
    now_s: float
    pairings: Mapping[str, PairingSnapshot] = field(default_factory=dict)
    probes: tuple[ProbeSnapshot, ...] = ()
    actions: Mapping[tuple[str, str, str, str], int] = field(default_factory=dict)
    loop_lag_s: float = 0.0
    unwatched: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
