"""The recording receiver by itself."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from lab import accounts
from lab.api.http import Answer, HttpError, json_request
from lab.client.events import EventLog
from lab.parts.receiver import HANG, Desk, Server
from lab.records import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_EVENT = {
    "routing_key": accounts.PAGERDUTY_ROUTING_KEY,
    "event_action": "trigger",
    "dedup_key": "cluster-a/failover",
    "payload": {"summary": "moved", "source": "ctl1", "severity": "critical"},
}


class Place:
    """A receiver on loopback, and what it recorded."""

    def __init__(self, directory: Path) -> None:
        self._records = directory / "events.jsonl"
        self.server = Server(("127.0.0.1", 0), Desk(Recorder(self._records)))
        self._url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def send(self, path: str, body: Any, *, method: str = "POST", timeout_s: float = 10.0) -> Answer:
        """One request."""
        return json_request(method, self._url + path, body, timeout_s=timeout_s)

    def behave(self, door: str, status: int | None, retry_after_s: int | None = None) -> None:
        """The control call."""
        behaviour = {"door": door, "status": status, "retry_after_s": retry_after_s}
        self.send("/control", behaviour, method="PUT")

    def records(self) -> list[dict[str, Any]]:
        """All of them."""
        return EventLog(self._records).events()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A receiver that serves."""
    place = Place(tmp_path)
    thread = threading.Thread(target=place.server.serve_forever, args=(0.02,))
    thread.start()
    yield place
    place.behave("all", None)
    place.server.shutdown()
    thread.join()
    place.server.server_close()


def _notification(*alerts: tuple[str, str]) -> dict[str, Any]:
    """What Alertmanager sends, for pairs of an alert's name and status."""
    return {
        "groupKey": "{}:{}",
        "alerts": [
            {
                "status": status,
                "labels": {"alertname": name},
                "annotations": {},
                "startsAt": "2026-01-01T00:00:00Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "fingerprint": name,
            }
            for name, status in alerts
        ],
    }


def test_each_alert_of_a_notification_is_a_page(place: Place) -> None:
    """With the name of the receiver that Alertmanager chose, as its route spells it."""
    place.send("/webhook/on%20call", _notification(("A", "firing"), ("B", "resolved")))
    pages = [(p["receiver"], p["alertname"], p["status"], p["answered"]) for p in place.records()]
    assert pages == [("on call", "A", "firing", 200), ("on call", "B", "resolved", 200)]


def test_what_was_told_before_is_marked_as_repeated(place: Place) -> None:
    """For each receiver by itself; a resolution is news, and so is firing again after it."""
    for name in ("x", "y", "x"):
        place.send(f"/webhook/{name}", _notification(("A", "firing")))
    place.send("/webhook/x", _notification(("A", "resolved")))
    place.send("/webhook/x", _notification(("A", "firing")))
    assert [page["repeated"] for page in place.records()] == [False, False, True, False, False]


def test_a_page_that_was_refused_is_not_told(place: Place) -> None:
    """The sender tries again, and that is the first time."""
    place.behave("webhook", 500)
    with pytest.raises(HttpError, match="500"):
        place.send("/webhook/x", _notification(("A", "firing")))
    place.behave("webhook", None)
    place.send("/webhook/x", _notification(("A", "firing")))
    assert [(page["answered"], page["repeated"]) for page in place.records()] == [(500, False), (200, False)]


def test_a_door_answers_429_with_the_pause_it_is_told(place: Place) -> None:
    """Only that door."""
    place.behave("pagerduty", 429, retry_after_s=7)
    with pytest.raises(HttpError) as caught:
        place.send("/v2/enqueue", _EVENT)
    assert caught.value.status == 429
    assert place.send("/control", None, method="GET").content["pagerduty"] == {
        "status": 429,
        "retry_after_s": 7,
    }
    assert place.send("/api/v2/alerts", [{"labels": {"alertname": "A"}}]).status == 200


def test_a_door_hangs_until_it_is_told_otherwise(place: Place) -> None:
    """The request that hangs gets no answer ever; others do."""
    place.behave("alertmanager", HANG)
    with pytest.raises(HttpError, match="TimeoutError"):
        place.send("/api/v2/alerts", [{"labels": {"alertname": "A"}}], timeout_s=0.5)
    assert place.send("/v2/enqueue", _EVENT).status == 202
    place.behave("alertmanager", None)
    assert place.send("/api/v2/alerts", [{"labels": {"alertname": "B"}}]).status == 200
    assert [(r["kind"], r["answered"]) for r in place.records()] == [
        ("alert", HANG),
        ("pagerduty", 202),
        ("alert", 200),
    ]


def test_a_notice_is_recorded_with_its_words(place: Place) -> None:
    """As apprise sends it to a `json://` address."""
    place.send("/notice", {"version": "1.0", "type": "failure", "title": "moved", "message": "to ctl2"})
    (record,) = place.records()
    assert (record["type"], record["title"], record["message"]) == ("failure", "moved", "to ctl2")


def test_an_event_is_answered_with_its_key_and_recorded_without_the_secret(place: Place) -> None:
    """PagerDuty's answer to a good event."""
    answer = place.send("/v2/enqueue", _EVENT)
    assert (answer.status, answer.content["dedup_key"]) == (202, "cluster-a/failover")
    (record,) = place.records()
    assert (record["action"], record["key_is_right"]) == ("trigger", True)
    assert accounts.PAGERDUTY_ROUTING_KEY not in str(record)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"routing_key": "another"}, "routing_key"),
        ({"event_action": "shout"}, "event_action"),
        ({"event_action": "resolve", "dedup_key": ""}, "dedup_key"),
        ({"payload": {"summary": "moved", "severity": "critical"}}, "source missing"),
        ({"payload": _EVENT["payload"] | {"severity": "bad"}}, "severity must be one of"),  # type: ignore[operator]
    ],
)
def test_an_event_that_pagerduty_would_refuse_is_refused(
    place: Place, change: dict[str, Any], words: str
) -> None:
    """With 400 and the reason, which tells the sender that trying again is useless."""
    with pytest.raises(HttpError, match=words) as caught:
        place.send("/v2/enqueue", {**_EVENT, **change})
    assert caught.value.status == 400
    assert [record["answered"] for record in place.records()] == [400]
