"""What keeping holds needs of the world, and of the rest of the daemon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nova_watchdog.core.hold.decide import Give, HoldDecision
from nova_watchdog.core.hold.records import Vantage
from nova_watchdog.core.permission import Permission
from nova_watchdog.ports import BusFence, Clock, Deadline, RunFile, Store, Tokens, Units, UnitStops


@dataclass(frozen=True, slots=True)
class KeeperPorts:
    """The ports that holding needs. `fence`: None where there is no management API to ask."""

    clock: Clock
    store: Store
    units: Units
    stops: UnitStops
    deadline: Deadline
    tokens: Tokens
    run_file: RunFile
    fence: BusFence | None = None


@dataclass(frozen=True, slots=True)
class Asks:
    """What the keeper asks the rest of the daemon, by pairing.

    vantage: could this controller serve it. permission: may it act, the hold aside. give: a reason why it
    should move. stopped: whether a human stopped it on purpose under the hold of that epoch, None: not known
    yet. told: takes each change of rule, and the outcome of what was done. covered: from now on it may be
    started.
    """

    vantage: Callable[[str], Vantage]
    permission: Callable[[str], Permission]
    give: Callable[[str], Give | None] = lambda _pairing: None
    stopped: Callable[[str, int], bool | None] = lambda _pairing, _epoch: None
    told: Callable[[str, HoldDecision, str], None] = lambda _pairing, _decision, _outcome: None
    covered: Callable[[str], None] = lambda _pairing: None
