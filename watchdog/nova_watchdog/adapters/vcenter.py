"""vCenter through pyvmomi: one canary, a property read of each configured cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from nova_watchdog.core.model import VCenterOutcome, VCenterView
from nova_watchdog.ports import Clock, ProbeError

from ._vcenter_session import VCenterSession
from ._worker import Worker, WorkerTimeoutError

_LOGOUT_TIMEOUT_S = 0.5


class PyvmomiVCenter:
    """`ports.VCenter` with one session and one thread.

    `password` is called before each login, so a rotated secret is found; it may raise OSError or
    ValueError. Without `ca_file` the system's authorities count. `timeout_s` is the hard limit of one `read`.
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
    ) -> None:
        self._timeout_s = timeout_s
        self._worker = Worker(f"vcenter-{address}")
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

    async def close(self) -> None:
        """Log out where vCenter answers at once; else leave the session to its idle timeout."""
        if self._worker.is_stopped:
            return
        with contextlib.suppress(WorkerTimeoutError):
            await self._worker.run_last(self._session.log_out, timeout_s=_LOGOUT_TIMEOUT_S)
        self._worker.stop()
