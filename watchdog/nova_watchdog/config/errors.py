"""Mistakes in the configuration: one clear line each, all of them at once, never with a secret in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nova_watchdog.ports import WatchdogError


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong, in the words of the person who wrote the file.

    `key` is a dotted TOML key (`pairing.cluster-a.unit`), an option of nova's as
    `[vmware] host_ip`, or `line 12` where a file could not be parsed.
    """

    file: str
    key: str
    wrong: str
    allowed: str

    def __str__(self) -> str:
        text = f"{self.file}: {self.key}: {self.wrong}; allowed: {self.allowed}"
        # One mistake stays one line whatever a value or a file name holds.
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


class ConfigError(WatchdogError):
    """The configuration cannot be used. Its text is one line per mistake."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(slots=True)
class Findings:
    """Collects what is found while files are read.

    `mistakes` stop the daemon, or the watch over one pairing; `notes` are one line each for `config check`
    and the daemon's log: nothing is wrong for certain, but an operator would want to know.
    `files` are those that the files which were read refer to: repairing one may mend a mistake.
    """

    mistakes: list[Mistake] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    def wrong(self, file: str, key: str, wrong: str, allowed: str) -> None:
        """Record one mistake; the same one twice counts once."""
        self.add([Mistake(file, key, wrong, allowed)])

    def add(self, mistakes: Iterable[Mistake]) -> None:
        """Record mistakes that were found elsewhere, each once."""
        self.mistakes += [one for one in dict.fromkeys(mistakes) if one not in self.mistakes]

    def note(self, text: str) -> None:
        """Record one note; the same one twice counts once."""
        if text not in self.notes:
            self.notes.append(text)
