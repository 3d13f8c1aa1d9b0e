"""One session with one vCenter, in blocking calls: used from one thread only."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from nova_watchdog.core.model import VCenterOutcome, VCenterView
from nova_watchdog.ports import Clock, ProbeError

from ._local_fault import is_local_fault
from ._refusals import RefusalMemory
from ._vcenter_certificate import certificate_ends_at_wall_s
from ._vcenter_sdk import Endpoint, Ticket, fault_name, moid, network_reason, vim, vmodl

_REFUSED_LOGIN_PAUSE_S = 1800.0
# A login without an answer may have made a session; one every half minute leaves no heap of them.
_UNANSWERED_LOGIN_PAUSE_S = 30.0
# One that ended in a fault, such as SystemError while the sign-on service starts, may count as a failed
# login: three in 180 s lock nothing.
_FAULTY_LOGIN_PAUSE_S = 60.0
_LOGIN_REFUSALS = (vim.fault.InvalidLogin, vim.fault.NoPermission, vim.fault.RestrictedByAdministrator)
_X509_HAS_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED (x509_vfy.h)
_DAY_S = 86400.0


class _LoginRefusedError(Exception):
    """vCenter said no to the account or its password."""


class _UnreachableError(Exception):
    """No request was sent, for the reason in the text."""


class VCenterSession:
    """Logs in once, reads the configured clusters, logs in again when the session is gone.

    `ticket` is the session for other threads, None without one. It is replaced, never changed.
    """

    def __init__(  # noqa: PLR0913 - what it takes to reach a vCenter
        self,
        address: str,
        port: int,
        username: str,
        password: Callable[[], str],
        clusters: tuple[str, ...],
        *,
        ca_file: Path | None,
        insecure: bool,
        timeout_s: float,
        clock: Clock,
        memory_file: Path | None = None,
    ) -> None:
        # Below the reader's own deadline, so that the reason comes from here.
        self._endpoint = Endpoint(address, port, ca_file, insecure, timeout_s=0.9 * timeout_s)
        self._username = username
        self._password = password
        self._cluster_names = clusters
        self._timeout_s = timeout_s
        self._clock = clock
        self._stub: Any = None
        self._content: Any = None
        self._user_session: Any = None  # vCenter's UserSession, None while not logged in
        self._moids: dict[str, str] = {}
        self._refusals = RefusalMemory(clock, memory_file, f"{address}:{port}/{username}")
        self.ticket: Ticket | None = None

    def read(self) -> VCenterView:
        """One canary. Raises ProbeError for what is not understood, and for faults of this machine."""
        try:
            clusters = self._read_clusters()
        except _LoginRefusedError as error:
            return VCenterView(VCenterOutcome.LOGIN_REFUSED, str(error))
        except _UnreachableError as error:
            return VCenterView(VCenterOutcome.UNREACHABLE, str(error))
        except ssl.SSLCertVerificationError as error:
            self._forget()  # a new CA file may be the remedy: the next read loads it
            return VCenterView(VCenterOutcome.UNREACHABLE, self._certificate_reason(error))
        except (OSError, http.client.HTTPException) as error:
            reason = network_reason(error, self._timeout_s)
            if isinstance(error, OSError) and is_local_fault(error):
                raise ProbeError(f"no connection can be made here: {reason}") from error
            return VCenterView(VCenterOutcome.UNREACHABLE, reason)
        except vmodl.MethodFault as error:
            raise ProbeError(f"vCenter answered with {fault_name(error)}") from error
        except ExpatError as error:
            raise ProbeError("the answer is not a vCenter's (no XML)") from error
        finally:
            # Each canary opens its own connection, as a client that starts now would have to. It
            # also means that a connection that the other side closed meanwhile is never reused.
            if self._stub is not None:
                self._stub.DropConnections()
        self.ticket = Ticket(self._stub.cookie, self._user_session.key, self._user_session.userName, clusters)
        return VCenterView(VCenterOutcome.OK, "", self._content.about.instanceUuid or "", clusters)

    def log_out(self) -> None:
        """End the session at vCenter. Errors are of no consequence: it ends by itself when idle."""
        if self._user_session is None:
            return
        self._end_session()
        try:
            self._content.sessionManager.Logout()
        except (OSError, http.client.HTTPException, vmodl.MethodFault, ExpatError):
            return
        finally:
            self._stub.DropConnections()

    def _read_clusters(self) -> Mapping[str, str]:
        self._connect()
        was_logged_in = self._user_session is not None
        if not was_logged_in:
            self._log_in()
        try:
            return self._clusters()
        except vim.fault.NotAuthenticated:
            self._end_session()
            if not was_logged_in:
                raise  # a fresh login that does not count: not understood
        self._log_in()
        return self._clusters()

    def _connect(self) -> None:
        if self._stub is None:
            self._stub = self._endpoint.stub()
        if self._user_session is None:
            # Asked anew before each login, or in its place while a refusal stands: it needs no
            # account, and shows whether vCenter is there at all.
            self._content = vim.ServiceInstance("ServiceInstance", self._stub).RetrieveContent()

    def _log_in(self) -> None:
        try:
            password = self._password()
        except (OSError, ValueError) as error:
            raise ProbeError(f"the password cannot be read: {type(error).__name__}") from error
        self._check_refusals(password)
        self._stub.cookie = ""  # vCenter refuses a login on a session that is already logged in
        try:
            login = self._content.sessionManager.Login(userName=self._username, password=password)
        except _LOGIN_REFUSALS as error:
            name = fault_name(error)
            self._refusals.add(password, name, _REFUSED_LOGIN_PAUSE_S, is_verdict=True)
            raise _LoginRefusedError(f"{name} for {self._username}") from error
        except vmodl.MethodFault as error:
            reason = f"ended in {fault_name(error)}"
            self._refusals.add(password, reason, _FAULTY_LOGIN_PAUSE_S, is_verdict=False)
            raise
        except TimeoutError:
            self._refusals.add(password, "got no answer", _UNANSWERED_LOGIN_PAUSE_S, is_verdict=False)
            raise
        self._user_session = login
        self._refusals.clear()

    def _check_refusals(self, password: str) -> None:
        standing = self._refusals.standing(password)
        if standing is None:
            return
        refusal, left_s = standing
        if not refusal.is_verdict:
            raise _UnreachableError(f"the last login {refusal.reason}; the next try is in {left_s:.0f} s")
        raise _LoginRefusedError(
            f"{refusal.reason} {self._refusals.ago_s(refusal):.0f} s ago; not tried again until the password "
            f"changes, or in {left_s:.0f} s (a lockout would hit everyone with this account)"
        )

    def _certificate_reason(self, error: ssl.SSLCertVerificationError) -> str:
        reason = f"the certificate does not verify: {error.verify_message or error.reason}"
        if error.verify_code != _X509_HAS_EXPIRED:
            return reason
        try:
            ends_at_s = certificate_ends_at_wall_s(
                self._endpoint.address, self._endpoint.port, 0.3 * self._timeout_s
            )
        except OSError:
            return reason
        over_for_s = self._clock.wall_s() - ends_at_s if ends_at_s is not None else 0.0
        if over_for_s <= 0:  # it is its authority's that has
            return reason
        return f"the certificate expired {over_for_s / _DAY_S:.1f} days ago"

    def _end_session(self) -> None:
        self._user_session = None
        self.ticket = None

    def _forget(self) -> None:
        self._stub = None
        self._content = None
        self._end_session()

    def _clusters(self) -> Mapping[str, str]:
        """Name to moid of the configured clusters that exist."""
        if set(self._cluster_names) <= self._moids.keys():
            try:
                found = self._properties([vim.ClusterComputeResource(one) for one in self._moids.values()])
            except vmodl.fault.ManagedObjectNotFound:
                found = {}
            if found == {known: name for name, known in self._moids.items()}:
                return dict(self._moids)
        self._moids = self._find_clusters()
        return dict(self._moids)

    def _find_clusters(self) -> dict[str, str]:
        view = self._content.viewManager.CreateContainerView(
            container=self._content.rootFolder, type=[vim.ClusterComputeResource], recursive=True
        )
        try:
            references = list(view.view)
        finally:
            view.Destroy()
        found = self._properties(references) if references else {}
        moids: dict[str, str] = {}
        for known, name in sorted(found.items()):
            if name in self._cluster_names:
                moids.setdefault(name, known)
        return moids

    def _properties(self, references: list[Any]) -> dict[str, str]:
        """The `name` of each cluster by moid: the property read that is the canary."""
        query = vmodl.query.PropertyCollector
        spec = query.FilterSpec(
            objectSet=[query.ObjectSpec(obj=reference) for reference in references],
            propSet=[query.PropertySpec(type=vim.ClusterComputeResource, pathSet=["name"], all=False)],
        )
        collector = self._content.propertyCollector
        answer = collector.RetrievePropertiesEx(specSet=[spec], options=query.RetrieveOptions())
        found: dict[str, str] = {}
        while answer is not None:
            for item in answer.objects:
                found.update({moid(item.obj): prop.val for prop in item.propSet if prop.name == "name"})
            if not answer.token:
                break
            answer = collector.ContinueRetrievePropertiesEx(token=answer.token)
        return found
