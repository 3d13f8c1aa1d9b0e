"""Start-up as a graph: each step runs as soon as the steps it needs are done, and says how long it took."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Step:
    """One named piece of work and the names of those that come before it."""

    name: str
    action: Callable[[], None]
    after: frozenset[str]


class StepFailedError(Exception):
    """A step failed: its name is the message, the reason is the exception's cause."""


@dataclass
class Plan:
    """Steps to run. `report(step, took_s)` is called at the end of each."""

    report: Callable[[str, float], None]
    steps: list[Step] = field(default_factory=list)

    def add(self, name: str, action: Callable[[], None], *after: str) -> None:
        """Add a step that needs those named in `after`, which were added before it (so no cycle can be)."""
        known = {s.name for s in self.steps}
        missing = set(after) - known
        if missing or name in known:
            raise ValueError(
                f"step {name!r}: {'needs unknown ' + str(sorted(missing)) if missing else 'is twice'}"
            )
        self.steps.append(Step(name, action, frozenset(after)))

    def run(self) -> None:
        """Run all; after a failure start nothing new, wait for what runs, raise the first StepFailedError."""
        waiting, done = list(self.steps), set[str]()
        running: dict[Future[None], Step] = {}
        failure: StepFailedError | None = None
        with ThreadPoolExecutor(max_workers=max(1, len(self.steps)), thread_name_prefix="step") as pool:
            while True:
                ready = [] if failure else [s for s in waiting if s.after <= done]
                for step in ready:
                    waiting.remove(step)
                    running[pool.submit(self._timed, step)] = step
                if not running:
                    break
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    step = running.pop(future)
                    error = future.exception()
                    if error is None:
                        done.add(step.name)
                    elif failure is None:
                        failure = StepFailedError(step.name)
                        failure.__cause__ = error
        if failure is not None:
            raise failure

    def _timed(self, step: Step) -> None:
        start = time.monotonic()
        step.action()
        self.report(step.name, time.monotonic() - start)
