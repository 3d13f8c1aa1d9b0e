"""Every key of the TOML file with its type, default and meaning, as Markdown: from the schema itself."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.fields import FieldInfo

from nova_watchdog.config.schema import (
    AlertmanagerTable,
    AppriseTable,
    MaintenanceTable,
    PagerDutyTable,
    PairingTable,
    Table,
    TopTable,
)
from nova_watchdog.config.toml_file import TABLES

_TYPES: Mapping[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}

_RECEIVERS: tuple[tuple[str, type[Table]], ...] = (
    ("`[[notify.alertmanager]]`, one for each peer", AlertmanagerTable),
    ("`[notify.pagerduty]`", PagerDutyTable),
    ("`[notify.apprise]`", AppriseTable),
)


# Keys that are not in force where an operator would expect them to be.
_REMARKS = {"hold": ": used with `[etcd]`, and by `simulate`"}


def key_tables() -> Iterable[str]:
    """The lines of one table for each section, in the order of the example file."""
    yield from _section("Before the first table", TopTable)
    for name, table in TABLES.items():
        yield from _section(f"`[{name}]`{_REMARKS.get(name, '')}", table)
        if name == "vcenter":
            yield from _section("`[pairing.NAME]`, one for each pairing", PairingTable)
            yield from _section("`[maintenance.NAME]`, one for each window", MaintenanceTable)
        if name == "notify":
            for title, receiver in _RECEIVERS:
                yield from _section(title, receiver)


def _section(title: str, table: type[Table]) -> Iterable[str]:
    yield f"### {title}"
    yield ""
    yield "| key | type | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in table.model_fields.items():
        meaning = (field.description or "").replace("|", "\\|")
        yield f"| `{name}` | {_type(field)} | {_default(field)} | {meaning[:1].upper()}{meaning[1:]} |"
    yield ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    return "" if value is None else f"`{json.dumps(value)}`"


def _type(field: FieldInfo) -> str:
    bounds = {
        name: f"{getattr(rule, name):g}"
        for rule in field.metadata
        for name in ("ge", "le")
        if hasattr(rule, name)
    }
    text = _name(field.annotation)
    return f"{text}, {bounds['ge']} to {bounds['le']}" if len(bounds) == len(("ge", "le")) else text


def _name(annotation: object) -> str:
    """TOML's word for an annotation."""
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _name(inside[0])
    if origin is typing.Literal:
        return " or ".join(f"`{json.dumps(value)}`" for value in inside)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_name(part) for part in inside if part is not type(None))
    if origin in (tuple, list):
        return f"array of {_name(inside[0])}s"
    return _TYPES[annotation]
