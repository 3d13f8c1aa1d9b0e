"""A vCenter that can be cut off, lose clusters and refuse logins, and the ways to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from nova_watchdog.core.model import (
    ClusterView,
    Datastore,
    InventoryView,
    VCenterOutcome,
    VCenterSession,
    VCenterView,
)
from nova_watchdog.ports import ProbeError
from nova_watchdog.simulation.parts.login import Login, LoginTruth
from nova_watchdog.simulation.parts.network import VCENTER, Network, SilenceError

T = TypeVar("T")

_GIB = 2**30
A_DATASTORE = Datastore("DS0", "vmfs", 1024 * _GIB, 800 * _GIB, True, False, 2)  # noqa: FBT003
A_CLUSTER = ClusterView("domain-c1", True, "fullyAutomated", 2, 2, 0, (A_DATASTORE,))  # noqa: FBT003


class VCenterTruth(LoginTruth):
    """What is true of one vCenter. It has `clusters` (name to moid).

    views: what an inventory tells of a cluster by name (the moid is filled in), else `A_CLUSTER`.
    sessions (None: no privilege to list them), own_address, certificate_expires_in_s: as an inventory tells
    them.
    unreachable, login_refused, garbled: why, None: it is not so. is_silent: it accepts and never answers.
    """

    usual_refusal = "InvalidLogin for watchdog"

    def __init__(self, clusters: Mapping[str, str], *, uuid: str = "fake-uuid") -> None:
        super().__init__()
        self.clusters = dict(clusters)
        self.uuid = uuid
        self.unreachable: str | None = None
        self.garbled: str | None = None
        self.is_silent = False
        self.views: dict[str, ClusterView] = {}
        self.sessions: tuple[VCenterSession, ...] | None = ()
        self.own_address = ""
        self.certificate_expires_in_s: float | None = 300 * 86400.0

    def view(self, name: str) -> ClusterView:
        """What an inventory tells of a cluster, its moid aside."""
        return self.views.get(name, A_CLUSTER)

    def cut(self, detail: str = "connection refused") -> None:
        """Every request is refused."""
        self.unreachable = detail

    def silence(self) -> None:
        """Requests are accepted and never answered."""
        self.is_silent = True

    def correct_password(self) -> None:
        """`correct_secret`, as vCenter calls it."""
        self.correct_secret()

    def garble(self, reason: str = "vCenter answered with SystemError") -> None:
        """Answers that say nothing."""
        self.garbled = reason

    def heal(self) -> None:
        """All of that is over."""
        self.unreachable = self.login_refused = self.garbled = None
        self.is_silent = False


class VCenterAccess:
    """One reader's session at a vCenter, for the clusters that it is configured with."""

    def __init__(self, truth: VCenterTruth, configured: tuple[str, ...] = ()) -> None:
        self._truth = truth
        self._configured = configured or tuple(truth.clusters)
        self._login = Login(truth)

    @property
    def logins(self) -> int:
        """How often it logged in, or tried to."""
        return self._login.logins

    def read_now(self) -> VCenterView:
        """What a canary gets."""
        truth = self._truth
        self._require_words()
        if truth.unreachable is not None:
            return VCenterView(VCenterOutcome.UNREACHABLE, truth.unreachable)
        if not self._login.try_once():
            return VCenterView(VCenterOutcome.LOGIN_REFUSED, truth.login_refused or "")
        return VCenterView(VCenterOutcome.OK, "", truth.uuid, self._moids())

    def inspect_now(self) -> InventoryView:
        """What an inventory gets."""
        truth = self._truth
        self._require_words()
        if truth.unreachable is not None:
            raise ProbeError(truth.unreachable)
        if not self._login.is_in:
            raise ProbeError("no session yet: the canary has not logged in")
        clusters = {name: replace(truth.view(name), moid=moid) for name, moid in self._moids().items()}
        own_address = "" if truth.sessions is None else truth.own_address
        return InventoryView(
            truth.uuid, clusters, truth.certificate_expires_in_s, truth.sessions, own_address
        )

    def _moids(self) -> dict[str, str]:
        return {name: moid for name, moid in self._truth.clusters.items() if name in self._configured}

    def _require_words(self) -> None:
        if self._truth.is_silent:
            raise SilenceError
        if self._truth.garbled is not None:
            raise ProbeError(self._truth.garbled)


class VCenterPort:
    """`ports.VCenter` of one controller, through the network. `target`: the vCenter's name there."""

    def __init__(
        self,
        controller: str,
        truth: VCenterTruth,
        network: Network,
        configured: tuple[str, ...] = (),
        *,
        target: str = VCENTER,
        timeout_s: float = 5.0,
    ) -> None:
        self._controller = controller
        self._access = VCenterAccess(truth, configured)
        self._network = network
        self._target = target
        self._timeout_s = timeout_s

    async def read(self) -> VCenterView:
        """One canary. Silence is what an unreachable one shows."""
        try:
            return await self._carry(self._access.read_now)
        except SilenceError as error:
            return VCenterView(VCenterOutcome.UNREACHABLE, str(error))

    async def inspect(self) -> InventoryView:
        """The inventory."""
        try:
            return await self._carry(self._access.inspect_now)
        except SilenceError as error:
            raise ProbeError(str(error)) from error

    async def _carry(self, apply: Callable[[], T]) -> T:
        return await self._network.carry(
            self._controller, self._target, apply, timeout_s=self._timeout_s, unanswered=self._unanswered
        )

    def _unanswered(self) -> Exception:
        return SilenceError(f"no answer within {self._timeout_s:g} s")
