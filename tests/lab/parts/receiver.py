"""The lab's recording receiver: `python -m lab.parts.receiver ADDRESS PORT RECORDS`.

It stands where a team's pager would: Alertmanager's webhooks end here, and the daemon's own notifiers can be
pointed at it. Everything that comes is written to the lab's record, and it can be told to misbehave.
"""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lab import accounts
from lab.parts import endpoints
from lab.processes import Service, accepts
from lab.records import Recorder
from lab.topology import SERVERS_ADDRESS

if TYPE_CHECKING:
    from lab.site import Site

DOORS = {"webhook": 200, "alertmanager": 200, "pagerduty": 202, "notice": 200}
"""Where things come in, and what a good answer is there."""
HANG = 0
"""Instead of a status: read the request and never answer it."""
_MAX_HANG_S = 600.0
_SEVERITIES = ("critical", "error", "warning", "info")


@dataclass(frozen=True)
class Behaviour:
    """How a door answers: a status, HANG, or None for the good answer; `retry_after_s` becomes a header."""

    status: int | None = None
    retry_after_s: int | None = None


class Desk:
    """What the receiver knows: how each door behaves now, and which pages it has taken."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._changed = threading.Condition()
        self._behaviours = dict.fromkeys(DOORS, Behaviour())
        self._taken: dict[str, tuple[str, str]] = {}

    def behaviours(self) -> dict[str, Any]:
        """All doors, for the control call."""
        with self._changed:
            return {door: asdict(behaviour) for door, behaviour in self._behaviours.items()}

    def set(self, door: str, behaviour: Behaviour) -> None:
        """Let a door behave so from now on; requests that hang are let go."""
        with self._changed:
            self._behaviours[door] = behaviour
            self._changed.notify_all()

    def behaviour(self, door: str) -> Behaviour:
        """How it behaves now."""
        with self._changed:
            return self._behaviours[door]

    def hang(self, door: str) -> None:
        """Return when the door behaves otherwise."""
        with self._changed:
            self._changed.wait_for(lambda: self._behaviours[door].status != HANG, _MAX_HANG_S)

    def take_webhook(self, receiver: str, body: dict[str, Any], answered: int) -> None:
        """Record `page` for each alert of a notification of Alertmanager's."""
        for alert in body["alerts"]:
            labels = alert["labels"]
            self._recorder.write(
                "page",
                status=alert["status"],
                alertname=labels.get("alertname"),
                labels=labels,
                annotations=alert["annotations"],
                receiver=receiver,
                group_key=body["groupKey"],
                starts_at=alert["startsAt"],
                ends_at=alert["endsAt"],
                answered=answered,
                repeated=self._is_repeated(receiver, alert, answered),
            )

    def _is_repeated(self, receiver: str, alert: dict[str, Any], answered: int) -> bool:
        """True if the receiver took this very word before: every notification tells its whole group again."""
        word = (alert["status"], alert["startsAt"])
        key = f"{receiver}/{alert['fingerprint']}"
        with self._changed:
            repeated = self._taken.get(key) == word
            if answered == DOORS["webhook"]:
                self._taken[key] = word
        return repeated

    def take_alerts(self, body: list[dict[str, Any]], answered: int) -> None:
        """Record `alert` for each alert posted as to Alertmanager's API v2."""
        for alert in body:
            labels = alert["labels"]
            self._recorder.write(
                "alert",
                alertname=labels.get("alertname"),
                labels=labels,
                annotations=alert.get("annotations", {}),
                starts_at=alert.get("startsAt"),
                ends_at=alert.get("endsAt"),
                answered=answered,
            )

    def take_event(self, body: dict[str, Any], answered: int) -> None:
        """Record `pagerduty` for an event of PagerDuty's Events API v2, without its key."""
        self._recorder.write(
            "pagerduty",
            action=body.get("event_action"),
            dedup_key=body.get("dedup_key"),
            payload=body.get("payload"),
            key_is_right=body.get("routing_key") == accounts.PAGERDUTY_ROUTING_KEY,
            answered=answered,
        )

    def take_notice(self, body: dict[str, Any], answered: int) -> None:
        """Record `notice` for the JSON that apprise sends to a `json://` address."""
        told = {key: body.get(key) for key in ("type", "title", "message")}
        self._recorder.write("notice", **told, answered=answered)


def complaint(event: dict[str, Any]) -> str:
    """What PagerDuty would refuse an event for; empty if it would take it."""
    if event.get("routing_key") != accounts.PAGERDUTY_ROUTING_KEY:
        return "routing_key is unknown"
    action = event.get("event_action")
    if action not in ("trigger", "acknowledge", "resolve"):
        return "event_action must be trigger, acknowledge or resolve"
    if action != "trigger":
        return "" if event.get("dedup_key") else "dedup_key is missing"
    payload = event.get("payload") or {}
    missing = [key for key in ("summary", "source", "severity") if not payload.get(key)]
    if missing:
        return f"payload: {', '.join(missing)} missing"
    return "" if payload["severity"] in _SEVERITIES else f"severity must be one of {', '.join(_SEVERITIES)}"


class Handler(BaseHTTPRequestHandler):
    """Knows the paths; what comes is recorded before it is answered."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/control":
            self._send(200, self.server.desk.behaviours())
        else:
            self._send(404, {"error": self.path})

    def do_PUT(self) -> None:
        body = self._body()
        doors = list(DOORS) if body["door"] == "all" else [body["door"]]
        for door in doors:
            self.server.desk.set(door, Behaviour(body["status"], body["retry_after_s"]))
        self._send(200, self.server.desk.behaviours())

    def do_POST(self) -> None:
        desk, body = self.server.desk, self._body()
        if self.path.startswith("/webhook/"):
            receiver = unquote(self.path.removeprefix("/webhook/"))
            self._answer("webhook", lambda answered: desk.take_webhook(receiver, body, answered))
        elif self.path == "/api/v2/alerts":
            self._answer("alertmanager", lambda answered: desk.take_alerts(body, answered))
        elif self.path == "/v2/enqueue":
            self._take_event(body)
        elif self.path == "/notice":
            self._answer("notice", lambda answered: desk.take_notice(body, answered))
        else:
            self._send(404, {"error": self.path})

    def _take_event(self, body: dict[str, Any]) -> None:
        desk, wrong = self.server.desk, complaint(body)
        if wrong and desk.behaviour("pagerduty").status is None:
            desk.take_event(body, 400)
            answer = {"status": "invalid event", "message": "Event object is invalid", "errors": [wrong]}
            self._send(400, answer)
        else:
            self._answer("pagerduty", lambda answered: desk.take_event(body, answered), body.get("dedup_key"))

    def _answer(self, door: str, record: Any, dedup_key: str | None = None) -> None:
        behaviour = self.server.desk.behaviour(door)
        status = DOORS[door] if behaviour.status is None else behaviour.status
        record(status)
        if status == HANG:
            self.server.desk.hang(door)
            self.close_connection = True
            return
        headers = {} if behaviour.retry_after_s is None else {"Retry-After": str(behaviour.retry_after_s)}
        self._send(status, {"status": "success", "dedup_key": dedup_key}, headers)

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _send(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        sent = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
        for name, value in sent.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """A thread for each connection; one that hangs holds up nobody."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], desk: Desk) -> None:
        self.desk = desk
        super().__init__(address, Handler)


def service(site: Site) -> Service:
    """The receiver, which writes to the lab's own record."""
    place = (SERVERS_ADDRESS, endpoints.RECEIVER_PORT)
    return Service(
        "receiver",
        [sys.executable, "-m", "lab.parts.receiver", *map(str, place), str(site.paths.events)],
        site.log("receiver"),
        lambda: accepts(*place),
        grace_s=1.0,
    )


def main(address: str, port: str, records: str) -> None:
    """Serve until the process is ended."""
    Server((address, int(port)), Desk(Recorder(Path(records)))).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
