"""Runs under nova's own Python: reads configuration files with nova's CONF and answers what it sees.

A line of JSON in, `[path, ...]`, a line of JSON out: `[value or {"error": class}, ...]` for OPTIONS.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

OPTIONS = (
    ("DEFAULT", "host"),
    ("DEFAULT", "my_ip"),
    ("DEFAULT", "compute_driver"),
    ("DEFAULT", "state_path"),
    ("DEFAULT", "transport_url"),
    ("vmware", "host_ip"),
    ("vmware", "host_port"),
    ("vmware", "host_username"),
    ("vmware", "host_password"),
    ("vmware", "ca_file"),
    ("vmware", "insecure"),
    ("vmware", "cluster_name"),
    ("vmware", "datastore_regex"),
    ("vmware", "cache_prefix"),
    ("vmware", "api_retry_count"),
)


def _read(conf: Any, paths: list[str]) -> list[Any]:
    """Every option, as nova-compute started with these files sees it."""
    arguments = [f"--config-{'dir' if os.path.isdir(path) else 'file'}={path}" for path in paths]  # noqa: PTH112
    conf(arguments, project="nova", prog="nova-compute", default_config_dirs=[], use_env=False)
    values: list[Any] = []
    for section, option in OPTIONS:
        try:
            values.append(conf[option] if section == "DEFAULT" else conf[section][option])
        except Exception as error:  # noqa: BLE001 - whatever nova raises is its answer
            values.append({"error": type(error).__name__})
    return values


def main() -> None:
    """Answer until the input ends."""
    import nova.conf  # type: ignore[import-not-found, unused-ignore]
    from oslo_messaging import transport  # type: ignore[import-not-found, unused-ignore]

    conf = nova.conf.CONF
    conf.register_opts(transport._transport_opts)
    for line in sys.stdin:
        try:
            answer: Any = _read(conf, json.loads(line))
        except Exception as error:  # noqa: BLE001 - whatever nova raises is its answer
            answer = {"error": type(error).__name__}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
