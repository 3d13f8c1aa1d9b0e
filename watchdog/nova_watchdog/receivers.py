"""Builds the receivers of events that the configuration names. Used by the composition root alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from nova_watchdog.adapters.alertmanager import AlertmanagerPeer, basic, bearer
from nova_watchdog.adapters.apprise_notifier import AppriseNotifier
from nova_watchdog.adapters.pagerduty import PagerDuty
from nova_watchdog.config.settings import AlertmanagerSettings, NotifySettings
from nova_watchdog.ports import Clock
from nova_watchdog.runtime.notify import Receiver
from nova_watchdog.runtime.outbox import Terms

Closer = Callable[[], Awaitable[None]]

_RUNBOOKS = "docs/runbooks"
# An end that a peer does not hear of, because it restarts just then, would show for minutes more.
_RESOLVES = 3
_ALERTMANAGER_BATCH = 100


def receivers_of(
    settings: NotifySettings, clock: Clock, closers: list[Closer], *, link: str = ""
) -> list[Receiver]:
    """Every receiver, each with a name of its own; how to close them is added to `closers`.

    link: where a human sees more, such as the daemon's status page; empty for none. Nothing is connected
    yet: that comes with the first event.
    """
    found = [_alertmanager(one, settings, clock, closers, link) for one in settings.alertmanagers]
    runbook_url = _runbook_url(settings)
    if settings.pagerduty is not None:
        pager = settings.pagerduty
        pagerduty = PagerDuty(
            pager.url, pager.routing_key.one, clock, runbook_url=runbook_url, link=link, proxy=pager.proxy
        )
        closers.append(pagerduty.close)
        found.append(Receiver("pagerduty", pagerduty, Terms(min_severity=pager.min_severity)))
    if settings.apprise is not None:
        apprise = AppriseNotifier(settings.apprise.urls, runbook_url)
        closers.append(apprise.close)
        terms = Terms(min_severity=settings.apprise.min_severity, lone_ends=False)
        found.append(Receiver("apprise", apprise, terms))
    return found


def _alertmanager(
    one: AlertmanagerSettings, settings: NotifySettings, clock: Clock, closers: list[Closer], link: str
) -> Receiver:
    authorization: Callable[[], str] = str
    if one.password is not None:
        authorization = basic(one.username, one.password.one)
    elif one.bearer_token is not None:
        authorization = bearer(one.bearer_token.one)
    peer = AlertmanagerPeer(
        one.url,
        clock,
        resend_s=settings.resend_s,
        runbook_url=_runbook_url(settings),
        link=link,
        authorization=authorization,
        ca_file=one.ca_file,
    )
    closers.append(peer.close)
    parts = urlsplit(one.url)
    terms = Terms(resend_s=settings.resend_s, resolves=_RESOLVES, least_firing_s=one.least_firing_s)
    return Receiver(f"alertmanager {parts.netloc}{parts.path}", peer, terms, _ALERTMANAGER_BATCH)


def _runbook_url(settings: NotifySettings) -> Callable[[str], str]:
    base = settings.runbook_base_url or _RUNBOOKS
    return lambda name: f"{base}/{name}.md"
