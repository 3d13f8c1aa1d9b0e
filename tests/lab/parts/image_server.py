"""A stand-in for Glance and Neutron: `python -m lab.parts.image_server ADDRESS PORT...`.

Enough for Nova to boot an instance with `networks: none` from one small image.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

IMAGE_ID = "99999999-0000-0000-0000-000000000001"
_DATA = bytes(65536)
_IMAGE: dict[str, Any] = {
    "id": IMAGE_ID,
    "name": "tiny",
    "status": "active",
    "visibility": "public",
    "protected": False,
    "owner": "lab",
    "tags": [],
    "disk_format": "vmdk",
    "container_format": "bare",
    "size": len(_DATA),
    "min_disk": 0,
    "min_ram": 0,
    "checksum": hashlib.md5(_DATA, usedforsecurity=False).hexdigest(),
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "file": f"/v2/images/{IMAGE_ID}/file",
    "schema": "/v2/schemas/image",
    "self": f"/v2/images/{IMAGE_ID}",
    "vmware_adaptertype": "lsiLogic",
    "vmware_disktype": "preallocated",
    "hypervisor_type": "vmware",
}
_SCHEMA = {
    "name": "image",
    "properties": {key: {"type": "string"} for key in _IMAGE},
    "additionalProperties": {"type": "string"},
}
_NETWORK_LIST = re.compile(r"/v2\.0/([a-z-]+)$")


def answer(path: str, host: str) -> tuple[int, Any]:
    """HTTP status and body (bytes as they are, anything else as JSON) of a GET."""
    network_list = _NETWORK_LIST.match(path)
    fixed: dict[str, Any] = {
        "": {
            "versions": [
                {"id": "v2.9", "status": "CURRENT", "links": [{"rel": "self", "href": f"http://{host}/v2/"}]}
            ]
        },
        "/v2/images": {"images": [_IMAGE], "schema": "/v2/schemas/images", "first": "/v2/images"},
        f"/v2/images/{IMAGE_ID}": _IMAGE,
        f"/v2/images/{IMAGE_ID}/file": _DATA,
        "/v2/schemas/image": _SCHEMA,
    }
    if path in fixed:
        return 200, fixed[path]
    if path.startswith("/v2.0/quotas"):
        return 200, {"quota": {}}
    if network_list:
        return 200, {network_list.group(1).replace("-", "_"): []}
    return 404, {"error": path}


class Handler(BaseHTTPRequestHandler):
    """Answers reads from `answer` and accepts every write."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(*answer(self.path.split("?")[0].rstrip("/"), self.headers.get("Host", "")))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self._send(204, b"")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._send(200, {})

    def do_PUT(self) -> None:
        self.do_POST()

    def _send(self, status: int, content: Any) -> None:
        raw = isinstance(content, bytes)
        body = content if raw else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream" if raw else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main(address: str, *ports: str) -> None:
    """Serve on every port until the process is ended."""
    servers = [ThreadingHTTPServer((address, int(port)), Handler) for port in ports]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()


if __name__ == "__main__":
    main(*sys.argv[1:])
