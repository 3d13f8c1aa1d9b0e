"""The secrets that the daemon holds, for the last filter in front of the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from oslo_config import cfg

from nova_watchdog.config.settings import NotifySettings, Settings


class KnownSecrets:
    """Passwords of nova's files, of the receivers of events, of etcd and of RabbitMQ's management.

    Asked for each line, on the event loop: so it reads no file, but takes note of what others read. A
    password that was rotated stays known.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._notify: list[NotifySettings] = []
        self._shared: list[Settings] = []

    def __call__(self) -> Iterable[str]:
        """Every secret that was read so far."""
        of_receivers = (secret for one in self._notify for secret in one.known_secrets())
        accounts = (one for settings in self._shared for one in (settings.etcd, settings.management))
        of_accounts = (secret for one in accounts if one and one.password for secret in one.password.known())
        return (*self._known, *of_receivers, *of_accounts)

    def in_use(self, settings: Settings) -> Settings:
        """The same settings; what their passwords give is known before it is used."""
        for one in settings.pairings:
            self._note_url(one.nova.transport.url.reveal())
        # The last two: after a reload the old receivers may still be at it.
        self._notify = [*self._notify[-1:], settings.notify]
        self._shared = [*self._shared[-1:], settings]
        vcenters = {
            key: replace(one, password=self._noting(one.password)) for key, one in settings.vcenters.items()
        }
        buses = {key: replace(one, conf=self._noting_url(one.conf)) for key, one in settings.buses.items()}
        return replace(settings, vcenters=vcenters, buses=buses)

    def _noting(self, password: Callable[[], str]) -> Callable[[], str]:
        def read() -> str:
            self._known.add(found := password())
            return found

        return read

    def _noting_url(self, conf: Callable[[], cfg.ConfigOpts]) -> Callable[[], cfg.ConfigOpts]:
        def read() -> cfg.ConfigOpts:
            found = conf()
            self._note_url(found.transport_url or "")
            return found

        return read

    def _note_url(self, url: str) -> None:
        """The whole of it, and each broker's password as it is written and as it is sent."""
        if not url:
            return
        self._known.add(url)
        try:
            brokers = urlsplit(url).netloc.split(",")
        except ValueError:
            return  # not understood, so nobody uses it
        for broker in brokers:
            account, at, _ = broker.rpartition("@")
            _, colon, password = account.partition(":")
            if at and colon:
                self._known |= {password, unquote(password)}
