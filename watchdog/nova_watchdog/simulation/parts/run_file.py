"""The run file of a simulated machine: what a restarted daemon goes on with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nova_watchdog.ports import ActionRefusedError
from nova_watchdog.simulation.parts.caller import is_dead
from nova_watchdog.simulation.parts.machine import Machine

_NAME = "run-file"


class MachineRunFile:
    """`ports.RunFile`. `refusal`: why it can be neither read nor written now, None: it can."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.refusal: str | None = None

    def load(self) -> Mapping[str, Any] | None:
        """What was saved last in this boot."""
        text = self._machine.run.get(_NAME)
        if text is None or self.refusal is not None:
            return None
        value: dict[str, Any] = json.loads(text)
        return value

    def save(self, value: Mapping[str, Any]) -> None:
        """Keep it as JSON."""
        if self.refusal is not None:
            raise ActionRefusedError(self.refusal)
        if not is_dead():
            self._machine.run[_NAME] = json.dumps(dict(value))
