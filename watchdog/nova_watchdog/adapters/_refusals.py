"""Which password a vCenter did not take, and when: remembered beyond the daemon's own life. Blocking.

vCenter's default policy locks an account after 5 failed logins in 180 s, for everyone who uses it. A
daemon that restarts in a loop, or a command line beside it, must not be what does that. The file is
shared by all processes and all vCenters of a controller. It holds no password: only a keyed hash, with
a random key of its own for each entry.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import math
import os
import stat
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nova_watchdog.ports import Clock

_FORMAT = 1
# Some hundred bytes an account are expected: a file this large is not ours.
_MAX_BYTES = 1024 * 1024
_SALT_BYTES = 16
# One process writes one change after the other; between processes the last writer wins, and each keeps
# what it saw itself in memory as well.
_file_turn = threading.Lock()


@dataclass(frozen=True, slots=True)
class Refusal:
    """One login that failed: not repeated with the same password for `pause_s` after `at_s` (monotonic).

    `is_verdict`: vCenter refused the password, as against an answer that says nothing about it.
    """

    salt: str
    digest: str
    boot_id: str
    at_s: float
    pause_s: float
    reason: str
    is_verdict: bool

    def covers(self, password: str) -> bool:
        """Whether it was this password."""
        return hmac.compare_digest(self.digest, _hash(password, self.salt))


class RefusalMemory:
    """The last failed login of one account at one vCenter, in memory and in a file.

    A file that is absent, broken or of another boot remembers nothing; one that cannot be written costs
    only what the next process would have known.
    """

    def __init__(self, clock: Clock, file: Path | None = None, account: str = "") -> None:
        self._clock = clock
        self._file = file
        self._account = account
        self._own: Refusal | None = None

    def add(self, password: str, reason: str, pause_s: float, *, is_verdict: bool) -> None:
        """Remember a login that failed now."""
        salt = os.urandom(_SALT_BYTES).hex()
        self._own = Refusal(
            salt=salt,
            digest=_hash(password, salt),
            boot_id=self._clock.boot_id(),
            at_s=self._clock.now_s(),
            pause_s=pause_s,
            reason=reason,
            is_verdict=is_verdict,
        )
        self._write(self._own)

    def clear(self) -> None:
        """Forget: a login succeeded."""
        self._own = None
        if self._file is not None and self._account in _read(self._file):
            self._write(None)

    def standing(self, password: str) -> tuple[Refusal, float] | None:
        """What forbids to try this password now, and for how many seconds more; None: nothing does."""
        found = [
            (one, self._left_s(one)) for one in (self._own, self._written()) if one and one.covers(password)
        ]
        return max((pair for pair in found if pair[1] > 0), key=lambda pair: pair[1], default=None)

    def ago_s(self, refusal: Refusal) -> float:
        """How long ago it was."""
        return self._clock.now_s() - refusal.at_s

    def _left_s(self, refusal: Refusal) -> float:
        ago_s = self.ago_s(refusal)
        # Monotonic time of another boot cannot be compared with ours.
        if refusal.boot_id != self._clock.boot_id() or ago_s < 0:
            return 0.0
        return refusal.pause_s - ago_s

    def _written(self) -> Refusal | None:
        if self._file is None:
            return None
        entry = _read(self._file).get(self._account)
        return _parsed(entry) if isinstance(entry, dict) else None

    def _write(self, refusal: Refusal | None) -> None:
        if self._file is None:
            return
        with _file_turn, contextlib.suppress(OSError):
            entries = dict(_read(self._file))
            if refusal is None:
                entries.pop(self._account, None)
            else:
                entries[self._account] = asdict(refusal)
            _replace(self._file, json.dumps({"format": _FORMAT, "accounts": entries}, indent=1) + "\n")


def _hash(password: str, salt: str) -> str:
    return hashlib.blake2b(password.encode("utf-8", "surrogatepass"), key=bytes.fromhex(salt)).hexdigest()


def _parsed(entry: Mapping[str, Any]) -> Refusal | None:
    """The entry, or None where its fields are not what this version writes."""
    kinds: dict[str, type | tuple[type, ...]] = {
        "salt": str,
        "digest": str,
        "boot_id": str,
        "at_s": (int, float),
        "pause_s": (int, float),
        "reason": str,
        "is_verdict": bool,
    }
    if entry.keys() != kinds.keys() or not all(isinstance(entry[name], kinds[name]) for name in kinds):
        return None
    try:
        is_key = 0 < len(bytes.fromhex(entry["salt"])) <= hashlib.blake2b.MAX_KEY_SIZE
    except ValueError:
        return None
    is_sound = is_key and entry["digest"].isascii() and math.isfinite(entry["pause_s"])
    return Refusal(**entry) if is_sound else None


def _read(file: Path) -> Mapping[str, Any]:
    """The file's entries by account; none of a file that cannot be understood."""
    try:
        # Non-blocking: a named pipe in this place would otherwise hold the canary for ever.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as opened:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return {}
            document = json.loads(opened.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        return {}
    entries = document.get("accounts")
    return entries if isinstance(entries, dict) else {}


def _replace(file: Path, text: str) -> None:
    """Write the file so that it is seen whole or not at all, for its owner only. Raises OSError."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
            if os.geteuid() == 0:  # a command line of root's must leave a file that the daemon can read
                owner = file.parent.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
