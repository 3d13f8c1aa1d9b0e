"""A vCenter that can be cut off, lose clusters and refuse logins."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from nova_watchdog.core.model import (
    ClusterView,
    Datastore,
    InventoryView,
    VCenterOutcome,
    VCenterSession,
    VCenterView,
)
from nova_watchdog.ports import ProbeError

_GIB = 2**30
A_DATASTORE = Datastore("DS0", "vmfs", 1024 * _GIB, 800 * _GIB, True, False, 2)  # noqa: FBT003
A_CLUSTER = ClusterView("domain-c1", True, "fullyAutomated", 2, 2, 0, (A_DATASTORE,))  # noqa: FBT003


class FakeVCenter:
    """`ports.VCenter`. It serves `clusters` (name to moid) to a reader configured with `configured`.

    `inspect` tells each of them as `views` has it (by name, the moid is filled in; else `A_CLUSTER`), and
    `sessions` (None: no privilege) and `certificate_expires_in_s` as they are.
    """

    def __init__(
        self, clusters: Mapping[str, str], *, configured: tuple[str, ...] = (), uuid: str = "fake-uuid"
    ) -> None:
        self.clusters = dict(clusters)
        self._configured = configured or tuple(clusters)
        self._uuid = uuid
        self._unreachable: str | None = None
        self._login_refused: str | None = None
        self._garbled: str | None = None
        self._is_logged_in = self._was_refused = False
        self.reads = 0
        self.inspects = 0
        self.logins = 0
        self.views: dict[str, ClusterView] = {}
        self.sessions: tuple[VCenterSession, ...] | None = ()
        self.certificate_expires_in_s: float | None = 300 * 86400.0
        self._inspect_may_go_on = asyncio.Event()
        self._inspect_may_go_on.set()

    async def read(self) -> VCenterView:
        self.reads += 1
        if self._garbled is not None:
            raise ProbeError(self._garbled)
        if self._unreachable is not None:
            return VCenterView(VCenterOutcome.UNREACHABLE, self._unreachable)
        if not self._log_in():
            return VCenterView(VCenterOutcome.LOGIN_REFUSED, self._login_refused or "")
        seen = {name: moid for name, moid in self.clusters.items() if name in self._configured}
        return VCenterView(VCenterOutcome.OK, "", self._uuid, seen)

    async def inspect(self) -> InventoryView:
        self.inspects += 1
        if not self._inspect_may_go_on.is_set():
            await self._inspect_may_go_on.wait()
            raise ProbeError("no answer")
        if self._garbled is not None or self._unreachable is not None:
            raise ProbeError(self._garbled or self._unreachable or "")
        if not self._is_logged_in:
            raise ProbeError("no session yet: the canary has not logged in")
        clusters = {
            name: replace(self.view(name), moid=moid)
            for name, moid in self.clusters.items()
            if name in self._configured
        }
        return InventoryView(self._uuid, clusters, self.certificate_expires_in_s, self.sessions)

    def view(self, name: str) -> ClusterView:
        """What `inspect` tells of a cluster, its moid aside."""
        return self.views.get(name, A_CLUSTER)

    def hang_inspect(self) -> None:
        """An inventory is not answered; the canary is."""
        self._inspect_may_go_on.clear()

    def cut(self, detail: str = "connection refused") -> None:
        """No request is answered."""
        self._unreachable = detail

    def refuse_login(self, detail: str = "InvalidLogin for watchdog") -> None:
        """The password is wrong. It is tried once, and not again before it was corrected."""
        self._login_refused = detail
        self._is_logged_in = self._was_refused = False

    def correct_password(self) -> None:
        """The secret on this side changed, and is the right one now."""
        self._login_refused = None

    def garble(self, reason: str = "vCenter answered with SystemError") -> None:
        """Answers that say nothing."""
        self._garbled = reason

    def drop_sessions(self) -> None:
        """vCenter forgets every session, as after its restart."""
        self._is_logged_in = False

    def heal(self) -> None:
        """All of that is over."""
        self._inspect_may_go_on.set()
        self._unreachable = self._login_refused = self._garbled = None

    def _log_in(self) -> bool:
        """Whether there is a session now; a password that was refused is not tried again."""
        if self._login_refused is None and not self._is_logged_in:
            self.logins += 1
            self._is_logged_in = True
        elif self._login_refused is not None and not self._is_logged_in and not self._was_refused:
            self.logins += 1
            self._was_refused = True
        return self._is_logged_in
