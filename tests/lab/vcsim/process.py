"""A simulated vCenter as a process, and clients for it."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pyVmomi

from lab.vcsim import build

if TYPE_CHECKING:
    from pathlib import Path

_pyvmomi: Any = pyVmomi  # has no types of its own

USER = "nova@vsphere.local"
SESSION_USER = "VSPHERE.LOCAL\\nova"
"""As a vCenter spells the same account in its list of sessions."""
PASSWORD = "lab"
INSTANCE_UUID = "0d3a1f5e-6d6e-4e57-9c42-1f5a2a0c7b11"
ADDRESS = "127.0.0.1"
_START_TIMEOUT_S = 10.0


class VCenter:
    """A running simulator: its process, its control socket and clients for it."""

    def __init__(self, binary: Path, directory: Path, *, hosts: int = 2, datastores: int = 2) -> None:
        self._binary = binary
        self._directory = directory
        self._hosts = hosts
        self._datastores = datastores
        self.port = _free_port()
        self.requests = directory / "requests.jsonl"
        self._ca = directory / "ca.pem"
        self._process: subprocess.Popen[bytes] | None = None
        self._stubs: list[Any] = []

    def start(self) -> None:
        """Start the process and wait until it listens; the same port and inventory each time."""
        options = {
            "listen": f"{ADDRESS}:{self.port}",
            "control": self._directory / "control.sock",
            "clusters": 2,
            "hosts": self._hosts,
            "datastores": self._datastores,
            "uuid": INSTANCE_UUID,
            "user": USER,
            "password-file": self._directory / "password",
            "wsdl": self._binary.with_name(build.WSDL_NAME),
            "cert": self._directory / "vcenter.pem",
            "key": self._directory / "vcenter.key",
            "ca-cert": self._ca,
            "ca-key": self._directory / "ca.key",
            "requests": self.requests,
        }
        arguments = [text for name, value in options.items() for text in (f"-{name}", str(value))]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._binary), *arguments],
                stdout=log,
                stderr=log,
                env={"TMPDIR": str(self._directory)},
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self.listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self._directory / "log").read_text())
            time.sleep(0.02)

    def stop(self) -> int:
        """End the process with SIGTERM; its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(timeout=5)

    def listens(self) -> bool:
        """Whether connect() succeeds."""
        try:
            self.tcp().close()
        except ConnectionRefusedError:
            return False
        return True

    def tcp(self) -> socket.socket:
        """A bare TCP connection with a timeout of one second."""
        return socket.create_connection((ADDRESS, self.port), timeout=1)

    def tls(self, raw: socket.socket | None = None) -> ssl.SSLSocket:
        """A TLS connection that trusts the throw-away authority alone."""
        return self.trust().wrap_socket(raw or self.tcp(), server_hostname=ADDRESS)

    def trust(self) -> ssl.SSLContext:
        """A context with the throw-away authority."""
        return ssl.create_default_context(cafile=str(self._ca))

    @property
    def ca_file(self) -> Path:
        """The throw-away authority."""
        return self._ca

    def client(self, timeout_s: float = 5, *, agent: str = "") -> Any:
        """A ServiceInstance that has not logged in, which calls itself `agent`."""
        stub = _pyvmomi.SoapStubAdapter(
            host=ADDRESS,
            port=self.port,
            path="/sdk",
            version="vim.version.version10",
            sslContext=self.trust(),
            httpConnectionTimeout=timeout_s,
            customHeaders={"User-Agent": agent} if agent else None,
        )
        self._stubs.append(stub)
        return _pyvmomi.vim.ServiceInstance("ServiceInstance", stub)

    def disconnect(self) -> None:
        """Close the connections of every client."""
        for stub in self._stubs:
            stub.DropConnections()
        self._stubs.clear()

    def login(self, password: str = PASSWORD, timeout_s: float = 5, *, agent: str = "") -> Any:
        """The content of a vCenter that has been logged in to."""
        content = self.client(timeout_s, agent=agent).RetrieveContent()
        content.sessionManager.Login(USER, password)
        return content

    def control(self, method: str, path: str, **arguments: str | int) -> tuple[int, Any]:
        """A call of the control API: HTTP status and answer."""
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(5)
        connection.sock.connect(str(self._directory / "control.sock"))
        try:
            connection.request(method, f"{path}?{urlencode(arguments)}")
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def fault(self, name: str, *, on: bool = True, **arguments: str | int) -> dict[str, Any]:
        """Inject or take back; what is in force afterwards."""
        status, answer = self.control("POST", "/fault", name=name, on=int(on), **arguments)
        assert status == http.client.OK, answer
        faults: dict[str, Any] = answer["faults"]
        return faults

    def clear(self) -> None:
        """Take back everything."""
        assert self.control("POST", "/clear") == (http.client.OK, {"faults": {}})

    def state(self) -> Any:
        """The answer to GET /state."""
        return self.control("GET", "/state")[1]

    def logged(self) -> list[dict[str, Any]]:
        """The request log."""
        return [json.loads(line) for line in self.requests.read_text().splitlines()]


def _free_port() -> int:
    with socket.create_server((ADDRESS, 0)) as free:
        port: int = free.getsockname()[1]
        return port
