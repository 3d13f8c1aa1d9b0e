"""Nova's compute services and servers through the real API, as an operator sees and sets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab import accounts
from lab.api.http import Answer, HttpError, json_request
from lab.errors import LabError
from lab.parts import endpoints

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

_MICROVERSION = "2.53"
_UNAUTHORIZED = 401


def authenticate(
    user: str, password: str, project: str, connect: Callable[[str, int, float], socket.socket] | None = None
) -> str:
    """A token of Keystone's."""
    default = {"id": "default"}
    body = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": user, "domain": default, "password": password}},
            },
            "scope": {"project": {"name": project, "domain": default}},
        }
    }
    answer = json_request("POST", f"{endpoints.KEYSTONE}/auth/tokens", body, connect=connect)
    return answer.headers["x-subject-token"]


class NovaApi:
    """The cloud's administrator. `connect` makes sockets in the lab's network when called from outside it."""

    def __init__(self, connect: Callable[[str, int, float], socket.socket] | None = None) -> None:
        self._connect = connect
        self._token: str | None = None

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the compute API; HttpError if it fails."""
        for attempt in (1, 2):
            if self._token is None:
                self._token = authenticate(
                    accounts.ADMIN_USER, accounts.ADMIN_PASSWORD, "admin", connect=self._connect
                )
            try:
                return self._send(method, path, body).content
            except HttpError as error:
                if error.status != _UNAUTHORIZED or attempt == 2:
                    raise
                self._token = None
        raise AssertionError  # the loop returns or raises

    def _send(self, method: str, path: str, body: Any) -> Answer:
        headers = {"X-Auth-Token": self._token or "", "OpenStack-API-Version": f"compute {_MICROVERSION}"}
        return json_request(method, endpoints.NOVA + path, body, headers, connect=self._connect)

    def services(self, binary: str = "nova-compute") -> list[dict[str, Any]]:
        """The records of os-services."""
        found: list[dict[str, Any]] = self.request("GET", f"/os-services?binary={binary}")["services"]
        return found

    def service(self, host: str) -> dict[str, Any]:
        """The record of one nova-compute."""
        for record in self.services():
            if record["host"] == host:
                return record
        raise LabError(f"Nova knows no nova-compute with host = {host!r}")

    def enable(self, host: str) -> None:
        """Enable it, as an operator."""
        self.request("PUT", f"/os-services/{self.service(host)['id']}", {"status": "enabled"})

    def disable(self, host: str, reason: str) -> None:
        """Disable it, as an operator, with a reason."""
        change = {"status": "disabled", "disabled_reason": reason}
        self.request("PUT", f"/os-services/{self.service(host)['id']}", change)

    def force_down(self, host: str, *, forced: bool) -> None:
        """Set or take back `forced_down`."""
        self.request("PUT", f"/os-services/{self.service(host)['id']}", {"forced_down": forced})

    def make_flavor(self, name: str) -> str:
        """The smallest there is; its id."""
        wanted = {"name": name, "ram": 64, "vcpus": 1, "disk": 0}
        return str(self.request("POST", "/flavors", {"flavor": wanted})["flavor"]["id"])

    def create_server(self, name: str, flavor: str, image: str, host: str) -> str:
        """Ask for a server without a network on that nova-compute, whatever the scheduler prefers; its id."""
        wanted = {"name": name, "imageRef": image, "flavorRef": flavor, "networks": "none"}
        wanted["availability_zone"] = f"nova:{host}"
        return str(self.request("POST", "/servers", {"server": wanted})["server"]["id"])

    def server_states(self) -> dict[str, str]:
        """The status of each server of the project by its id."""
        servers = self.request("GET", "/servers/detail")["servers"]
        return {server["id"]: server["status"] for server in servers}

    def server_fault(self, server: str) -> str:
        """Why it is in ERROR, empty: it is not."""
        return str(self.request("GET", f"/servers/{server}")["server"].get("fault", {}).get("message", ""))

    def delete_server(self, server: str) -> None:
        """Ask for its end."""
        self.request("DELETE", f"/servers/{server}")
