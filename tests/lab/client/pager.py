"""The pager's side of the lab: what Prometheus and Alertmanager know, and what reached the receiver."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lab.api.http import json_request
from lab.controllers.daemon import HTTP_PORT
from lab.errors import LabError
from lab.parts import alertmanager, endpoints, receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.client.client import Lab
    from lab.client.events import Event

_POLL_S = 0.2
_SIGN_OF_LIFE = "none"
"""The severity of an alert that always fires, for a dead man's switch: no page, and never over."""
_LAST_WORD_S = 3 * alertmanager.GROUP_INTERVAL_MS / 1000


class Pager:
    """Pages of a lab that was started with `--pager`; LabError for one that was not."""

    def __init__(self, lab: Lab) -> None:
        if not lab.topology.pager:
            raise LabError("this lab has no pager: `lab up --pager` makes one that has")
        self._lab = lab

    def pages(self, since: float = 0.0, *, repeated: bool = False, **labels: str) -> list[Event]:
        """Pages that the receiver took, firing and resolved ones, of alerts with these labels.

        A notification tells its whole group again whenever one alert of it changes; those repetitions are
        left out unless `repeated`. So are those of alerts that always fire.
        """
        taken = self._lab.events(since, "page", answered=receiver.DOORS["webhook"])
        news = [page for page in taken if (repeated or not page["repeated"]) and _has(page, labels)]
        return [page for page in news if page["labels"].get("severity") != _SIGN_OF_LIFE]

    def incidents(self, since: float = 0.0) -> list[tuple[str, str]]:
        """Receiver and group of each group that fired, once each: what wakes a person, in order."""
        firing = [page for page in self.pages(since) if page["status"] == "firing"]
        return list(dict.fromkeys((page["receiver"], page["group_key"]) for page in firing))

    def wait_for_page(self, alertname: str, *, since: float, timeout_s: float, **labels: str) -> Event:
        """The first page of a firing alert of that name with these labels; TimeoutError if none comes."""
        return self._wait("firing", alertname, since, timeout_s, labels)

    def wait_for_resolved(self, alertname: str, *, since: float, timeout_s: float, **labels: str) -> Event:
        """The first word that such an alert is resolved; TimeoutError if none comes."""
        return self._wait("resolved", alertname, since, timeout_s, labels)

    def settle(self, timeout_s: float = 120.0) -> None:
        """Wait until every daemon is scraped, no alert is pending or firing, and the receiver has heard so.

        TimeoutError with what is missing. Alerts that always fire do not count. A resolution that
        Alertmanager keeps to itself because another alert inhibits it is waited for three group intervals.
        """
        deadline, quiet_since = self._lab.now() + timeout_s, float("inf")
        while True:
            now, known = self._lab.now(), self.prometheus_alerts() + self.alertmanager_alerts()
            labels = [a["labels"] for a in known if a["labels"].get("severity") != _SIGN_OF_LIFE]
            loud = sorted({each["alertname"] for each in labels}) + self._not_scraped()
            quiet_since = float("inf") if loud else min(quiet_since, now)
            if not loud and (now - quiet_since > _LAST_WORD_S or not self._open_pages()):
                return
            if now > deadline:
                raise TimeoutError(f"the pager is not quiet within {timeout_s:g} s: {', '.join(loud)}")
            time.sleep(_POLL_S)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector of a PromQL expression: a list of {"labels": {...}, "value": 1.0}."""
        data = self._get(f"{endpoints.PROMETHEUS}/api/v1/query?query={quote(expression)}")["data"]
        if data["resultType"] != "vector":
            raise LabError(f"{expression!r} gives a {data['resultType']}: allowed is what gives a vector")
        return [{"labels": found["metric"], "value": float(found["value"][1])} for found in data["result"]]

    def prometheus_alerts(self) -> list[dict[str, Any]]:
        """Alerts that Prometheus calls pending or firing."""
        found: list[dict[str, Any]] = self._get(f"{endpoints.PROMETHEUS}/api/v1/alerts")["data"]["alerts"]
        return found

    def alertmanager_alerts(self) -> list[dict[str, Any]]:
        """Alerts that Alertmanager takes for firing, inhibited and silenced ones too."""
        found: list[dict[str, Any]] = self._get(f"{endpoints.ALERTMANAGER}/api/v2/alerts")
        return found

    def post_alert(self, alertname: str, *, resolved: bool = False, **labels: str) -> None:
        """Tell Alertmanager of an alert that no rule made."""
        alert: dict[str, Any] = {"labels": {"alertname": alertname, **labels}}
        if resolved:
            alert["endsAt"] = datetime.now(UTC).isoformat()
        self._send("POST", f"{endpoints.ALERTMANAGER}/api/v2/alerts", [alert])

    @contextmanager
    def misbehaving(self, door: str, status: int, retry_after_s: int | None = None) -> Iterator[None]:
        """The receiver's `door` (see `receiver.DOORS`) answers this, or hangs, for the length of a block."""
        self._behave(door, status, retry_after_s)
        try:
            yield
        finally:
            self._behave(door, None, None)

    def _behave(self, door: str, status: int | None, retry_after_s: int | None) -> None:
        if door not in receiver.DOORS:
            raise LabError(f"door {door!r}: allowed is {', '.join(receiver.DOORS)}")
        behaviour = {"door": door, "status": status, "retry_after_s": retry_after_s}
        self._send("PUT", f"{endpoints.RECEIVER}/control", behaviour)

    def _wait(
        self, status: str, alertname: str, since: float, timeout_s: float, labels: dict[str, str]
    ) -> Event:
        try:
            return self._lab.wait_for(
                "page",
                since=since,
                timeout_s=timeout_s,
                predicate=lambda page: _has(page, labels),
                status=status,
                alertname=alertname,
                repeated=False,
                answered=receiver.DOORS["webhook"],
            )
        except TimeoutError as error:
            known = [f"{a['state']} {a['labels']}" for a in self.prometheus_alerts()]
            raise TimeoutError(f"{error}\nlabels {labels}; Prometheus' alerts: {known}") from error

    def _not_scraped(self) -> list[str]:
        """Controllers whose daemon did not answer the last scrape, or was not scraped yet."""
        answered = {found["labels"]["instance"] for found in self.query("up == 1")}
        names = (f"{c.name}:{HTTP_PORT}" for c in self._lab.topology.controller_list)
        return [f"no scrape of {name}" for name in names if name not in answered]

    def _open_pages(self) -> list[Event]:
        """Pages that are the last word of their alert at some receiver, and say that it fires."""
        last = {(p["receiver"], *sorted(p["labels"].items())): p for p in self.pages()}
        return [page for page in last.values() if page["status"] == "firing"]

    def _get(self, url: str) -> Any:
        return self._send("GET", url)

    def _send(self, method: str, url: str, body: Any = None) -> Any:
        return json_request(method, url, body, connect=self._lab.connect).content


def _has(page: Event, labels: dict[str, str]) -> bool:
    return all(page["labels"].get(name) == value for name, value in labels.items())
