"""The drop-in of a managed unit (systemd/managed.conf says the same)."""

from __future__ import annotations

import re

from nova_watchdog.core.setup import Command, UnitSetup

_MANAGED = """\
[Unit]
After=nova-watchdog.service
StartLimitIntervalSec=0

[Service]
Restart=no
ExecCondition=+/usr/lib/nova-watchdog/may-start %n
KillMode=control-group
"""
_NAME = "nova-watchdog.conf"
# What a drop-in that is read after ours may say of what ours sets.
_ALLOWED_LATER = {
    "Restart": ("no",),
    "KillMode": ("control-group", "mixed"),
    "SendSIGKILL": ("yes", "true", "on", "1"),
}
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./${}-]+")
# Prefixes of a command line that cannot be seen from its arguments (systemd.service(5)).
_PREFIXES = {
    "ignore-failure": "-",
    "no-env-expand": ":",
    "privileged": "+",
    "no-setuid": "!",
    "ambient": "!!",
}


def drop_in_path(unit: str) -> str:
    """Where the drop-in of a unit lies; an instance of a template has its own."""
    return f"/etc/systemd/system/{unit}.d/{_NAME}"


def is_read_later(path: str) -> bool:
    """Whether a drop-in has the last word against ours: systemd sorts all of them by their file names."""
    return path.rsplit("/", 1)[-1] > _NAME


def undoes(text: str, *, start: bool) -> str:
    """The first line of a drop-in that takes back what ours sets, empty: none. start: ExecStart= too."""
    for line in text.splitlines():
        key, equals, value = (part.strip() for part in line.partition("="))
        allowed = _ALLOWED_LATER.get(key)
        if not equals or (allowed is None and key not in ("ExecCondition", "ExecStart")):
            continue
        takes_back = {"ExecCondition": not value, "ExecStart": start}.get(key, value not in (allowed or ()))
        if takes_back:
            return line.strip()
    return ""


def drop_in(pairing: str, start: Command | None = None) -> str:
    """The drop-in's text. start: the command line that takes the place of the unit's, None: that stays."""
    command = f"nova-watchdog adopt {pairing}"
    head = f"# Written by: {command}\n# Taken back by: {command} --undo\n"
    if start is None:
        return head + _MANAGED
    prefix = "".join(_PREFIXES[flag] for flag in sorted(start.flags))
    words = " ".join(quoted(word) for word in start.argv)
    return f"{head}{_MANAGED}ExecStart=\nExecStart={prefix}{words}\n"


def quoted(word: str) -> str:
    """One argument as systemd reads it back. Variables stay variables: they were not replaced yet."""
    escaped = word.replace("%", "%%")
    if _PLAIN.fullmatch(word):
        return escaped
    for char, name in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t")):
        escaped = escaped.replace(char, name)
    return f'"{escaped}"'


def why_not_rewritten(setup: UnitSetup) -> str:
    """Why the unit's command line cannot be written anew, empty: it can."""
    if len(setup.start) != 1:
        return f"it has {len(setup.start)} ExecStart= lines"
    start = setup.start[0]
    if not start.config_files:
        return "its ExecStart= gives nova-compute no --config-file"
    if strange := sorted(start.flags - _PREFIXES.keys()):
        return f"its ExecStart= has the prefix {strange[0]}"
    return ""
