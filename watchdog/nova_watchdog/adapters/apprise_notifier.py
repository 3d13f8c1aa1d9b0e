"""Everything else, through apprise (https://github.com/caronc/apprise), which is installed as an extra.

apprise blocks, so it has a thread of its own; it is imported there, at the first event.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from nova_watchdog.adapters._worker import Worker, WorkerTimeoutError
from nova_watchdog.core.events import Event, Severity
from nova_watchdog.core.kv import printable
from nova_watchdog.ports import NotifyError

# apprise's own bound is 4 s for connecting and 4 s for reading, for each request of a service.
_TIMEOUT_S = 20.0
_LIBRARY = "apprise"
_STATUS = re.compile(r"\berror=(\d{3})\b")


class AppriseNotifier:
    """`ports.Notifier` on every address of a file. One that fails costs the others nothing.

    urls: apprise's addresses, read anew for each event. They hold tokens: none is ever shown, a failure
    names its position and its scheme.
    """

    def __init__(self, urls: Callable[[], Sequence[str]], runbook_url: Callable[[str], str]) -> None:
        self._urls = urls
        self._runbook_url = runbook_url
        self._worker = Worker("apprise")
        # Who took the event that is being told, so that a second attempt tells only the others.
        self._telling: tuple[str, bool, Severity] | None = None
        self._took: set[str] = set()

    async def send(self, events: Sequence[Event]) -> None:
        """To each address that has not taken it yet. Raises NotifyError when one fails."""
        for event in events:
            try:
                problems = await self._worker.run(partial(self._tell, event), timeout_s=_TIMEOUT_S)
            except WorkerTimeoutError as error:
                raise NotifyError(str(error)) from error
            if problems:
                raise NotifyError("; ".join(problems))
            self._telling = None  # the same event may happen again

    async def close(self) -> None:
        """End the thread after its current call."""
        self._worker.stop()

    def _tell(self, event: Event) -> list[str]:
        """In the thread. What failed, one text an address."""
        told = (event.key, event.firing, event.severity)
        if self._telling != told:
            self._telling, self._took = told, set()
        urls = self._urls()
        problems = []
        for number, url in enumerate(urls, start=1):
            if url in self._took:
                continue
            problem = self._one(url, event)
            if problem:
                scheme = printable(url.partition("://")[0][:20])
                problems.append(f"address {number} of {len(urls)} ({scheme}://): {problem}")
            else:
                self._took.add(url)
        return problems

    def _one(self, url: str, event: Event) -> str:
        """Why the address did not take it, empty when it did."""
        with _Hints() as hints:
            try:
                took = self._notify(url, event)
            except Exception as error:  # noqa: BLE001  more than a hundred plugins: a defect in one is its failure
                return f"apprise failed ({type(error).__name__})"
        if took is None:
            return "apprise does not understand it"
        if took:
            return ""
        return f"HTTP {hints.status}" if hints.status else "not delivered"

    def _notify(self, url: str, event: Event) -> bool | None:
        """Whether the address took it; None where apprise does not understand the address."""
        import apprise  # noqa: PLC0415  an extra, and slow to import

        asset = apprise.AppriseAsset(
            app_id="nova-watchdog", app_desc="nova-compute watchdog", app_url="", async_mode=False
        )
        sender = apprise.Apprise(asset=asset)
        if not sender.add(url):
            return None
        kind = _type(apprise.NotifyType, event)
        return bool(sender.notify(title=_title(event), body=self._text(event), notify_type=kind))

    def _text(self, event: Event) -> str:
        parts = [event.detail]
        if event.firing:
            parts += [event.remedy, self._runbook_url(event.name)]
        return "\n".join(part for part in parts if part) or event.summary


class _Hints(logging.Handler):
    """Takes apprise's log lines, which may hold tokens, and keeps the HTTP status in them alone."""

    def __init__(self) -> None:
        super().__init__()
        self.status = ""

    def __enter__(self) -> _Hints:
        library = logging.getLogger(_LIBRARY)
        library.propagate = False
        library.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger(_LIBRARY).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if match := _STATUS.search(record.getMessage()):
            self.status = match[1]


def _title(event: Event) -> str:
    word = event.severity.value if event.firing else "over"
    return f"[{word}] {event.summary} ({event.name} on {event.controller})"


def _type(kinds: Any, event: Event) -> Any:
    if not event.firing:
        return kinds.SUCCESS
    return {
        Severity.CRITICAL: kinds.FAILURE,
        Severity.WARNING: kinds.WARNING,
        Severity.INFO: kinds.INFO,
    }[event.severity]
