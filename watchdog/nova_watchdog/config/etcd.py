"""What controllers share: from `[etcd]` and `[rabbitmq_management]` to settings, with all that is wrong."""

from __future__ import annotations

from pathlib import Path

from nova_watchdog.config.errors import Findings
from nova_watchdog.config.named_files import NamedFiles
from nova_watchdog.config.schema import EtcdTable, ManagementTable
from nova_watchdog.config.settings import EtcdSettings, ManagementSettings
from nova_watchdog.config.toml_file import validate

ETCD, MANAGEMENT = "etcd", "rabbitmq_management"


def read_etcd(file: Path, raw: object, findings: Findings) -> EtcdSettings | None:
    """The settings of `[etcd]`; None where there is no such table, or a mistake was recorded."""
    if raw is None:
        return None
    table = validate(file, ETCD, EtcdTable, raw, findings)
    if table is None:
        return None
    files = NamedFiles(file, findings)
    for number, url in enumerate(table.endpoints):
        if url in table.endpoints[:number]:
            files.wrong(f"{ETCD}.endpoints[{number}]", f'is "{url}" again', "each member once")
    if bool(table.username) != bool(table.password_file):
        missing = "password_file" if table.username else "username"
        allowed = "username and password_file together, or neither"
        files.wrong(f"{ETCD}.{missing}", "is missing", allowed)
    elif table.username:
        _note_unencrypted(ETCD, table.endpoints, findings)
    cert_file, key_file = files.pair(ETCD, table.cert_file, table.key_file)
    return EtcdSettings(
        endpoints=tuple(table.endpoints),
        prefix=table.prefix,
        username=table.username or "",
        password=files.secret(f"{ETCD}.password_file", table.password_file),
        ca_file=files.ca(f"{ETCD}.ca_file", table.ca_file),
        cert_file=cert_file,
        key_file=key_file,
    )


def read_management(file: Path, raw: object, findings: Findings) -> ManagementSettings | None:
    """The settings of `[rabbitmq_management]`; None where there is none, or a mistake was recorded."""
    if raw is None:
        return None
    table = validate(file, MANAGEMENT, ManagementTable, raw, findings)
    if table is None:
        return None
    files = NamedFiles(file, findings)
    _note_unencrypted(MANAGEMENT, [table.url], findings)
    return ManagementSettings(
        url=table.url,
        username=table.username,
        password=files.secret(f"{MANAGEMENT}.password_file", table.password_file),
        ca_file=files.ca(f"{MANAGEMENT}.ca_file", table.ca_file),
    )


def _note_unencrypted(key: str, urls: list[str], findings: Findings) -> None:
    for url in urls:
        if url.startswith("http://"):
            findings.note(f"{key}: its password goes unencrypted to {url}")
