"""pydantic's errors in an operator's words. The value of an unknown key is not shown: it may be a secret."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from nova_watchdog.config.errors import Mistake
from nova_watchdog.config.schema import CUSTOM_ERROR

_TOML_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a float"),
    (str, "a string"),
    (list, "an array"),
    (dict, "a table"),
)

_ALLOWED_TYPES = {
    "string_type": 'a string, such as "text"',
    "float_type": "a number",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "an array of numbers, such as [0, 10, 60]",
    "list_type": 'an array of strings, such as ["/etc/nova/nova.conf"]',
    "model_type": "a table",
}

_BOUNDS = {
    "greater_than": ("gt", "more than {}"),
    "greater_than_equal": ("ge", "{} or more"),
    "less_than": ("lt", "less than {}"),
    "less_than_equal": ("le", "{} or less"),
}


def describe(file: str, prefix: str, table: type[BaseModel], error: ErrorDetails) -> Mistake:
    """The mistake behind one of pydantic's errors in the table that is called `prefix` ("" for the top)."""
    key = _key(prefix, error["loc"])
    wrong, allowed = _words(table, error)
    return Mistake(file, key, wrong, allowed)


def toml_type(value: object) -> str:
    """What TOML calls the type of a parsed value."""
    return next((name for kind, name in _TOML_TYPES if isinstance(value, kind)), "a date or time")


def unknown_key(name: str, known: Sequence[str]) -> tuple[str, str]:
    """Words for a key nobody knows, with the most similar known one."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    wrong = f'unknown key (did you mean "{close[0]}"?)' if close else "unknown key"
    return wrong, ", ".join(known) or "nothing"


def _key(prefix: str, loc: tuple[int | str, ...]) -> str:
    text = prefix
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def _words(table: type[BaseModel], error: ErrorDetails) -> tuple[str, str]:
    kind, context = error["type"], error.get("ctx", {})
    if kind == CUSTOM_ERROR:
        return str(context["wrong"]), str(context["allowed"])
    if kind == "extra_forbidden":
        return unknown_key(str(error["loc"][-1]), list(table.model_fields))
    if kind == "missing":
        description = table.model_fields[str(error["loc"][-1])].description or ""
        return "is missing", f"a value; {_lower_first(description)}".rstrip(".")
    if kind in _ALLOWED_TYPES:
        return f"is {toml_type(error['input'])}", _ALLOWED_TYPES[kind]
    if kind in _BOUNDS:
        name, phrase = _BOUNDS[kind]
        return f"is {error['input']}", phrase.format(f"{float(context[name]):g}")
    return _rare_words(kind, context, error)


def _rare_words(kind: str, context: dict[str, Any], error: ErrorDetails) -> tuple[str, str]:
    if kind == "literal_error":
        shown = (
            f'is "{error["input"]}"' if isinstance(error["input"], str) else f"is {toml_type(error['input'])}"
        )
        return shown, str(context["expected"]).replace("'", '"')
    if kind == "finite_number":
        return f"is {error['input']}", "a finite number"
    if kind in ("string_too_short", "too_short"):
        return "is empty", "at least one value"
    # A kind that no table produces today: pydantic's own words, which hold no value.
    return error["msg"], "see docs/configuration.md"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
