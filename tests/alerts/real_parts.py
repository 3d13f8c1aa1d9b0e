"""A real Prometheus, a real Alertmanager (Debian's packages) and a recording receiver, on loopback."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

# Generous: other work may have the machine.
DEADLINE_S = 60.0
_POLL_S = 0.1
_FIRING_FOR = timedelta(minutes=10)


class WebServer(ThreadingHTTPServer):
    """Answers on a port of its own for the length of a `with`."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.address = f"127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> WebServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


@dataclass
class Receiver:
    """Stands in for a pager, a ticket system and a chat: `notes` holds (receiver, notification) in order."""

    notes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Its address."""
        notes = self.notes

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                notes.append((self.path.strip("/"), body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Be quiet."""

        with WebServer(Handler) as server:
            yield server.address

    def told(self, receiver: str) -> list[tuple[str, list[str]]]:
        """Status and alerts (`name pairing`) of each notification to one receiver."""
        return [
            (note["status"], sorted(_called(alert["labels"]) for alert in note["alerts"]))
            for name, note in self.notes
            if name == receiver
        ]


def _called(labels: Mapping[str, str]) -> str:
    return " ".join(labels[one] for one in ("alertname", "pairing") if one in labels)


class Alertmanager:
    """The example of a configuration with short waits, and every receiver a path of the recording one."""

    def __init__(self, url: str) -> None:
        self._url = url

    def fire(self, alerts: Sequence[Mapping[str, str]]) -> None:
        """As Prometheus tells it: these fire."""
        self._post(alerts, datetime.now(UTC) + _FIRING_FOR)

    def resolve(self, alerts: Sequence[Mapping[str, str]]) -> None:
        """They have ended."""
        self._post(alerts, datetime.now(UTC))

    def _post(self, alerts: Sequence[Mapping[str, str]], ends_at: datetime) -> None:
        body = [{"labels": dict(labels), "endsAt": ends_at.isoformat()} for labels in alerts]
        fetch(f"{self._url}/api/v2/alerts", body)


def shortened(example: dict[str, Any], address: str) -> dict[str, Any]:
    """The example with waits of a second. Routes, matchers and inhibitions stay as they are."""

    def faster(route: dict[str, Any]) -> dict[str, Any]:
        changed = {**route, "routes": [faster(child) for child in route.get("routes", [])]}
        for key in ("group_wait", "group_interval"):
            if key in route:
                changed[key] = "1s"
        if route.get("repeat_interval") == "1m":
            changed["repeat_interval"] = "1s"
        return changed

    receivers = [
        {"name": one["name"], "webhook_configs": [{"url": f"http://{address}/{one['name']}"}]}
        for one in example["receivers"]
    ]
    return {**example, "route": faster(example["route"]), "receivers": receivers}


@contextmanager
def alertmanager(example: dict[str, Any], receiver: str, folder: Path) -> Iterator[Alertmanager]:
    """Alertmanager with that configuration, telling the receiver at that address."""
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(shortened(example, receiver)))
    url = f"http://127.0.0.1:{_free_port()}"
    command = [
        "/usr/bin/prometheus-alertmanager",
        f"--config.file={folder}/alertmanager.yml",
        f"--storage.path={folder}/alertmanager",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--cluster.listen-address=",
    ]
    with _running(command, f"{url}/-/ready", folder / "alertmanager.log"):
        yield Alertmanager(url)


class Prometheus:
    """Asked over its API."""

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector: labels and value."""
        found = fetch(f"{self._url}/api/v1/query?query={quote(expression)}")["data"]["result"]
        return [{"labels": one["metric"], "value": float(one["value"][1])} for one in found]

    def query_range(self, expression: str, start_s: float, end_s: float) -> list[dict[str, Any]]:
        """Labels and values of each series, a value each second."""
        times = f"&start={start_s}&end={end_s}&step=1"
        found = fetch(f"{self._url}/api/v1/query_range?query={quote(expression)}{times}")["data"]["result"]
        return [{"labels": one["metric"], "values": one["values"]} for one in found]

    def label_values(self, label: str, selector: str) -> list[str]:
        """What a variable of a dashboard would offer."""
        path = f"/api/v1/label/{label}/values?match[]={quote(selector)}"
        values: list[str] = fetch(self._url + path)["data"]
        return values


@contextmanager
def prometheus(config: dict[str, Any], folder: Path) -> Iterator[Prometheus]:
    """Prometheus with that configuration, its data in that folder."""
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    url = f"http://127.0.0.1:{_free_port()}"
    command = [
        "/usr/bin/prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/prometheus",
        f"--web.listen-address={url.removeprefix('http://')}",
    ]
    with _running(command, f"{url}/-/ready", folder / "prometheus.log"):
        yield Prometheus(url)


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for it; AssertionError if it does not come."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {DEADLINE_S:g} s: {what}"
        time.sleep(_POLL_S)


def fetch(url: str, body: object = None) -> Any:
    """The answer as JSON, None for one without."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:  # noqa: S310
        text = answer.read()
    return json.loads(text) if text.startswith((b"{", b"[")) else None


@contextmanager
def _running(command: list[str], ready_url: str, log: Path) -> Iterator[None]:
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        until(lambda: process.poll() is not None or _is_ready(ready_url), f"{command[0]} is ready")
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(DEADLINE_S)


def _is_ready(url: str) -> bool:
    try:
        fetch(url)
    except urllib.error.URLError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
