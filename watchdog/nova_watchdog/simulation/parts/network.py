"""Who reaches whom: requests and replies between controllers and services, and how they get lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar, cast

from nova_watchdog.ports import WatchdogError
from nova_watchdog.simulation.parts.caller import require_life
from nova_watchdog.simulation.timeline import Timeline

T = TypeVar("T")

STORE = "store"
VCENTER = "vcenter"
NOVA = "nova"
BUS = "bus"

_LATENCY_S = (0.001, 0.01)
# Two ways that each take less than this share of the timeout are over before it, whatever the clock's rate.
_SURE_SHARE = 0.4

# What the target returned, or the error that it raised.
_Outcome = tuple[object, Exception | None]


class SilenceError(Exception):
    """Raised by a service that gives no answer to a request."""


@dataclass(slots=True)
class Link:
    """The way between one controller and one target. What is on its way when it is cut gets lost.

    latency_s: the least and the most of one way; a request may be late for as long as one likes, and is then
    still carried out. loss: of each request and each reply, as a probability.
    """

    requests_pass: bool = True
    replies_pass: bool = True
    latency_s: tuple[float, float] = _LATENCY_S
    loss: float = 0.0
    on_heal: list[Callable[[], None]] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether both ways are open."""
        return self.requests_pass and self.replies_pass

    def waits_for_heal(self, then: Callable[[], None]) -> None:
        """Call it once, as soon as both ways are open."""
        self.on_heal.append(then)


class Network:
    """All links, made when they are first asked for. Its chance is `random`, in the order of the timeline."""

    def __init__(self, timeline: Timeline, random: Random) -> None:
        self._timeline = timeline
        self._random = random
        self._links: dict[tuple[str, str], Link] = {}

    def link(self, controller: str, target: str) -> Link:
        """The way between those two."""
        found = self._links.get((controller, target))
        if found is None:
            found = self._links[controller, target] = Link()
        return found

    # --- faults

    def cut(self, controller: str, target: str, *, requests: bool = True, replies: bool = True) -> None:
        """Let requests, replies or both get lost."""
        link = self.link(controller, target)
        link.requests_pass = link.requests_pass and not requests
        link.replies_pass = link.replies_pass and not replies

    def slow(self, controller: str, target: str, least_s: float, most_s: float) -> None:
        """Let each way take that long."""
        self.link(controller, target).latency_s = (least_s, most_s)

    def lose(self, controller: str, target: str, probability: float) -> None:
        """Let each request and each reply get lost with that probability."""
        self.link(controller, target).loss = probability

    def heal(self, controller: str, target: str) -> None:
        """All of that is over."""
        link = self.link(controller, target)
        link.requests_pass = link.replies_pass = True
        link.latency_s, link.loss = _LATENCY_S, 0.0
        waiting, link.on_heal = link.on_heal, []
        for then in waiting:
            then()

    def heal_all(self) -> None:
        """Every link is whole."""
        for controller, target in list(self._links):
            self.heal(controller, target)

    # --- carrying

    def latency_s(self, link: Link) -> float:
        """How long the next message on it takes."""
        least_s, most_s = link.latency_s
        return least_s + (most_s - least_s) * self._random.random()

    async def carry(
        self,
        controller: str,
        target: str,
        apply: Callable[[], T],
        *,
        timeout_s: float,
        unanswered: Callable[[], Exception],
    ) -> T:
        """Have the target do `apply` and bring back what it returns, or the WatchdogError that it raises.

        It is done when the request arrives, whatever became of the daemon that sent it. `unanswered` makes
        what is raised after `timeout_s` of the caller's own clock.
        """
        require_life()
        loop = asyncio.get_running_loop()
        link = self.link(controller, target)
        request = _Request(self, link, apply, loop, timeout_s)
        if link.requests_pass and not self._is_lost(link):
            request.send(self._timeline)
        else:
            request.will_time_out()
        outcome = await request.answer
        if outcome is None:
            raise unanswered()
        value, error = outcome
        if error is not None:
            raise error
        return cast("T", value)

    def reply(self, request: _Request, outcome: _Outcome) -> None:
        """Send back what became of a request."""
        if request.link.replies_pass and not self._is_lost(request.link):
            request.send_back(self._timeline, outcome)
        else:
            request.will_time_out()

    def _is_lost(self, link: Link) -> bool:
        return link.loss > 0 and self._random.random() < link.loss


class _Request:
    """One request on its way. Errors travel as values: one that nobody waits for any more is no mistake.

    Its timeout is only set up when it may be needed: almost every request is answered long before.
    """

    __slots__ = ("_apply", "_loop", "_network", "_timeout_s", "_times_out_at_s", "answer", "link")

    def __init__(
        self,
        network: Network,
        link: Link,
        apply: Callable[[], object],
        loop: asyncio.AbstractEventLoop,
        timeout_s: float,
    ) -> None:
        self._network = network
        self.link = link
        self._apply = apply
        self._loop = loop
        self._timeout_s = timeout_s
        self._times_out_at_s: float | None = loop.time() + timeout_s
        self.answer: asyncio.Future[_Outcome | None] = loop.create_future()

    def send(self, timeline: Timeline) -> None:
        """On its way to the target."""
        self._travel(timeline, self._arrive)

    def send_back(self, timeline: Timeline, outcome: _Outcome) -> None:
        """On its way back."""
        if not self.answer.done():
            self._travel(timeline, self._deliver, outcome)

    def will_time_out(self) -> None:
        """No answer may come in time."""
        at_s, self._times_out_at_s = self._times_out_at_s, None
        if at_s is not None:
            self._loop.call_at(at_s, self._settle, None)

    def _travel(self, timeline: Timeline, then: Callable[..., None], *args: object) -> None:
        latency_s = self._network.latency_s(self.link)
        if latency_s > _SURE_SHARE * self._timeout_s:
            self.will_time_out()
        timeline.call_later(latency_s, then, *args)

    def _arrive(self) -> None:
        if not self.link.requests_pass:
            self.will_time_out()
            return
        try:
            outcome: _Outcome = self._apply(), None
        except SilenceError:
            self.will_time_out()
            return
        except WatchdogError as error:
            outcome = None, error
        self._network.reply(self, outcome)

    def _deliver(self, outcome: _Outcome) -> None:
        if self.link.replies_pass:
            self._settle(outcome)
        else:
            self.will_time_out()

    def _settle(self, outcome: _Outcome | None) -> None:
        if not self.answer.done():
            self.answer.set_result(outcome)
