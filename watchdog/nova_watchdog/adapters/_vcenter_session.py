"""One session with one vCenter, in blocking calls: used from one thread only.

The stub is built by hand. `pyVim.connect.SmartConnect` keeps a global, is not safe with threads and
has no timeout.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

import pyVmomi

from nova_watchdog.core.model import VCenterOutcome, VCenterView
from nova_watchdog.ports import Clock, ProbeError

# pyvmomi makes its types at run time, and marks none of it for type checkers.
_library: Any = pyVmomi
vim: Any = _library.vim
vmodl: Any = _library.vmodl

# vSphere 6.0's API has all that is read here, and every vCenter since answers it.
_API_VERSION = "vim.version.version10"
# vCenter's default policy locks an account after 5 failed logins in 180 s, for everyone who uses it.
_REFUSED_LOGIN_PAUSE_S = 1800.0
# A login without an answer may have made a session; one every half minute leaves no heap of them.
_UNANSWERED_LOGIN_PAUSE_S = 30.0
# One that ended in a fault, such as SystemError while the sign-on service starts, may count as a failed
# login: three in 180 s lock nothing.
_FAULTY_LOGIN_PAUSE_S = 60.0
_LOGIN_REFUSALS = (vim.fault.InvalidLogin, vim.fault.NoPermission, vim.fault.RestrictedByAdministrator)


class _LoginRefusedError(Exception):
    """vCenter said no to the account or its password."""


class _UnreachableError(Exception):
    """No request was sent, for the reason in the text."""


class VCenterSession:
    """Logs in once, reads the configured clusters, logs in again when the session is gone."""

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
    ) -> None:
        self._address = address
        self._port = port
        self._username = username
        self._password = password
        self._cluster_names = clusters
        self._ca_file = ca_file
        self._insecure = insecure
        self._timeout_s = timeout_s
        self._clock = clock
        self._stub: Any = None
        self._content: Any = None
        self._is_logged_in = False
        self._moids: dict[str, str] = {}
        self._refusals = _RefusalMemory(clock)
        self._no_login_before_s = 0.0
        self._last_login = ""

    def read(self) -> VCenterView:
        """One canary. Raises ProbeError for what is not understood."""
        try:
            clusters = self._read_clusters()
        except _LoginRefusedError as error:
            return VCenterView(VCenterOutcome.LOGIN_REFUSED, str(error))
        except _UnreachableError as error:
            return VCenterView(VCenterOutcome.UNREACHABLE, str(error))
        except ssl.SSLCertVerificationError as error:
            self._forget()  # a new CA file may be the remedy: the next read loads it
            reason = f"the certificate does not verify: {error.verify_message or error.reason}"
            return VCenterView(VCenterOutcome.UNREACHABLE, reason)
        except (OSError, http.client.HTTPException) as error:
            return VCenterView(VCenterOutcome.UNREACHABLE, _network_reason(error, self._timeout_s))
        except vmodl.MethodFault as error:
            raise ProbeError(f"vCenter answered with {_fault_name(error)}") from error
        except ExpatError as error:
            raise ProbeError("the answer is not a vCenter's (no XML)") from error
        finally:
            # Each canary opens its own connection, as a client that starts now would have to. It
            # also means that a connection that the other side closed meanwhile is never reused.
            if self._stub is not None:
                self._stub.DropConnections()
        return VCenterView(VCenterOutcome.OK, "", self._content.about.instanceUuid or "", clusters)

    def log_out(self) -> None:
        """End the session at vCenter. Errors are of no consequence: it ends by itself when idle."""
        if not self._is_logged_in:
            return
        self._is_logged_in = False
        try:
            self._content.sessionManager.Logout()
        except (OSError, http.client.HTTPException, vmodl.MethodFault, ExpatError):
            return
        finally:
            self._stub.DropConnections()

    def _read_clusters(self) -> Mapping[str, str]:
        self._connect()
        was_logged_in = self._is_logged_in
        if not was_logged_in:
            self._log_in()
        try:
            return self._clusters()
        except vim.fault.NotAuthenticated:
            self._is_logged_in = False
            if not was_logged_in:
                raise  # a fresh login that does not count: not understood
        self._log_in()
        return self._clusters()

    def _connect(self) -> None:
        if self._stub is None:
            self._stub = _library.SoapStubAdapter(
                host=self._address,
                port=self._port,
                version=_API_VERSION,
                sslContext=self._tls(),
                # Below the reader's own deadline, so that the reason comes from here.
                httpConnectionTimeout=0.9 * self._timeout_s,
            )
        if not self._is_logged_in:
            # Asked anew before each login, or in its place while a refusal stands: it needs no
            # account, and shows whether vCenter is there at all.
            self._content = vim.ServiceInstance("ServiceInstance", self._stub).RetrieveContent()

    def _tls(self) -> ssl.SSLContext:
        try:
            # As nova's own HTTP library takes it: a bundle, or a directory of hashed certificates.
            is_directory = self._ca_file is not None and self._ca_file.is_dir()
            context = ssl.create_default_context(
                cafile=None if is_directory else self._ca_file,
                capath=self._ca_file if is_directory else None,
            )
        except (OSError, ssl.SSLError) as error:
            raise ProbeError(f"the CA file {self._ca_file} cannot be loaded: {error}") from error
        if self._insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _log_in(self) -> None:
        try:
            password = self._password()
        except (OSError, ValueError) as error:
            raise ProbeError(f"the password cannot be read: {type(error).__name__}") from error
        if (refusal := self._refusals.standing(password)) is not None:
            raise _LoginRefusedError(refusal)
        wait_s = self._no_login_before_s - self._clock.now_s()
        if wait_s > 0:
            raise _UnreachableError(f"the last login {self._last_login}; the next try is in {wait_s:.0f} s")
        self._stub.cookie = ""  # vCenter refuses a login on a session that is already logged in
        try:
            self._content.sessionManager.Login(userName=self._username, password=password)
        except _LOGIN_REFUSALS as error:
            self._refusals.add(password, _fault_name(error))
            raise _LoginRefusedError(f"{_fault_name(error)} for {self._username}") from error
        except vmodl.MethodFault as error:
            self._pause_logins(_FAULTY_LOGIN_PAUSE_S, f"ended in {_fault_name(error)}")
            raise
        except TimeoutError:
            self._pause_logins(_UNANSWERED_LOGIN_PAUSE_S, "got no answer")
            raise
        self._is_logged_in = True

    def _pause_logins(self, pause_s: float, what_happened: str) -> None:
        self._no_login_before_s = self._clock.now_s() + pause_s
        self._last_login = what_happened

    def _forget(self) -> None:
        self._stub = None
        self._content = None
        self._is_logged_in = False

    def _clusters(self) -> Mapping[str, str]:
        """Name to moid of the configured clusters that exist."""
        if set(self._cluster_names) <= self._moids.keys():
            try:
                found = self._properties([vim.ClusterComputeResource(moid) for moid in self._moids.values()])
            except vmodl.fault.ManagedObjectNotFound:
                found = {}
            if found == {moid: name for name, moid in self._moids.items()}:
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
        for moid, name in sorted(found.items()):
            if name in self._cluster_names:
                moids.setdefault(name, moid)
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
                found.update({item.obj._GetMoId(): prop.val for prop in item.propSet if prop.name == "name"})  # noqa: SLF001 - pyvmomi's way to ask for a moid
            if not answer.token:
                break
            answer = collector.ContinueRetrievePropertiesEx(token=answer.token)
        return found


class _RefusalMemory:
    """Which password was refused, and when: it is not sent again before it changes or the pause is over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._salt = os.urandom(16)
        self._digest = b""
        self._at_s = 0.0
        self._reason = ""

    def add(self, password: str, reason: str) -> None:
        """Remember a refusal."""
        self._digest = self._hash(password)
        self._at_s = self._clock.now_s()
        self._reason = reason

    def standing(self, password: str) -> str | None:
        """Why this password must not be tried now, or None."""
        ago_s = self._clock.now_s() - self._at_s
        if self._digest != self._hash(password) or ago_s >= _REFUSED_LOGIN_PAUSE_S:
            return None
        return (
            f"{self._reason} {ago_s:.0f} s ago; not tried again until the password changes, "
            f"or in {_REFUSED_LOGIN_PAUSE_S - ago_s:.0f} s (a lockout would hit everyone with this account)"
        )

    def _hash(self, password: str) -> bytes:
        return hashlib.blake2b(password.encode(), key=self._salt).digest()


def _fault_name(fault: Any) -> str:
    return type(fault).__name__.rsplit(".", 1)[-1]


def _network_reason(error: Exception, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, http.client.RemoteDisconnected):
        return "the connection was closed without an answer"
    if isinstance(error, ssl.SSLError):
        return f"TLS fault: {error.reason or error}"
    if isinstance(error, http.client.HTTPException):
        return f"HTTP fault: {error or type(error).__name__}"
    text = error.strerror if isinstance(error, OSError) else None
    return text or str(error) or type(error).__name__
