"""The start tokens of a simulated machine: files under /run."""

from __future__ import annotations

from nova_watchdog.ports import ActionRefusedError
from nova_watchdog.simulation.parts.caller import require_life
from nova_watchdog.simulation.parts.machine import Machine

_PREFIX = "tokens/"


class MachineTokens:
    """`ports.Tokens`. `refusal`: why nothing can be written now, None: it can."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.refusal: str | None = None

    async def grant(self, pairing: str, until_s: float) -> None:
        """Write the token."""
        self._require()
        write_token(self._machine, pairing, until_s)

    async def revoke(self, pairing: str) -> None:
        """Remove the token."""
        self._require()
        remove_token(self._machine, pairing)

    def _require(self) -> None:
        require_life()
        if self.refusal is not None:
            raise ActionRefusedError(self.refusal)


def write_token(machine: Machine, pairing: str, until_s: float) -> None:
    """Let it be started until that local time."""
    machine.run[_PREFIX + pairing] = until_s


def token_refusal(machine: Machine, pairing: str) -> str:
    """Why the token does not allow a start now; empty: it does."""
    until_s = machine.run.get(_PREFIX + pairing)
    if until_s is None:
        return f"no token of {pairing}"
    late_s = machine.clock.now_s() - until_s
    return f"the token of {pairing} ended {late_s:.3f} s ago" if late_s >= 0 else ""


def remove_token(machine: Machine, pairing: str) -> None:
    """What the deadline's service does, too."""
    machine.run.pop(_PREFIX + pairing, None)
