"""One log line as `event=... key=value ...`: quoted so that a value can never forge a field or a line."""

from __future__ import annotations

import enum
import re

_BARE = re.compile(r"[A-Za-z0-9_.:/@+%,-]+")
_NAMED_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ONE_BYTE = 0xFF
_TWO_BYTES = 0xFFFF


def kv(event: str, **fields: object) -> str:
    """The line's text, fields in the order given. A field that is None is left out.

    Seconds and other floats keep three decimals; an enum shows its value.
    """
    parts = [f"event={quoted(event)}"]
    parts += [f"{key}={_text(value)}" for key, value in fields.items() if value is not None]
    return " ".join(parts)


def quoted(value: str) -> str:
    """The value itself where it is one plain word, otherwise in double quotes with escapes."""
    return value if _BARE.fullmatch(value) else f'"{escaped(value)}"'


def escaped(value: str) -> str:
    """The value with quotes, backslashes and everything unprintable written as escapes."""
    return "".join(_NAMED_ESCAPES.get(char) or _printable(char) for char in value)


def printable(value: str) -> str:
    """The value with everything unprintable (a terminal's control characters too) written as escapes."""
    return "".join(_printable(char) for char in value)


def _text(value: object) -> str:
    if isinstance(value, enum.Enum):
        return _text(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return quoted(f"{value:.3f}".rstrip("0").rstrip("."))
    return quoted(str(value))


def _printable(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if code <= _ONE_BYTE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _TWO_BYTES else f"\\U{code:08x}"
