"""Logs: one key=value line a record on stderr, for the journal. No secret gets through."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TextIO
from urllib.parse import quote

from nova_watchdog.core.kv import escaped, kv, quoted

__all__ = ["LIBRARIES", "ROOT", "kv", "setup"]

ROOT = "nova_watchdog"

# These log requests, headers, tokens or passwords below WARNING, so they never get there, whatever
# level the configuration asks for.
LIBRARIES = (
    "aiohttp",
    "amqp",
    "apscheduler",
    "dbus_fast",
    "keystoneauth",
    "keystoneauth1",
    "openstack",
    "oauthlib",
    "oslo_config",
    "pyVim",
    "pyVmomi",
    "requests",
    "requests_oauthlib",
    "stevedore",
    "urllib3",
)

REDACTED = "[redacted]"
# A shorter secret would blank out half of every line; it protects nothing anyway.
MIN_SECRET_LENGTH = 4

# sd-daemon(3): the priority at the start of a line, by the least level that has it.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG_PRIORITY = 7

Secrets = Callable[[], Iterable[str]]


def no_secrets() -> Iterable[str]:
    """No known secrets."""
    return ()


def setup(level: str, stream: TextIO, secrets: Secrets = no_secrets) -> logging.Handler:
    """Send every log record to `stream`, replacing what was set up before. Returns the handler.

    `level` is one of debug, info, warning, error. `secrets` is called for each line, so it must be
    cheap and must not log; while it fails, the secrets it gave before stay known. Raises ValueError
    for a level that does not exist.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"log level is {level!r}; allowed: debug, info, warning, error")
    handler = SafeHandler(stream)
    handler.addFilter(_library_cap)
    handler.setFormatter(KeyValueFormatter(secrets, for_journal=is_journal(stream)))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(number, logging.WARNING))
    logging.getLogger(ROOT).setLevel(number)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    return handler


def is_journal(stream: TextIO) -> bool:
    """Whether the stream is the journal's: JOURNAL_STREAM names its device and inode (systemd.exec(5))."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # not backed by a file
        return False
    return (device, inode) == (str(status.st_dev), str(status.st_ino))


class KeyValueFormatter(logging.Formatter):
    """`level=... logger=... event=...` on one line, secrets blanked out, with a priority for the journal."""

    def __init__(self, secrets: Secrets, *, for_journal: bool) -> None:
        super().__init__()
        self._secrets = secrets
        self._known: frozenset[str] = frozenset()
        self._for_journal = for_journal

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line without its newline."""
        parts = [f"level={record.levelname.lower()}", f"logger={quoted(record.name)}", _message(record)]
        if record.exc_info:
            parts.append(f"exception={quoted(self.formatException(record.exc_info))}")
        line = self._without_secrets(" ".join(parts))
        if self._for_journal:  # which keeps the time itself
            return f"<{_priority(record.levelno)}>{line}"
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return f"time={moment}.{int(record.msecs):03d}Z {line}"

    def _without_secrets(self, line: str) -> str:
        with suppress(Exception):  # a file that cannot be read must not cost log lines: keep the old ones
            self._known = frozenset(one for one in self._secrets() if len(one) >= MIN_SECRET_LENGTH)
        for secret in sorted(self._known, key=len, reverse=True):
            for form in (secret, escaped(secret), quote(secret, safe="")):
                line = line.replace(form, REDACTED)
        return line


class SafeHandler(logging.StreamHandler[TextIO]):
    """A stream handler whose own failures show neither the message nor its arguments."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's own name)
        """Say that a line was lost, without its text: the redaction itself may be what failed."""
        try:
            self.stream.write(f"level=error event=log-line-lost logger={quoted(record.name)}\n")
            self.flush()
        except (OSError, ValueError):
            return  # the stream is gone: there is nowhere left to say it


def _message(record: logging.LogRecord) -> str:
    text = record.getMessage()
    is_ours = record.name == ROOT or record.name.startswith(f"{ROOT}.")
    if is_ours and text.startswith("event=") and text.isprintable():
        return text
    return f"event=log message={quoted(text)}"


def _library_cap(record: logging.LogRecord) -> bool:
    """Hold back what a library logs below WARNING, even where its own level was lowered later."""
    return record.levelno >= logging.WARNING or record.name.split(".")[0] not in LIBRARIES


def _priority(level: int) -> int:
    return next((priority for least, priority in _PRIORITIES if level >= least), _DEBUG_PRIORITY)


def set_level(level: str) -> None:
    """Another least level for the daemon's own records, one of debug, info, warning, error."""
    logging.getLogger(ROOT).setLevel(logging.getLevelNamesMapping()[level.upper()])
