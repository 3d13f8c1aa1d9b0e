"""A message bus (RabbitMQ) through py-amqp, with pings in oslo.messaging's wire format."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from oslo_config import cfg

from nova_watchdog.core.model import BusOutcome, BusView
from nova_watchdog.ports import Clock

from ._bus_session import BusSession
from ._worker import Worker, WorkerTimeoutError

_CLOSE_TIMEOUT_S = 0.5
# The session's own bound is a little tighter, so that the reason comes from there.
_SESSION_SHARE = 0.95


class RabbitMessageBus:
    """`ports.MessageBus` with one connection and one thread.

    `conf` is called before each round and gives nova's own options (`transport_url`, `control_exchange`
    and `[oslo_messaging_rabbit]`), so a rotated secret is found; it may raise OSError, ValueError or
    cfg.Error. `hosts` are the nova-computes on this bus. `timeout_s` is the hard limit of one `read`,
    `ping_timeout_s` how long one ping may take.
    """

    def __init__(
        self,
        conf: Callable[[], cfg.ConfigOpts],
        hosts: Sequence[str],
        *,
        timeout_s: float,
        ping_timeout_s: float,
        clock: Clock,
    ) -> None:
        self._timeout_s = timeout_s
        self._worker = Worker("message-bus")
        self._session = BusSession(
            conf,
            hosts,
            timeout_s=_SESSION_SHARE * timeout_s,
            ping_timeout_s=ping_timeout_s,
            clock=clock,
        )

    async def read(self) -> BusView:
        """One round, in at most `timeout_s`. Raises ProbeError."""
        try:
            return await self._worker.run(self._session.read, timeout_s=self._timeout_s)
        except WorkerTimeoutError as error:
            return BusView(BusOutcome.UNREACHABLE, str(error))

    async def close(self) -> None:
        """Log out where the broker answers at once; else leave the connection to its heartbeats."""
        if self._worker.is_stopped:
            return
        with contextlib.suppress(WorkerTimeoutError):
            await self._worker.run_last(self._session.close, timeout_s=_CLOSE_TIMEOUT_S)
        self._worker.stop()
