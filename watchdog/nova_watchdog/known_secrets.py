"""The secrets that the daemon holds, for the last filter in front of the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from nova_watchdog.config.settings import NotifySettings, Settings


class KnownSecrets:
    """Passwords of nova's files and of the receivers of events.

    Asked for each line, on the event loop: so it reads no file, but takes note of what others read. A
    password that was rotated stays known.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._notify: list[NotifySettings] = []

    def __call__(self) -> Iterable[str]:
        """Every secret that was read so far."""
        of_receivers = (secret for one in self._notify for secret in one.known_secrets())
        return (*self._known, *of_receivers)

    def in_use(self, settings: Settings) -> Settings:
        """The same settings; what their passwords give is known before it is used."""
        self._known |= {one.nova.transport.url.reveal() for one in settings.pairings}
        # The last two: after a reload the old receivers may still be at it.
        self._notify = [*self._notify[-1:], settings.notify]
        vcenters = {
            key: replace(one, password=self._noting(one.password)) for key, one in settings.vcenters.items()
        }
        return replace(settings, vcenters=vcenters)

    def _noting(self, password: Callable[[], str]) -> Callable[[], str]:
        def read() -> str:
            self._known.add(found := password())
            return found

        return read
