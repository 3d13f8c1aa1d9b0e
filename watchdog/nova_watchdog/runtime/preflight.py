"""Keeps what preflight needs of this controller fresh, and makes the checks of it on demand.

A slow loop: what it reads changes when a human changes it. A reading that fails is Unknown, and so is one
that was not renewed in time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from nova_watchdog.core.facts import Facts
from nova_watchdog.core.hold.records import Vantage
from nova_watchdog.core.model import NOT_READ, HostLoad, Observation, Observed, Pairing, Reading, Unknown
from nova_watchdog.core.observed import fresh
from nova_watchdog.core.preflight.check import Check, Report, vantage_from
from nova_watchdog.core.preflight.ready import Local, checks_of, node_of
from nova_watchdog.core.preflight.witnesses import Others
from nova_watchdog.core.setup import NovaSetup, UnitSetup
from nova_watchdog.core.snapshot import KeeperSnapshot
from nova_watchdog.ports import Clock, ManagedUnits, ProbeError

T = TypeVar("T")

_INTERVAL_S = 10.0
_TIMEOUT_S = 8.0
_MAX_AGE_S = 60.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A pairing and how its nova files are read. Raises ProbeError."""

    pairing: Pairing
    read_nova: Callable[[], Awaitable[NovaSetup]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What else the checks depend on, as the daemon has it now. `facts` None: not looked at yet.

    keeper: None leaves the checks of the store and the deadline out.
    """

    others: Others
    observation: Observation
    facts: Facts | None
    keeper: KeeperSnapshot | None


class Preflight:
    """`watch` says which pairings; `run` keeps looking; the rest answers from what was seen last."""

    def __init__(self, units: ManagedUnits, clock: Clock, wake: Callable[[], None] = lambda: None) -> None:
        self._units = units
        self._clock = clock
        self._wake = wake
        self._subjects: dict[str, Subject] = {}
        self._seen: dict[str, Observed[UnitSetup]] = {}
        self._nova: dict[str, Observed[NovaSetup]] = {}
        self._nodes: dict[str, str] = {}
        self._hosts: dict[str, Mapping[str, HostLoad]] = {}
        self._wanted = asyncio.Event()

    def watch(self, subjects: Sequence[Subject]) -> None:
        """Look at exactly these from now on. What was seen of a pairing that did not change stays."""
        before = {name: subject.pairing for name, subject in self._subjects.items()}
        self._subjects = {subject.pairing.name: subject for subject in subjects}
        for kept in (self._seen, self._nova, self._nodes, self._hosts):
            for name in list(kept):
                now = self._subjects.get(name)
                if now is None or now.pairing != before.get(name):
                    del kept[name]
        self._wanted.set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self._wanted.clear()
            await self.look()
            try:
                async with asyncio.timeout(_INTERVAL_S):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Look at every pairing once, all at the same time, and tell the daemon where something changed."""
        looked = [self._look(subject) for subject in self._subjects.values()]
        if any(await asyncio.gather(*looked)):
            self._wake()

    async def _look(self, subject: Subject) -> bool:
        name, unit = subject.pairing.name, subject.pairing.unit
        seen, nova = await asyncio.gather(
            self._observed(partial(self._units.read, unit)),
            self._observed(subject.read_nova),
        )
        if self._subjects.get(name) is not subject:
            return False  # a reload came in between
        same = _same(self._seen.get(name), seen) and _same(self._nova.get(name), nova)
        self._seen[name], self._nova[name] = seen, nova
        return not same

    async def _observed(self, read: Callable[[], Awaitable[T]]) -> Observed[T]:
        began_s = self._clock.now_s()
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                value = await read()
        except TimeoutError:
            return Unknown(f"no answer within {_TIMEOUT_S:g} s", began_s)
        except (ProbeError, OSError) as error:
            # A file system's odd error must not end the daemon that only looks.
            return Unknown(str(error), began_s)
        return Reading(value, began_s, self._clock.now_s())

    # --- answers

    def watches(self, pairing: str) -> bool:
        """Whether it is looked at."""
        return pairing in self._subjects

    def unit_of(self, pairing: str) -> str:
        """The unit of a pairing that is looked at. Raises KeyError."""
        return self._subjects[pairing].pairing.unit

    def local(self, pairing: str, observation: Observation) -> Local:
        """What was seen of the pairing. What vCenter and Nova say is for life: their last word stands."""
        subject = self._subjects[pairing]
        node = node_of(subject.pairing, observation)
        if node:
            self._nodes[pairing] = node
        if isinstance(observation.workload, Reading):
            self._hosts[pairing] = observation.workload.value.hosts
        return Local(
            subject.pairing,
            self._not_too_old(self._seen.get(pairing, NOT_READ)),
            self._not_too_old(self._nova.get(pairing, NOT_READ)),
            self._nodes.get(pairing, ""),
            self._hosts.get(pairing),
        )

    def identity(self, pairing: str, observation: Observation) -> Mapping[str, str]:
        """What this controller tells the others. Raises KeyError for a pairing that is not watched."""
        return self.local(pairing, observation).identity

    def checks(self, pairing: str, asked: Asked) -> tuple[Check, ...]:
        """Every check as it stands now. Raises KeyError for a pairing that is not watched."""
        local = self.local(pairing, asked.observation)
        return checks_of(local, asked.others, asked.observation, asked.facts, asked.keeper)

    def vantage(self, pairing: str, asked: Asked, accepted: frozenset[str] = frozenset()) -> Vantage:
        """Whether this controller could serve it, and why not. `accepted`: checks that a human accepted."""
        if pairing not in self._subjects:
            return Vantage(ready=False, reason="nova's files cannot be used here: it is not watched")
        return vantage_from(self.checks(pairing, asked), self.identity(pairing, asked.observation), accepted)

    def report(self, pairing: str, asked: Asked) -> Report:
        """The checks, for people. Raises KeyError for a pairing that is not watched."""
        return Report(
            pairing=pairing,
            unit=self._subjects[pairing].pairing.unit,
            holder=asked.others.holder,
            checks=self.checks(pairing, asked),
            identity=self.identity(pairing, asked.observation),
        )

    def _not_too_old(self, observed: Observed[T]) -> Observed[T]:
        now_s = self._clock.now_s()
        if isinstance(observed, Unknown) or fresh(observed, _MAX_AGE_S, now_s) is not None:
            return observed
        return Unknown("the last look was too long ago", observed.began_at_s)


def _same(before: Observed[T] | None, now: Observed[T]) -> bool:
    if isinstance(before, Reading) and isinstance(now, Reading):
        return before.value == now.value
    return isinstance(before, Unknown) and isinstance(now, Unknown) and before.reason == now.reason
