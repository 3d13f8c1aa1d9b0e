"""An authenticated session with one cloud of a clouds.yaml, in blocking calls, for several threads."""

from __future__ import annotations

import logging
import threading
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from keystoneauth1 import exceptions as keystone_errors
from keystoneauth1.adapter import Adapter
from openstack import exceptions as openstack_errors
from openstack.config import OpenStackConfig
from requests import exceptions as requests_errors

from nova_watchdog.ports import Clock, ProbeError

MICROVERSION = "2.53"  # Pike: the first one in which a service has a UUID
# Refused credentials are not sent again before the file changes or this is over: Keystone may lock
# an account ([security_compliance] lockout_failure_attempts).
_REFUSED_PAUSE_S = 60.0

# It logs the line that is no YAML, which may be the password's. `_load` tells the fault instead.
logging.getLogger("openstack.config").setLevel(logging.ERROR)
# It warns at each try while Keystone is away. The reading's own reason says so, once.
logging.getLogger("keystoneauth.identity.generic.base").setLevel(logging.ERROR)


class CloudSession:
    """Logs in when first needed, and anew after the credentials were refused; one thread at a time."""

    def __init__(self, cloud: str, clouds_file: Path, *, timeout_s: float, clock: Clock) -> None:
        self._cloud = cloud
        self._clouds_file = clouds_file
        self._timeout_s = timeout_s
        self._clock = clock
        self._lock = threading.Lock()
        self._compute: Any = None
        self._refused_at_s: float | None = None
        self._refused_file_state: tuple[int, ...] = ()

    def compute(self) -> Any:
        """The keystoneauth adapter of the Compute service, logged in. Raises ProbeError."""
        with self._lock:
            if self._refused_at_s is not None:
                ago_s = self._clock.now_s() - self._refused_at_s
                if ago_s < _REFUSED_PAUSE_S and self._file_state() == self._refused_file_state:
                    raise ProbeError(f"Keystone refused the credentials of {self._cloud} {ago_s:.0f} s ago")
                self._refused_at_s = None
            if self._compute is None:
                self._compute = self._load()
            try:
                self._compute.session.get_auth_headers()  # from memory, unless they are about to expire
            except (keystone_errors.ClientException, requests_errors.RequestException) as error:
                raise ProbeError(self._note(error)) from error
            return self._compute

    def note_failure(self, error: Exception) -> str:
        """Take note of refused credentials, and return a short reason for people."""
        with self._lock:
            return self._note(error)

    def _note(self, error: Exception) -> str:
        if isinstance(error, keystone_errors.Unauthorized):
            self._compute = None
            self._refused_at_s = self._clock.now_s()
            self._refused_file_state = self._file_state()
            return f"Keystone refused the credentials of {self._cloud} (HTTP 401)"
        if isinstance(error, keystone_errors.ConnectTimeout | requests_errors.Timeout):
            return f"no answer within {self._timeout_s:g} s"
        return _reason(error)

    def _load(self) -> Any:
        # openstacksdk (seen: 4.22) warns everybody about InfluxDB, whether it is configured or not.
        warnings.filterwarnings("ignore", message="Support for InfluxDB")
        try:
            config = OpenStackConfig(
                config_files=[str(self._clouds_file)],
                secure_files=[str(self._clouds_file.with_name("secure.yaml"))],
                vendor_files=[],
                load_envvars=False,  # the daemon's environment is nobody's credentials
                app_name="nova-watchdog",
            )
            if config.config_filename is None:
                raise ProbeError(f"{self._clouds_file} is absent, not readable, or not YAML")
            region = config.get_one(cloud=self._cloud)
            session = region.get_session()
        except (
            openstack_errors.SDKException,
            keystone_errors.ClientException,
            # What the loader does with a file whose parts are of other types than it expects.
            *(AttributeError, KeyError, TypeError, ValueError),
        ) as error:
            # Only the kind: the text may quote the file.
            raise ProbeError(
                f"the cloud {self._cloud} in {self._clouds_file} cannot be used ({type(error).__name__})"
            ) from error
        session.timeout = 0.9 * self._timeout_s  # below the caller's deadline: so the reason comes from here
        return Adapter(
            session=session,
            service_type="compute",
            interface=region.get_interface("compute"),
            region_name=region.get_region_name("compute"),
            endpoint_override=region.get_endpoint("compute"),
            # A range lets keystoneauth use the catalog's versioned endpoint as it is, or find it once.
            min_version="2.1",
            max_version="2.latest",
            default_microversion=MICROVERSION,
        )

    def _file_state(self) -> tuple[int, ...]:
        try:
            status = self._clouds_file.stat()
        except OSError:
            return ()
        return (status.st_mtime_ns, status.st_size, status.st_ino)


def _reason(error: Exception) -> str:
    """What went wrong, without any text of a server or a file, lest it repeats a secret."""
    if isinstance(error, keystone_errors.Forbidden):
        return f"HTTP 403{_place(error)}: the account lacks the role for it"
    if isinstance(error, keystone_errors.HttpError):
        return f"HTTP {error.http_status}{_place(error)}"
    if isinstance(error, keystone_errors.SSLError):
        return "TLS fault: does `cacert` in clouds.yaml name the authority?"
    if isinstance(error, keystone_errors.ConnectFailure | requests_errors.ConnectionError):
        return f"cannot connect{_root_cause(error)}"
    if isinstance(error, keystone_errors.EndpointNotFound | keystone_errors.CatalogException):
        return "the catalog names no endpoint of the Compute service for this region and interface"
    return f"{type(error).__name__} from keystoneauth"


def _place(error: Any) -> str:
    """Which server answered: scheme, host and path, without a query."""
    parts = urlsplit(getattr(error, "url", None) or "")
    return f" from {parts.scheme}://{parts.hostname}:{parts.port}{parts.path}" if parts.hostname else ""


def _root_cause(error: BaseException) -> str:
    """What the operating system said, found below the layers of urllib3 and requests."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, OSError) and cause.strerror:
            return f": {cause.strerror}"
        cause = cause.__cause__ or cause.__context__
    return ""
