"""What is decided about a pairing and kept across ticks and restarts of the daemon."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from nova_watchdog.core.permission import Pause


class Phase(enum.Enum):
    """Where the daemon stands with a pairing."""

    NEW = "new"  # never seen running here: not ours to start
    WATCHING = "watching"
    WAITING = "waiting"  # the process is down and a dependency keeps it from starting
    RECOVERING = "recovering"  # we started it, and it has not shown that it works
    STOPPED = "stopped"  # a human stopped it
    GIVEN_UP = "given-up"  # the budget is spent: only a human may act


@dataclass(frozen=True, slots=True)
class Start:
    """One start that we asked for, and whether it counts against the budget."""

    at_s: float
    charged: bool


@dataclass(frozen=True, slots=True)
class PairingState:
    """The phase, and what was spent.

    attempts: starts since the pairing was last healthy.
    seen_running: whether its unit was seen with a process since this boot. systemd forgets a unit
        that ended cleanly, with its timestamps: "never started" is then a clean end nobody saw.
    operator_disabled: whether the service was seen disabled by an operator and not enabled since. During an
        outage the driver writes its own reason over the operator's (measured: within 70 s), and os-services
        alone could not tell any more whose wish it was.
    hung_since_s: since when the process is judged to be hung without a break, and nothing holds the kill.
    held_epoch: the epoch of the hold that the phase speaks of; 0: the pairing is this controller's alone.
    pause: a human's wish that nothing is done. It outlives a reboot, and ends by the wall clock.
    """

    phase: Phase = Phase.NEW
    seen_running: bool = False
    starts: tuple[Start, ...] = ()
    attempts: int = 0
    last_enable_at_s: float | None = None
    last_kill_at_s: float | None = None
    hung_since_s: float | None = None
    operator_disabled: bool = False
    held_epoch: int = 0
    pause: Pause | None = None
