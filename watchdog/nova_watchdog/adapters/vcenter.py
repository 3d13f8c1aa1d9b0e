"""vCenter through pyvmomi: a canary, and beside it an inventory over the same session."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from nova_watchdog.core.model import InventoryView, VCenterOutcome, VCenterView
from nova_watchdog.ports import Clock, ProbeError

from ._vcenter_inventory import VCenterInventory
from ._vcenter_sdk import Endpoint
from ._vcenter_session import VCenterSession
from ._worker import Worker, WorkerTimeoutError

_LOGOUT_TIMEOUT_S = 0.5


class PyvmomiVCenter:
    """`ports.VCenter` with one session, a thread for the canary and one for the inventory.

    `password` is called before each login, so a rotated secret is found; it may raise OSError or
    ValueError. Without `ca_file` the system's authorities count. `timeout_s` is the hard limit of one
    `read`, `inspect_timeout_s` that of one `inspect`. `memory_file` keeps refused logins for the next
    process of this controller; it is shared by all vCenters, and None remembers them in this one only.
    """

    def __init__(  # noqa: PLR0913 - plain arguments, named at the one place that calls it
        self,
        address: str,
        port: int,
        username: str,
        password: Callable[[], str],
        clusters: Sequence[str],
        *,
        ca_file: Path | None,
        insecure: bool,
        timeout_s: float,
        clock: Clock,
        inspect_timeout_s: float = 30.0,
        memory_file: Path | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._inspect_timeout_s = inspect_timeout_s
        self._worker = Worker(f"vcenter-{address}")
        self._inspector = Worker(f"inventory-{address}")
        self._session = VCenterSession(
            address,
            port,
            username,
            password,
            tuple(clusters),
            ca_file=ca_file,
            insecure=insecure,
            timeout_s=timeout_s,
            clock=clock,
            memory_file=memory_file,
        )
        self._inventory = VCenterInventory(
            Endpoint(address, port, ca_file, insecure, timeout_s=0.9 * inspect_timeout_s),
            username,
            ticket=lambda: self._session.ticket,
            clock=clock,
        )

    async def read(self) -> VCenterView:
        """One canary, in at most `timeout_s`. Raises ProbeError."""
        try:
            return await self._worker.run(self._session.read, timeout_s=self._timeout_s)
        except WorkerTimeoutError as error:
            return VCenterView(VCenterOutcome.UNREACHABLE, str(error))
        except (ProbeError, MemoryError):
            raise
        except Exception as error:  # pyvmomi raises a bare Exception for some answers it cannot parse
            raise ProbeError(f"pyvmomi failed with {type(error).__name__}") from error

    async def inspect(self) -> InventoryView:
        """The inventory, in at most `inspect_timeout_s`. Raises ProbeError."""
        try:
            return await self._inspector.run(self._inventory.read, timeout_s=self._inspect_timeout_s)
        except WorkerTimeoutError as error:
            raise ProbeError(str(error)) from error
        except (ProbeError, MemoryError):
            raise
        except Exception as error:  # as above
            raise ProbeError(f"pyvmomi failed with {type(error).__name__}") from error

    async def close(self) -> None:
        """Log out where vCenter answers at once; else leave the session to its idle timeout."""
        self._inspector.stop()
        if self._worker.is_stopped:
            return
        with contextlib.suppress(WorkerTimeoutError):
            await self._worker.run_last(self._session.log_out, timeout_s=_LOGOUT_TIMEOUT_S)
        self._worker.stop()
