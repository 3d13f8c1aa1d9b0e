"""What the runtime needs from the world, as protocols, and the errors it may raise.

Adapters implement these and translate their library's errors into the ones below, once. Every
method that waits has a bound of its own; none blocks the event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nova_watchdog.core.events import Event
from nova_watchdog.core.model import (
    BusView,
    InventoryView,
    ServicesView,
    UnitState,
    VCenterView,
    WorkloadView,
)
from nova_watchdog.core.setup import UnitSetup


class WatchdogError(Exception):
    """Root of the errors that cross a port."""


class ProbeError(WatchdogError):
    """A probe could not tell. Becomes `Unknown(reason)`: it is never a verdict. The text is the reason."""


class ActionRefusedError(WatchdogError):
    """The action did not happen, and the text says why."""


class ResultUnknownError(WatchdogError):
    """The action was sent and no answer came in time: it may or may not have happened."""


class StoreUnavailableError(WatchdogError):
    """The store gave no committed answer."""


class StoreConflictError(WatchdogError):
    """A compared revision had changed: nothing was written."""


class NotifyError(WatchdogError):
    """A receiver did not take the events. The text says why, without a secret.

    `retry_after_s`: how long the receiver asks to be left alone (HTTP 429), None: it did not say.
    `gives_up`: it will never take them (a refusal that repeating cannot heal).
    """

    def __init__(self, reason: str, *, retry_after_s: float | None = None, gives_up: bool = False) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.gives_up = gives_up


class Clock(Protocol):
    """Time, as an argument of the world."""

    def now_s(self) -> float:
        """Monotonic seconds (`CLOCK_MONOTONIC`)."""
        ...

    def wall_s(self) -> float:
        """Unix time in seconds: for people and exporters, never for a timeout."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that much monotonic time."""
        ...

    def boot_id(self) -> str:
        """Names this boot of the machine or container: what was seen in another one means nothing."""
        ...


class Units(Protocol):
    """systemd's units on this controller."""

    async def read(self, unit: str) -> UnitState:
        """The unit's state now. Raises ProbeError, also for a stop while the machine shuts down."""
        ...

    def subscribe(self, unit: str, wake: Callable[[], None]) -> None:
        """Call `wake` on each change of the unit or its jobs, and after the bus was lost and found."""
        ...

    async def start(self, unit: str, *, expected_invocation: str) -> None:
        """Queue a start that never replaces somebody else's job (job mode `fail`).

        Refused when the unit has a process, a job or left-over processes, or ran since
        `expected_invocation` was read.
        Raises ActionRefusedError, ResultUnknownError.
        """
        ...

    async def kill(self, unit: str, *, expected_invocation: str) -> None:
        """SIGKILL to every process of the unit, which is not marked as stopped by that.

        Refused when the unit has a job, no process, or is not that invocation.
        Raises ActionRefusedError, ResultUnknownError.
        """
        ...


class ManagedUnits(Protocol):
    """How the units of pairings are set up on this controller. It changes nothing."""

    async def read(self, unit: str) -> UnitSetup:
        """The unit's setup now, and that of its process. Raises ProbeError."""
        ...


class UnitRestarts(Protocol):
    """What only a human asks for: no loop restarts what runs."""

    async def restart(self, unit: str, *, expected_invocation: str) -> None:
        """Queue one job: a stop with the unit's full grace, and a start. It takes nobody else's job's place.

        Refused when the unit has a job, does not run, or is not that invocation; a unit that stopped in
        between is not started. Returns when systemd took it.
        Raises ActionRefusedError, ResultUnknownError.
        """
        ...


class UnitStops(Protocol):
    """How this controller's managed units are brought to their end. Nobody else's wish is asked.

    What was asked for is carried out whole, also when the caller gave up waiting for the answer.
    """

    async def stop(self, unit: str) -> None:
        """Queue a stop with the unit's full grace; it takes the place of a queued start.

        Returns when systemd took it, not when the unit is dead.
        Raises ActionRefusedError, ResultUnknownError.
        """
        ...

    async def kill_now(self, unit: str) -> None:
        """Queue a stop, which cancels a queued start, and SIGKILL every process of the unit.

        No error where there is none. Raises ActionRefusedError, ResultUnknownError.
        """
        ...

    async def is_down_for_good(self, unit: str) -> bool:
        """Whether the machine shuts down and the unit is dead without a job. Raises ProbeError."""
        ...


@dataclass(frozen=True, slots=True)
class DeadlineState:
    """The dead man's switch as systemd shows it.

    elapses_at_s: when the timer will fire (`NextElapseUSecMonotonic`), None: it does not wait.
    serving: its service runs now: the units are being killed, and an elapse would be swallowed.
    fired_at_s: when it last fired, None: not since boot.
    """

    elapses_at_s: float | None
    serving: bool
    fired_at_s: float | None = None


class Deadline(Protocol):
    """systemd's timer that removes the tokens and kills every managed unit, with or without this daemon."""

    async def arm(self, at_s: float) -> None:
        """Let it fire at that local monotonic time, in the place of the earlier one.

        The earlier one stays armed until this one is seen to wait (docs/safety.md, A2). What systemd answers
        proves nothing: read it. Raises ActionRefusedError, ResultUnknownError.
        """
        ...

    async def read(self) -> DeadlineState:
        """How it stands. Raises ProbeError."""
        ...


class Tokens(Protocol):
    """What the managed units' start condition asks for: a file for each pairing, gone with a reboot.

    Calls are carried out in their order, also when the caller gave up waiting for one.
    """

    async def grant(self, pairing: str, until_s: float) -> None:
        """Let the unit be started until that local monotonic time. Raises ActionRefusedError."""
        ...

    async def revoke(self, pairing: str) -> None:
        """Let nobody start it. No error where there is no token. Raises ActionRefusedError."""
        ...


class RunFile(Protocol):
    """What a restarted daemon must know to go on with its hold. A reboot forgets it."""

    def load(self) -> Mapping[str, Any] | None:
        """The last value saved since boot, None: none that can be read."""
        ...

    def save(self, value: Mapping[str, Any]) -> None:
        """Keep it. Raises ActionRefusedError."""
        ...


class VCenter(Protocol):
    """One vCenter with one account, however many clusters: one session, one worker."""

    async def read(self) -> VCenterView:
        """One canary: a property read of each configured cluster, logging in where needed.

        Raises ProbeError.
        """
        ...

    async def inspect(self) -> InventoryView:
        """Clusters, certificate and sessions, over the session of `read`: it never logs in by itself.

        A slow or hanging one delays no `read`. Raises ProbeError.
        """
        ...


class NovaServices(Protocol):
    """Nova's service records: one request for the whole cloud."""

    async def read(self) -> ServicesView:
        """All services. Raises ProbeError."""
        ...

    async def workload(self) -> WorkloadView:
        """Hypervisors and builds of the whole cloud. Raises ProbeError."""
        ...

    async def enable(self, host: str, *, only_if_reason: str) -> None:
        """Enable the nova-compute of `host`, only while it is disabled with exactly that reason.

        Raises ActionRefusedError, ResultUnknownError.
        """
        ...


class MessageBus(Protocol):
    """One message bus through nova's own transport URL, however many nova-computes."""

    async def read(self) -> BusView:
        """Publish and consume of our own, a ping to a conductor and to each nova-compute, their queues.

        A nova-compute that does not answer delays no other one's ping. Raises ProbeError.
        """
        ...


class BusFence(Protocol):
    """Closes from outside what a lost nova-compute left at the message bus."""

    async def close_consumers(self, host: str) -> int:
        """Close every connection that consumes from the queue of that nova-compute; returns how many.

        Raises ActionRefusedError, ResultUnknownError.
        """
        ...


class Notifier(Protocol):
    """Where events go that a scrape may miss: Alertmanager, PagerDuty, and others."""

    async def send(self, events: Sequence[Event]) -> None:
        """Deliver all of them, in at most a few seconds. Raises NotifyError: then nothing is lost.

        Events are told again, so a receiver must take the same one twice as one.
        """
        ...


@dataclass(frozen=True, slots=True)
class Versioned:
    """A record in the store and the revision of its last change (0: never written)."""

    value: Mapping[str, Any]
    revision: int


class Store(Protocol):
    """A linearizable key-value store with transactions and watches, nothing more. Values are JSON objects."""

    async def read(self, prefix: str) -> Mapping[str, Versioned]:
        """Every record whose key starts with `prefix`. Raises StoreUnavailableError.

        Linearizable, as commits are: never older than what was committed when it was asked.
        """
        ...

    async def commit(self, expected: Mapping[str, int], puts: Mapping[str, Mapping[str, Any]]) -> int:
        """Write all of `puts` if every key of `expected` is still at that revision (0: absent).

        Returns the new revision. Raises StoreConflictError (nothing written), StoreUnavailableError
        (may be written or not).
        """
        ...

    def watch(self, prefix: str) -> AsyncIterator[str]:
        """Yield the key of each change below `prefix`. May repeat and merge, never loses the last."""
        ...


class Manager(Protocol):
    """The service manager that supervises this daemon (sd_notify(3))."""

    def ready(self, status: str) -> None:
        """The daemon does its work now."""
        ...

    def alive(self, status: str) -> None:
        """The daemon's loops made progress since the last call."""
        ...

    def reloading(self) -> None:
        """A reload of the configuration began; `ready` ends it."""
        ...

    def stopping(self) -> None:
        """A clean shutdown began."""
        ...
