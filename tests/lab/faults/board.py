"""Which faults are in force: injects, records, and takes back."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from lab.errors import LabError
from lab.faults.registry import FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.cloud import Cloud
    from lab.faults.model import Arguments, Fault
    from lab.records import Recorder

_Key = tuple[str, tuple[tuple[str, str], ...]]


class FaultBoard:
    """All faults in force. One change at a time, each recorded with the times just before and after it."""

    def __init__(self, cloud: Cloud, recorder: Recorder) -> None:
        self._cloud = cloud
        self._recorder = recorder
        self._lock = threading.Lock()
        self._active: dict[_Key, Callable[[], None]] = {}

    def inject(self, name: str, arguments: Arguments | None = None) -> dict[str, Any]:
        """Cause a fault; what will happen, and the times around the injection."""
        fault = _fault(name)
        with self._lock:
            complete = fault.arguments(self._cloud, arguments or {})
            key = _key(fault, complete)
            if key in self._active:
                raise LabError(f"fault {name} is already in force with {complete or 'no arguments'}")
            before = time.monotonic()
            undo = fault.inject(self._cloud, complete)
            record = self._record("inject", fault.name, complete, before)
            if undo is not None:
                self._active[key] = undo
        return record | {"sentence": fault.explain(complete)}

    def clear(self, name: str, arguments: Arguments | None = None) -> list[dict[str, Any]]:
        """Take a fault back: every one of that name whose arguments include those given."""
        _fault(name)
        wanted = set((arguments or {}).items())
        with self._lock:
            return [
                self._clear(key) for key in list(self._active) if key[0] == name and wanted <= set(key[1])
            ]

    def clear_all(self) -> list[dict[str, Any]]:
        """Take every fault back, the latest first."""
        with self._lock:
            return [self._clear(key) for key in reversed(list(self._active))]

    def active(self) -> list[dict[str, Any]]:
        """Faults in force."""
        return [{"name": name, "arguments": dict(arguments)} for name, arguments in self._active]

    def describe_all(self) -> list[dict[str, Any]]:
        """The registry: names, arguments, and what will happen."""
        return [
            {
                "name": fault.name,
                "parameters": {p.name: p.default for p in fault.parameters},
                "sentence": fault.sentence,
                "one_shot": fault.one_shot,
            }
            for fault in FAULTS.values()
        ]

    def _clear(self, key: _Key) -> dict[str, Any]:
        before = time.monotonic()
        self._active[key]()
        del self._active[key]
        return self._record("clear", key[0], dict(key[1]), before)

    def _record(self, action: str, name: str, arguments: Arguments, before: float) -> dict[str, Any]:
        after = time.monotonic()
        fields = {"action": action, "name": name, "arguments": arguments, "before": round(before, 6)}
        self._recorder.write("fault", t=after, **fields)
        return fields | {"t": round(after, 6)}


def _fault(name: str) -> Fault:
    if name not in FAULTS:
        raise LabError(f"unknown fault {name!r}: allowed is {', '.join(FAULTS)}")
    return FAULTS[name]


def _key(fault: Fault, arguments: Arguments) -> _Key:
    return fault.name, tuple(sorted(arguments.items()))
