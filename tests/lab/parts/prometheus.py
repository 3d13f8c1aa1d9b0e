"""Prometheus with the repository's own files: the example of a configuration, and the rules it names.

The lab writes copies of them in its own pace (see `pace`), with its own targets and Alertmanager;
expressions, labels and annotations stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from lab.api.http import HttpError, json_request
from lab.controllers.daemon import HTTP_PORT
from lab.parts import endpoints
from lab.parts.pace import Pace
from lab.processes import Service
from lab.topology import SERVERS_ADDRESS

if TYPE_CHECKING:
    from pathlib import Path

    from lab.site import Site
    from lab.topology import Topology

_RESEND_DELAY = "1m"
"""Its own default; after four times that without a word, Alertmanager calls an alert resolved."""
_SCRAPE_TIMEOUT_MS = 5000
_PROBE_TIMEOUT_S = 1.0


def service(site: Site) -> Service:
    """Prometheus, with its data on the lab's tmpfs."""
    directory, pace = site.private("prometheus"), Pace(site.topology.pager_faster)
    alerts = site.paths.repository / "alerts"
    configuration = yaml.safe_load((alerts / "prometheus.example.yml").read_text())
    rule_files = [_write_rules(alerts / name, directory, pace) for name in configuration["rule_files"]]
    file = directory / "prometheus.yml"
    file.write_text(yaml.safe_dump(configure(configuration, rule_files, site.topology), sort_keys=False))
    return Service(
        "prometheus",
        [
            "/usr/bin/prometheus",
            f"--config.file={file}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address={SERVERS_ADDRESS}:{endpoints.PROMETHEUS_PORT}",
            f"--rules.alert.resend-delay={pace.duration(_RESEND_DELAY)}",
        ],
        site.log("prometheus"),
        _is_ready,
        grace_s=2.0,
    )


def _is_ready() -> bool:
    """True if it answers queries. Its first scrape is up to 5 s later, when it has looked for targets."""
    try:
        json_request("GET", f"{endpoints.PROMETHEUS}/-/ready", timeout_s=_PROBE_TIMEOUT_S)
    except HttpError:
        return False
    return True


def configure(example: dict[str, Any], rule_files: list[str], topology: Topology) -> dict[str, Any]:
    """The lab's configuration from the example: its own controllers, scraped in its pace."""
    jobs = []
    for job in example["scrape_configs"]:
        changed = {k: v for k, v in job.items() if k not in ("scrape_interval", "scrape_timeout")}
        changed["static_configs"] = [
            {"targets": [f"{c.address}:{HTTP_PORT}"], "labels": {"instance": f"{c.name}:{HTTP_PORT}"}}
            for c in topology.controller_list
        ]
        jobs.append(changed)
    interval_ms = Pace(topology.pager_faster).scrape_interval_ms
    timing = {
        "scrape_interval": f"{interval_ms}ms",
        "scrape_timeout": f"{min(interval_ms, _SCRAPE_TIMEOUT_MS)}ms",
        "evaluation_interval": f"{interval_ms}ms",
    }
    alertmanager = {"static_configs": [{"targets": [f"{SERVERS_ADDRESS}:{endpoints.ALERTMANAGER_PORT}"]}]}
    return {
        **example,
        "global": {**example.get("global", {}), **timing},
        "rule_files": rule_files,
        "alerting": {**example.get("alerting", {}), "alertmanagers": [alertmanager]},
        "scrape_configs": jobs,
    }


def _write_rules(source: Path, directory: Path, pace: Pace) -> str:
    target = directory / source.name
    rules = faster_rules(yaml.safe_load(source.read_text()), pace)
    target.write_text(yaml.safe_dump(rules, sort_keys=False))
    return str(target)


def faster_rules(rules: dict[str, Any], pace: Pace) -> dict[str, Any]:
    """A file of rules in the lab's pace."""
    groups = []
    for group in rules["groups"]:
        changed = dict(group)
        if "interval" in group:
            changed["interval"] = pace.duration(group["interval"], pace.scrape_interval_ms)
        changed["rules"] = [_faster_rule(rule, pace) for rule in group["rules"]]
        groups.append(changed)
    return {**rules, "groups": groups}


def _faster_rule(rule: dict[str, Any], pace: Pace) -> dict[str, Any]:
    changed = {**rule, "expr": pace.expression(str(rule["expr"]))}
    for key in ("for", "keep_firing_for"):
        if key in rule:
            changed[key] = pace.duration(rule[key])
    return changed
