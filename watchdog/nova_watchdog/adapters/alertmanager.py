"""Alertmanager's API v2 (https://prometheus.io/docs/alerting/latest/alerts_api/): one peer of a cluster.

Every peer is told by itself: a cluster does not pass alerts on, it only agrees on who notifies.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from nova_watchdog.adapters._http_post import JsonPoster
from nova_watchdog.core.events import Event
from nova_watchdog.ports import Clock

_PATH = "/api/v2/alerts"
# An alert that is told no more (its daemon died) ends after so many pauses, as with Prometheus.
_EXPIRES_AFTER = 4


class AlertmanagerPeer:
    """`ports.Notifier` on one Alertmanager.

    url: its address, without `/api/v2`. resend_s: how often a firing alert will be told again.
    runbook_url: the page of an alert's name. link: what `generatorURL` says, empty for none.
    authorization: the header's value, read anew for each request; empty without an account.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        resend_s: float,
        runbook_url: Callable[[str], str],
        link: str = "",
        authorization: Callable[[], str] = str,
        ca_file: Path | None = None,
    ) -> None:
        self._poster = JsonPoster(url.rstrip("/") + _PATH, clock, ca_file=ca_file)
        self._clock = clock
        self._expires_s = _EXPIRES_AFTER * resend_s
        self._runbook_url = runbook_url
        self._link = link
        self._authorization = authorization

    async def send(self, events: Sequence[Event]) -> None:
        """All of them in one request. Raises NotifyError."""
        value = self._authorization()
        await self._poster.post(
            [self._alert(event) for event in events],
            headers={"Authorization": value} if value else None,
            secrets=(value.partition(" ")[2],),
        )

    async def close(self) -> None:
        """Close what is open."""
        await self._poster.close()

    def _alert(self, event: Event) -> dict[str, object]:
        ends_s = self._clock.wall_s() + self._expires_s if event.ended_wall_s is None else event.ended_wall_s
        labels = {
            "alertname": event.name,
            "pairing": event.pairing,
            "controller": event.controller,
            "severity": event.severity.value,
            "key": event.key,
        }
        annotations = {
            "summary": event.summary,
            "description": event.detail,
            "remedy": event.remedy,
            "runbook_url": self._runbook_url(event.name),
        }
        alert: dict[str, object] = {
            "labels": _filled(labels),
            "annotations": _filled(annotations),
            # Never after its end, which Alertmanager refuses: clocks are set back.
            "startsAt": _rfc3339(min(event.began_wall_s, ends_s)),
            "endsAt": _rfc3339(ends_s),
        }
        if self._link:
            alert["generatorURL"] = self._link
        return alert


def basic(username: str, password: Callable[[], str]) -> Callable[[], str]:
    """The header's value for an account (RFC 7617)."""

    def value() -> str:
        return "Basic " + base64.b64encode(f"{username}:{password()}".encode()).decode("ascii")

    return value


def bearer(token: Callable[[], str]) -> Callable[[], str]:
    """The header's value for a token (RFC 6750)."""
    return lambda: f"Bearer {token()}"


def _filled(values: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _rfc3339(wall_s: float) -> str:
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds")
