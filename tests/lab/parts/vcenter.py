"""The simulated vCenters, and how to talk to their control sockets."""

from __future__ import annotations

import http.client
import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from lab import accounts
from lab.errors import LabError
from lab.parts import endpoints
from lab.processes import Service, accepts
from lab.topology import HOSTS_PER_CLUSTER

if TYPE_CHECKING:
    from pathlib import Path

    from lab.site import Site
    from lab.topology import VCenter

_CONTROL_TIMEOUT_S = 10.0


def service(site: Site, vcenter: VCenter) -> Service:
    """One vCenter, in a process of its own."""
    directory = site.private(vcenter.name)
    password = directory / "password"
    password.write_text(accounts.VCENTER_PASSWORD)
    password.chmod(0o600)
    certificates = site.tools.certificates
    options = {
        "listen": f"{vcenter.address}:{endpoints.VCENTER_PORT}",
        "control": str(site.paths.control_socket(vcenter.name)),
        "clusters": str(vcenter.clusters),
        "hosts": str(HOSTS_PER_CLUSTER),
        "host-domain": vcenter.esx_domain,
        "uuid": vcenter.instance_uuid,
        "user": accounts.VCENTER_USER,
        "password-file": str(password),
        "wsdl": str(site.tools.wsdl),
        "cert": str(certificates / f"{vcenter.certificate}.pem"),
        "key": str(certificates / f"{vcenter.certificate}.key"),
        "ca-cert": str(certificates / "ca.pem"),
        "ca-key": str(certificates / "ca.key"),
        "requests": str(site.log(f"{vcenter.name}-requests").with_suffix(".jsonl")),
    }
    return Service(
        vcenter.name,
        [str(site.tools.vcsim), *(part for key, value in options.items() for part in (f"-{key}", value))],
        site.log(vcenter.name),
        lambda: accepts(vcenter.address, endpoints.VCENTER_PORT),
        {"TMPDIR": str(directory)},
        grace_s=1.0,
    )


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_CONTROL_TIMEOUT_S)
        self._path = str(path)

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def control(path: Path, method: str, resource: str, **arguments: str) -> Any:
    """One request to a simulator's control socket; its JSON answer, or LabError with what it said."""
    connection = _UnixConnection(path)
    try:
        connection.request(method, f"{resource}?{urlencode(arguments)}" if arguments else resource)
        response = connection.getresponse()
        body = response.read()
    except OSError as error:
        raise LabError(f"the vCenter simulator does not answer on {path.name}: {error}") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise LabError(
            f"the vCenter simulator refused {resource} {arguments}: {body.decode(errors='replace').strip()}"
        )
    return json.loads(body) if body else None
