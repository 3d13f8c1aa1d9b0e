"""The raw content of nova's configuration files: which file says what, and where one cannot be parsed.

oslo.config stops at the first bad line and quotes it, and the line may be the password's. So each file
is parsed here first, with oslo.config's own parser, to tell file and line number of every bad file.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oslo_config import cfg, iniparser

from nova_watchdog.config.errors import Findings
from nova_watchdog.config.files import explain, is_directory, unreadable

# Words for iniparser's messages: what is wrong, what is allowed. None of them quotes the line.
_PARSE_WORDS = {
    "No ':' or '=' found in assignment": ("is no assignment", "key = value, [section], or # and a comment"),
    "Key cannot be empty": ("has a value without a key", "key = value"),
    "Unexpected continuation line": (
        "is indented, but there is no value to continue",
        "no space before a key; a continued value directly below its key",
    ),
    "Invalid section (must end with ])": ("is a section without its closing bracket", "[section]"),
    "Empty section name": ("is a section without a name", "[section]"),
    "Section must be started before assignment": ("has a key before the first section", "[DEFAULT] above it"),
}


Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class NovaFile:
    """One parsed file: normalised section -> option -> its values in the file's order, as written."""

    path: Path
    sections: Mapping[str, Mapping[str, Sequence[str]]]


def normalise(section: str) -> str:
    """A section's name as oslo.config compares it: any case, but `DEFAULT` is its own."""
    return section if section == "DEFAULT" else section.lower()


@dataclass(frozen=True, slots=True)
class Reference:
    """Where the files are named: the TOML file and the key of the list, for the mistakes."""

    file: str
    key: str


def parse_files(
    paths: Sequence[Path], reference: Reference, findings: Findings
) -> tuple[NovaFile, ...] | None:
    """All files in nova's order, directories replaced by their `*.conf`; None when one cannot be used.

    Every bad file is recorded, not only the first.
    """
    parsed = [
        _parse(file, Reference(reference.file, f"{reference.key}[{index}]"), findings)
        for index, path in enumerate(paths)
        for file in expand(path)
    ]
    if any(file is None for file in parsed):
        return None
    return tuple(file for file in parsed if file is not None)


def expand(path: Path) -> Iterator[Path]:
    """What `--config-file` or `--config-dir` reads: a directory's `*.conf`, sorted by name."""
    if not is_directory(path):
        yield path
        return
    # glob and not iterdir: hidden files and odd directory names are treated as oslo.config treats them.
    yield from (Path(name) for name in sorted(glob.glob(str(path / "*.conf"))))  # noqa: PTH207 - the same call


def stamp(paths: Sequence[Path]) -> Stamp | None:
    """What changes when a file is written, replaced, added or removed; None when one cannot be seen."""
    found = []
    try:
        for file in (file for path in paths for file in expand(path)):
            info = file.stat()
            found.append((str(file), info.st_ino, info.st_mtime_ns, info.st_ctime_ns))
    except OSError:
        return None
    return tuple(found)


def _parse(path: Path, reference: Reference, findings: Findings) -> NovaFile | None:
    words = unreadable(path, group="nova")
    if words is not None:
        findings.wrong(reference.file, reference.key, f"{path} {words[0]}", words[1])
        return None
    sections: dict[str, dict[str, list[str]]] = {}
    parser = cfg.ConfigParser(str(path), sections)
    try:
        parser.parse()
    except iniparser.ParseError as error:
        wrong, allowed = _PARSE_WORDS.get(error.msg, ("cannot be parsed", "an ini file as nova reads it"))
        # This one is only noticed when the next line begins, so the number may be a little late.
        where = "at or above line" if error.msg.startswith("Section must") else "line"
        findings.wrong(str(path), f"{where} {error.lineno}", wrong, allowed)
        return None
    except UnicodeDecodeError:
        findings.wrong(reference.file, reference.key, f"{path} is not UTF-8", "ini files in UTF-8")
        return None
    except OSError as error:
        wrong, allowed = explain(path, error, group="nova")
        findings.wrong(reference.file, reference.key, f"{path} {wrong}", allowed)
        return None
    merged: dict[str, dict[str, list[str]]] = {}
    for name, options in sections.items():
        section = merged.setdefault(normalise(name), {})
        for option, values in options.items():
            section.setdefault(option, []).extend(values)
    return NovaFile(path, merged)
