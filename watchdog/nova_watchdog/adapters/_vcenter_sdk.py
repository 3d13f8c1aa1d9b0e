"""pyvmomi as both of a vCenter's threads use it: types, stubs, and what its errors mean.

Stubs are built by hand. `pyVim.connect.SmartConnect` keeps a global, is not safe with threads and has
no timeout. A stub belongs to one thread.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyVmomi

from nova_watchdog import __version__
from nova_watchdog.ports import ProbeError

# pyvmomi makes its types at run time, and marks none of it for type checkers.
_library: Any = pyVmomi
vim: Any = _library.vim
vmodl: Any = _library.vmodl

# vSphere 6.0's API has all that is read here, and every vCenter since answers it.
_API_VERSION = "vim.version.version10"
# Told in vCenter's list of sessions: by its first word a watchdog knows the sessions of all watchdogs.
AGENT = "nova-watchdog"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a vCenter is and how it is trusted. `timeout_s` is the limit of each step on the wire."""

    address: str
    port: int
    ca_file: Path | None
    insecure: bool
    timeout_s: float

    def stub(self) -> Any:
        """A SOAP stub that is not connected yet. Raises ProbeError for a CA file that cannot be loaded."""
        return _library.SoapStubAdapter(
            host=self.address,
            port=self.port,
            version=_API_VERSION,
            sslContext=self._tls(),
            httpConnectionTimeout=self.timeout_s,
            customHeaders={"User-Agent": f"{AGENT}/{__version__}"},
        )

    def _tls(self) -> ssl.SSLContext:
        try:
            # As nova's own HTTP library takes it: a bundle, or a directory of hashed certificates.
            is_directory = self.ca_file is not None and self.ca_file.is_dir()
            context = ssl.create_default_context(
                cafile=None if is_directory else self.ca_file,
                capath=self.ca_file if is_directory else None,
            )
        except (OSError, ssl.SSLError) as error:
            raise ProbeError(f"the CA file {self.ca_file} cannot be loaded: {error}") from error
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True)
class Ticket:
    """A session that is logged in: what another stub needs to use it.

    `cookie` and `key` are secrets. `user_name` is vCenter's own spelling. `moids`: by name, the
    configured clusters that the last canary found.
    """

    cookie: str = field(repr=False)
    key: str = field(repr=False)
    user_name: str
    moids: Mapping[str, str]


def moid(reference: Any) -> str:
    """The managed object's id."""
    text: str = reference._GetMoId()  # noqa: SLF001 - pyvmomi's way to ask for it
    return text


def fault_name(fault: Any) -> str:
    """The fault's name in vSphere's documentation."""
    return type(fault).__name__.rsplit(".", 1)[-1]


def network_reason(error: Exception, timeout_s: float) -> str:
    """For people: what went wrong on the wire."""
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
