"""The receivers of events: from the tables below `[notify]` to `NotifySettings`, with all that is wrong."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from nova_watchdog.config.errors import Findings
from nova_watchdog.config.named_files import NamedFiles
from nova_watchdog.config.schema import AlertmanagerTable, AppriseTable, NotifyTable, PagerDutyTable
from nova_watchdog.config.settings import (
    AlertmanagerSettings,
    AppriseSettings,
    NotifySettings,
    PagerDutySettings,
)
from nova_watchdog.config.toml_file import validate
from nova_watchdog.config.wording import toml_type, unknown_key
from nova_watchdog.core.events import Severity

_KEY = "notify"
_RECEIVERS = ("alertmanager", "pagerduty", "apprise")


def read_notify(file: Path, raw: object, findings: Findings) -> NotifySettings:
    """The settings of `[notify]`; what is wrong is recorded, and left out of them."""
    if not isinstance(raw, dict):
        findings.wrong(str(file), _KEY, f"is {toml_type(raw)}", f"a table [{_KEY}]")
        return NotifySettings()
    known = [*NotifyTable.model_fields, *_RECEIVERS]
    for key in (key for key in raw if key not in known):
        findings.wrong(str(file), f"{_KEY}.{key}", *unknown_key(key, known))
    reader = _Reader(file, findings)
    own = {key: raw[key] for key in NotifyTable.model_fields if key in raw}
    table = validate(file, _KEY, NotifyTable, own, findings) or NotifyTable.model_validate({})
    return NotifySettings(
        runbook_base_url=table.runbook_base_url,
        resend_s=table.resend_s,
        alertmanagers=reader.alertmanagers(raw.get("alertmanager", [])),
        pagerduty=reader.pagerduty(raw["pagerduty"]) if "pagerduty" in raw else None,
        apprise=reader.apprise(raw["apprise"]) if "apprise" in raw else None,
    )


class _Reader:
    """Reads each receiver by itself, so that one mistake does not hide the others."""

    def __init__(self, file: Path, findings: Findings) -> None:
        self._file = file
        self._findings = findings
        self._files = NamedFiles(file, findings)
        self._wrong = self._files.wrong

    def alertmanagers(self, raw: object) -> tuple[AlertmanagerSettings, ...]:
        key = f"{_KEY}.alertmanager"
        if not isinstance(raw, list):
            self._wrong(key, f"is {toml_type(raw)}", f"tables such as [[{key}]]")
            return ()
        found: dict[str, AlertmanagerSettings] = {}
        for index, value in enumerate(raw):
            one = self._alertmanager(f"{key}[{index}]", value)
            if one is not None and one.url in found:
                self._wrong(f"{key}[{index}].url", f'is "{one.url}" again', "each Alertmanager once")
            elif one is not None:
                found[one.url] = one
        return tuple(found.values())

    def pagerduty(self, raw: object) -> PagerDutySettings | None:
        key = f"{_KEY}.pagerduty"
        table = validate(self._file, key, PagerDutyTable, raw, self._findings)
        if table is None:
            return None
        routing_key = self._files.secret(f"{key}.routing_key_file", table.routing_key_file)
        if routing_key is None:
            return None
        return PagerDutySettings(routing_key, Severity(table.min_severity), table.url, table.proxy)

    def apprise(self, raw: object) -> AppriseSettings | None:
        key = f"{_KEY}.apprise"
        table = validate(self._file, key, AppriseTable, raw, self._findings)
        if importlib.util.find_spec("apprise") is None:
            self._wrong(
                key,
                "the Python package apprise is not installed",
                'no such table, or the extra: pip install "nova-compute-watchdog[notify]"',
            )
        if table is None:
            return None
        urls = self._files.secret(f"{key}.urls_file", table.urls_file, single=False)
        if urls is None:
            return None
        for number, url in enumerate(urls(), start=1):
            if "://" not in url:  # its words stay hidden: they may be a token
                self._wrong(f"{key}.urls_file", f"entry {number} is no address", "SERVICE://..., one a line")
        return AppriseSettings(urls, Severity(table.min_severity))

    def _alertmanager(self, key: str, raw: object) -> AlertmanagerSettings | None:
        table = validate(self._file, key, AlertmanagerTable, raw, self._findings)
        if table is None:
            return None
        if bool(table.username) != bool(table.password_file):
            missing = "password_file" if table.username else "username"
            self._wrong(f"{key}.{missing}", "is missing", "username and password_file together, or neither")
        elif table.username and table.bearer_token_file:
            self._wrong(f"{key}.bearer_token_file", "is set beside username", "one of the two")
        if table.url.startswith("http://") and (table.username or table.bearer_token_file):
            self._findings.note(f"{key}: its secret goes unencrypted to {table.url}")
        return AlertmanagerSettings(
            url=table.url,
            username=table.username or "",
            password=self._files.secret(f"{key}.password_file", table.password_file),
            bearer_token=self._files.secret(f"{key}.bearer_token_file", table.bearer_token_file),
            ca_file=self._files.ca(f"{key}.ca_file", table.ca_file),
            least_firing_s=table.least_firing_s,
        )
