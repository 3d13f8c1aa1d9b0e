"""Reads the TOML file. Each table is judged by itself, so that one mistake does not hide the others."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from nova_watchdog.config.errors import Findings, Mistake
from nova_watchdog.config.files import explain, unreadable
from nova_watchdog.config.schema import (
    PAIRING_NAME_ALLOWED,
    BusTable,
    ControlTable,
    EtcdTable,
    HoldTable,
    HttpTable,
    LogTable,
    MaintenanceTable,
    ManagementTable,
    NotifyTable,
    OpenStackTable,
    PairingTable,
    PolicyTable,
    StoreTable,
    Table,
    TopTable,
    VCenterTable,
    pairing_name_is_good,
)
from nova_watchdog.config.wording import describe, toml_type, unknown_key
from nova_watchdog.core.hold.decide import HoldPolicy
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.policy import Policy

T = TypeVar("T", bound=Table)

TABLES: Mapping[str, type[Table]] = {
    "openstack": OpenStackTable,
    "vcenter": VCenterTable,
    "bus": BusTable,
    "policy": PolicyTable,
    "hold": HoldTable,
    "etcd": EtcdTable,
    "rabbitmq_management": ManagementTable,
    "http": HttpTable,
    "control": ControlTable,
    "store": StoreTable,
    "log": LogTable,
    "notify": NotifyTable,
}
_POSITION = re.compile(r"(?P<what>.*?) \(at (?P<where>line \d+, column \d+|end of document)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PairingParts:
    """The good keys of one `[pairing.NAME]`; empty where a key is wrong or missing.

    The rest of a wrong table is still worth reading: a mistake in `unit` must not hide those in nova's files.
    """

    unit: str = ""
    nova_config: tuple[str, ...] = ()
    mode: str | None = None


@dataclass(frozen=True, slots=True)
class CloudParts:
    """`cloud` and `clouds_file`, both good, whatever the rest of `[openstack]` is."""

    cloud: str
    clouds_file: str


@dataclass(frozen=True, slots=True)
class HoldParts:
    """`[hold]`, with the bounds between its values checked."""

    timing: Timing
    policy: HoldPolicy


@dataclass(frozen=True, slots=True)
class Document:
    """The file's tables; None where a table holds a mistake.

    `notify` is judged by config/notify.py, `etcd` and `management` (None: no such table) by config/etcd.py.
    """

    file: Path
    top: TopTable | None
    openstack: OpenStackTable | None
    cloud: CloudParts | None
    vcenter: VCenterTable | None
    bus: BusTable | None
    pairings: Mapping[str, PairingParts]
    maintenance: Mapping[str, MaintenanceTable | None]
    policy: Policy | None
    hold: HoldParts | None
    http: HttpTable | None
    control: ControlTable | None
    store: StoreTable | None
    log: LogTable | None
    notify: object
    etcd: object = None
    management: object = None


def read_document(file: Path, findings: Findings) -> Document | None:
    """The file's tables, with every mistake recorded; None when it is no TOML at all."""
    raw = _parse(file, findings)
    if raw is None:
        return None
    known = [*TopTable.model_fields, *TABLES, "pairing", "maintenance"]
    for key in (key for key in raw if key not in known):
        findings.wrong(str(file), key, *unknown_key(key, known))
    top = {key: raw[key] for key in TopTable.model_fields if key in raw}
    return Document(
        file=file,
        top=validate(file, "", TopTable, top, findings),
        openstack=validate(file, "openstack", OpenStackTable, raw.get("openstack", {}), findings),
        cloud=_cloud(raw.get("openstack", {})),
        vcenter=validate(file, "vcenter", VCenterTable, raw.get("vcenter", {}), findings),
        bus=validate(file, "bus", BusTable, raw.get("bus", {}), findings),
        pairings=_pairings(file, raw.get("pairing", {}), findings),
        maintenance=_maintenance(file, raw.get("maintenance", {}), findings),
        policy=_policy(file, raw.get("policy", {}), findings),
        hold=_hold(file, raw.get("hold", {}), findings),
        http=validate(file, "http", HttpTable, raw.get("http", {}), findings),
        control=validate(file, "control", ControlTable, raw.get("control", {}), findings),
        store=validate(file, "store", StoreTable, raw.get("store", {}), findings),
        log=validate(file, "log", LogTable, raw.get("log", {}), findings),
        notify=raw.get("notify", {}),
        etcd=raw.get("etcd"),
        management=raw.get("rabbitmq_management"),
    )


def _parse(file: Path, findings: Findings) -> dict[str, Any] | None:
    words = unreadable(file, group="nova-watchdog")
    if words is not None:
        findings.wrong(str(file), "file", *words)
        return None
    try:
        content = file.read_bytes()
    except OSError as error:
        findings.wrong(str(file), "file", *explain(file, error, group="nova-watchdog"))
        return None
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        findings.wrong(str(file), f"line {line}", "is not UTF-8", "a TOML file in UTF-8")
    except tomllib.TOMLDecodeError as error:
        match = _POSITION.fullmatch(str(error))
        what, where = (match["what"], match["where"]) if match else (str(error), "the file")
        findings.wrong(str(file), where, f"is not TOML: {_lower_first(what)}", "TOML 1.0 (https://toml.io)")
    return None


def validate(file: Path, prefix: str, table: type[T], raw: object, findings: Findings) -> T | None:
    """The checked table that is called `prefix` ("" for the top); None where a mistake was recorded."""
    if not isinstance(raw, dict):
        findings.wrong(str(file), prefix, f"is {toml_type(raw)}", f"a table [{prefix}]")
        return None
    try:
        return table.model_validate(raw)
    except ValidationError as error:
        found: list[Mistake] = [
            describe(str(file), prefix, table, detail) for detail in error.errors(include_url=False)
        ]
    findings.mistakes += found
    return None


def _good_values(table: type[Table], raw: object) -> dict[str, Any]:
    """The keys of a table that hold a good value, defaults included."""
    if not isinstance(raw, dict):
        return {}
    try:
        return table.model_validate(raw).model_dump()
    except ValidationError as error:
        bad = {str(detail["loc"][0]) for detail in error.errors(include_url=False)}
    defaults = {name: field.default for name, field in table.model_fields.items() if not field.is_required()}
    return {name: value for name, value in (defaults | raw).items() if name not in bad}


def _cloud(raw: object) -> CloudParts | None:
    values = _good_values(OpenStackTable, raw)
    if "cloud" not in values or "clouds_file" not in values:
        return None
    return CloudParts(values["cloud"], values["clouds_file"])


def _pairings(file: Path, raw: object, findings: Findings) -> Mapping[str, PairingParts]:
    if not isinstance(raw, dict):
        findings.wrong(str(file), "pairing", f"is {toml_type(raw)}", "tables such as [pairing.cluster-a]")
        return {}
    if not raw:
        findings.wrong(str(file), "pairing", "is missing", "at least one table such as [pairing.cluster-a]")
    found: dict[str, PairingParts] = {}
    for name, value in raw.items():
        if not pairing_name_is_good(name):
            findings.wrong(str(file), f"pairing.{name}", "is no name for a pairing", PAIRING_NAME_ALLOWED)
        validate(file, f"pairing.{name}", PairingTable, value, findings)
        good = _good_values(PairingTable, value)
        found[name] = PairingParts(good.get("unit", ""), tuple(good.get("nova_config", ())), good.get("mode"))
    return found


def _maintenance(file: Path, raw: object, findings: Findings) -> Mapping[str, MaintenanceTable | None]:
    if not isinstance(raw, dict):
        allowed = "tables such as [maintenance.weekly]"
        findings.wrong(str(file), "maintenance", f"is {toml_type(raw)}", allowed)
        return {}
    return {
        name: validate(file, f"maintenance.{name}", MaintenanceTable, value, findings)
        for name, value in raw.items()
    }


def _policy(file: Path, raw: object, findings: Findings) -> Policy | None:
    """The policy, with the inequalities between its fields checked by the policy itself."""
    table = validate(file, "policy", PolicyTable, raw, findings)
    if table is None:
        return None
    policy = Policy(**table.model_dump())
    problems = policy.problems()
    for key, wrong, allowed in problems:
        findings.wrong(str(file), f"policy.{key}", wrong, allowed)
    return None if problems else policy


def _hold(file: Path, raw: object, findings: Findings) -> HoldParts | None:
    table = validate(file, "hold", HoldTable, raw, findings)
    if table is None:
        return None
    values = table.model_dump()
    timing = Timing(**{field.name: values.pop(field.name) for field in dataclasses.fields(Timing)})
    policy = HoldPolicy(**values)
    problems = timing.problems() + policy.problems()
    for key, wrong, allowed in problems:
        findings.wrong(str(file), f"hold.{key}", wrong, allowed)
    return None if problems else HoldParts(timing, policy)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
