"""PagerDuty's Events API v2 (https://developer.pagerduty.com/docs/events-api-v2/overview/)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from nova_watchdog.adapters._http_post import JsonPoster
from nova_watchdog.core.events import Event
from nova_watchdog.ports import Clock

# The bounds of the API, in characters.
_MAX_SUMMARY = 1024
_MAX_DEDUP_KEY = 255
_CLIENT = "nova-watchdog"


class PagerDuty:
    """`ports.Notifier` on one PagerDuty service: an event opens an alert, its end resolves it.

    url: the API's address. routing_key: the service's integration key, read anew for each request.
    runbook_url: the page of an alert's name; linked where it is an address. link: `client_url`, may be empty.
    """

    def __init__(
        self,
        url: str,
        routing_key: Callable[[], str],
        clock: Clock,
        *,
        runbook_url: Callable[[str], str],
        link: str = "",
        proxy: str = "",
    ) -> None:
        self._poster = JsonPoster(url, clock, proxy=proxy)
        self._routing_key = routing_key
        self._runbook_url = runbook_url
        self._link = link

    async def send(self, events: Sequence[Event]) -> None:
        """One request for each: the API takes no more. Raises NotifyError."""
        for event in events:
            key = self._routing_key()
            await self._poster.post({"routing_key": key} | self._body(event), secrets=(key,))

    async def close(self) -> None:
        """Close what is open."""
        await self._poster.close()

    def _body(self, event: Event) -> dict[str, object]:
        body: dict[str, object] = {
            "event_action": "trigger" if event.firing else "resolve",
            "dedup_key": dedup_key(event),
        }
        if not event.firing:
            return body
        details = {
            "detail": event.detail,
            "remedy": event.remedy,
            "pairing": event.pairing,
            "controller": event.controller,
            "key": event.key,
        }
        body |= {
            "client": _CLIENT,
            "payload": {
                "summary": _cut(event.summary, _MAX_SUMMARY),
                "source": event.controller,
                "severity": event.severity.value,  # PagerDuty has the same words, and "error" besides
                "timestamp": datetime.fromtimestamp(event.began_wall_s, UTC).isoformat(
                    timespec="milliseconds"
                ),
                "component": event.pairing or _CLIENT,
                "class": event.name,
                "custom_details": {name: text for name, text in details.items() if text},
            },
        }
        if self._link:
            body["client_url"] = self._link
        runbook = self._runbook_url(event.name)
        if runbook.startswith(("http://", "https://")):
            body["links"] = [{"href": runbook, "text": "Runbook"}]
        return body


def dedup_key(event: Event) -> str:
    """The same for an event and its end, on this controller. Shortened to a digest where it is too long."""
    text = f"{_CLIENT}/{event.controller}/{event.key}"
    if len(text) <= _MAX_DEDUP_KEY:
        return text
    return f"{_CLIENT}/{hashlib.sha256(text.encode()).hexdigest()}"


def _cut(text: str, bound: int) -> str:
    return text if len(text) <= bound else text[: bound - 1] + "\u2026"
