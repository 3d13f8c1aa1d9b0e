"""Checks that clouds.yaml can be read and names the cloud. The daemon's Nova adapter reads it for itself."""

from __future__ import annotations

from pathlib import Path

import yaml  # type: ignore[import-untyped, unused-ignore]

from nova_watchdog.config.errors import Findings
from nova_watchdog.config.files import explain, unreadable
from nova_watchdog.config.toml_file import CloudParts
from nova_watchdog.config.wording import unknown_key

_KEY = "openstack.clouds_file"


def check_cloud(file: Path, parts: CloudParts, findings: Findings) -> None:
    """Record what is wrong with `clouds_file`, and with `cloud` in it."""
    path = Path(parts.clouds_file)
    words = unreadable(path, group="nova-watchdog")
    if words is not None:
        findings.wrong(str(file), _KEY, f"{path} {words[0]}", words[1])
        return
    try:
        content: object = yaml.safe_load(path.read_bytes())
    except OSError as error:
        wrong, allowed = explain(path, error, group="nova-watchdog")
        findings.wrong(str(file), _KEY, f"{path} {wrong}", allowed)
        return
    except yaml.YAMLError as error:
        # Only the position: PyYAML's own text quotes the file, which holds passwords.
        mark = getattr(error, "problem_mark", None)
        where = "file" if mark is None else f"line {mark.line + 1}"
        findings.wrong(str(path), where, "is not YAML", "a clouds.yaml as openstacksdk reads it")
        return
    clouds = content.get("clouds") if isinstance(content, dict) else None
    if not isinstance(clouds, dict) or not clouds:
        findings.wrong(
            str(path), "clouds", "is missing or empty", "a table of clouds, as openstacksdk reads it"
        )
    elif parts.cloud not in clouds:
        wrong, allowed = unknown_key(parts.cloud, [str(name) for name in clouds])
        wrong = wrong.replace("unknown key", f'"{parts.cloud}" is no cloud of {path}')
        findings.wrong(str(file), "openstack.cloud", wrong, allowed)
