"""A secret in a file of its own, which may be replaced while the daemon runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nova_watchdog.config.files import explain, unreadable
from nova_watchdog.config.secret import Secret

Stamp = tuple[int, int, int]
_GROUP = "nova-watchdog"
_COMMENT = "#"


class UnusableSecretError(Exception):
    """What is wrong with the file, and what is allowed; nothing of its content."""

    def __init__(self, wrong: str, allowed: str) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.allowed = allowed


class SecretLines:
    """The lines of a file, without blank ones and those that begin with `#`.

    Each call looks whether the file changed, and reads it again if so. While it cannot be used, the last
    good lines stand: a file that is being replaced is no reason to tell nobody.
    """

    def __init__(self, path: Path, *, single: bool = False) -> None:
        """Read the file. Raises UnusableSecretError. `single`: it holds exactly one line."""
        self._path = path
        self._single = single
        self._stamp = self._look()
        self._lines = self._read()
        self._given = set(self._lines)

    def __call__(self) -> tuple[str, ...]:
        """The lines as the file has them now, or the last good ones."""
        stamp = self._look()
        if stamp != self._stamp:
            try:
                self._lines = self._read()
            except UnusableSecretError:
                return self._reveal()
            self._stamp = stamp
            self._given |= set(self._lines)
        return self._reveal()

    def one(self) -> str:
        """The only line of a `single` file."""
        return self()[0]

    def known(self) -> Iterable[str]:
        """Every line that it ever gave, for the last filter in front of the log. Reads nothing."""
        return tuple(secret.reveal() for secret in self._given)

    def __repr__(self) -> str:
        return f"SecretLines({self._path})"

    def _reveal(self) -> tuple[str, ...]:
        return tuple(secret.reveal() for secret in self._lines)

    def _look(self) -> Stamp | None:
        """What changes when the file is written or replaced; None while it cannot be seen."""
        try:
            info = self._path.stat()
        except OSError:
            return None
        return info.st_ino, info.st_mtime_ns, info.st_ctime_ns

    def _read(self) -> tuple[Secret, ...]:
        words = unreadable(self._path, group=_GROUP)
        if words is not None:
            raise UnusableSecretError(*words)
        try:
            text = self._path.read_bytes().decode()
        except OSError as error:
            raise UnusableSecretError(*explain(self._path, error, group=_GROUP)) from error
        except UnicodeDecodeError:
            # Without its cause, which holds the content.
            raise UnusableSecretError("is not UTF-8", "text in UTF-8") from None
        lines = [line for line in map(str.strip, text.splitlines()) if line and not line.startswith(_COMMENT)]
        if not lines:
            raise UnusableSecretError("is empty", "one line" if self._single else "at least one line")
        if self._single and len(lines) > 1:
            raise UnusableSecretError(f"holds {len(lines)} lines", "one line")
        if not all(line.isprintable() for line in lines):
            raise UnusableSecretError("holds control characters", "printable text")
        return tuple(map(Secret, lines))
