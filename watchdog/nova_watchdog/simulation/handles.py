"""What a simulated daemon's loop holds: callbacks, and tasks that have an order."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, TypeVar

from nova_watchdog.simulation.timeline import name_of

if TYPE_CHECKING:
    from nova_watchdog.simulation.loop import ControllerLoop

T = TypeVar("T")


class Callback(asyncio.TimerHandle):
    """A callback of one loop: ready, or due at `when()` of its clock.

    It takes the place of the parent's `__init__`, which costs more than the callback itself.
    """

    __slots__ = ()
    _loop: ControllerLoop

    def __init__(
        self,
        loop: ControllerLoop,
        when_s: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: contextvars.Context | None,
    ) -> None:
        self._loop = loop
        self._when = when_s
        self._callback: Callable[..., object] | None = callback
        self._args = args
        self._context = contextvars.copy_context() if context is None else context
        self._cancelled = False

    def cancel(self) -> None:
        """Never call it."""
        self._cancelled = True
        self._callback = None
        self._args = ()

    def cancelled(self) -> bool:
        """True if it is never to be called: it was cancelled, or its daemon is no more."""
        return self._cancelled or self._loop.is_over

    def fire(self) -> None:
        """The timeline says that it is due."""
        self._loop.timer_due(self)

    def call(self) -> None:
        """Call it, unless it was cancelled meanwhile."""
        if self._callback is not None:
            self._context.run(self._callback, *self._args)

    def describe(self) -> str:
        """Name the task whose step it is, or the function."""
        owner = getattr(self._callback, "__self__", None)
        name = where(owner) if isinstance(owner, asyncio.Task) else name_of(self._callback)
        return f"{name} on {self._loop.name}"

    __repr__ = describe


class LoopTask(asyncio.Task[T]):
    """A task whose hash is its number.

    So a set of tasks, as TaskGroup keeps one to cancel them, has the same order in each run.
    """

    def __init__(
        self,
        number: int,
        coroutine: Generator[Any, None, T] | Coroutine[Any, Any, T],
        loop: ControllerLoop,
        name: str,
        context: contextvars.Context | None,
    ) -> None:
        self.number = number
        self._log_traceback: bool
        super().__init__(coroutine, loop=loop, name=name, context=context)

    def has_untold_error(self) -> bool:
        """True if it failed and nobody fetched the exception; `exception()` would count as fetching."""
        return self._log_traceback

    def __hash__(self) -> int:
        return self.number


def where(task: asyncio.Task[Any]) -> str:
    """A task's name and where it waits, without addresses."""
    inner: Any = task.get_coro()
    while getattr(getattr(inner, "cr_await", None), "cr_frame", None) is not None:
        inner = inner.cr_await
    frame = getattr(inner, "cr_frame", None)
    line = f", line {frame.f_lineno}" if frame is not None else ""
    return f"task {task.get_name()} (in {getattr(inner, '__qualname__', type(inner).__name__)}{line})"
