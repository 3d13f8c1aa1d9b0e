"""A vCenter that can be cut off, lose clusters and refuse logins."""

from __future__ import annotations

from collections.abc import Mapping

from nova_watchdog.core.model import VCenterOutcome, VCenterView
from nova_watchdog.ports import ProbeError


class FakeVCenter:
    """`ports.VCenter`. It serves `clusters` (name to moid) to a reader configured with `configured`."""

    def __init__(
        self, clusters: Mapping[str, str], *, configured: tuple[str, ...] = (), uuid: str = "fake-uuid"
    ) -> None:
        self.clusters = dict(clusters)
        self._configured = configured or tuple(clusters)
        self._uuid = uuid
        self._unreachable: str | None = None
        self._login_refused: str | None = None
        self._garbled: str | None = None
        self.reads = 0

    async def read(self) -> VCenterView:
        self.reads += 1
        if self._garbled is not None:
            raise ProbeError(self._garbled)
        if self._unreachable is not None:
            return VCenterView(VCenterOutcome.UNREACHABLE, self._unreachable)
        if self._login_refused is not None:
            return VCenterView(VCenterOutcome.LOGIN_REFUSED, self._login_refused)
        seen = {name: moid for name, moid in self.clusters.items() if name in self._configured}
        return VCenterView(VCenterOutcome.OK, "", self._uuid, seen)

    def cut(self, detail: str = "connection refused") -> None:
        """No request is answered."""
        self._unreachable = detail

    def refuse_login(self, detail: str = "InvalidLogin for watchdog") -> None:
        """The account or its password is wrong."""
        self._login_refused = detail

    def garble(self, reason: str = "vCenter answered with SystemError") -> None:
        """Answers that say nothing."""
        self._garbled = reason

    def heal(self) -> None:
        """All of that is over."""
        self._unreachable = self._login_refused = self._garbled = None
