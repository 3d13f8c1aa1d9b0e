"""Alertmanager with the repository's example of a configuration; every receiver in it is the lab's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import yaml

from lab.parts import endpoints
from lab.parts.pace import Pace
from lab.processes import Service, accepts
from lab.topology import SERVERS_ADDRESS

if TYPE_CHECKING:
    from lab.site import Site

GROUP_INTERVAL_MS = 2000
"""In any pace: the usual five minutes would only delay what tests wait for."""
_RESOLVE_TIMEOUT = "5m"
"""Its own default, for alerts that come without an end."""
_DEFAULT_TIMES = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}
"""What Alertmanager does where the outermost route does not say; the inner ones inherit from it."""


def service(site: Site) -> Service:
    """Alertmanager alone, without peers."""
    directory = site.private("alertmanager")
    example = yaml.safe_load((site.paths.repository / "alerts" / "alertmanager.example.yml").read_text())
    changed = configure(example, Pace(site.topology.pager_faster))
    file = directory / "alertmanager.yml"
    file.write_text(yaml.safe_dump(changed, sort_keys=False))
    return Service(
        "alertmanager",
        [
            "/usr/bin/prometheus-alertmanager",
            f"--config.file={file}",
            f"--storage.path={directory / 'data'}",
            f"--web.listen-address={SERVERS_ADDRESS}:{endpoints.ALERTMANAGER_PORT}",
            "--cluster.listen-address=",
        ],
        site.log("alertmanager"),
        lambda: accepts(SERVERS_ADDRESS, endpoints.ALERTMANAGER_PORT),
        grace_s=2.0,
    )


def configure(example: dict[str, Any], pace: Pace) -> dict[str, Any]:
    """The example with its routes in the lab's pace and its receivers replaced; labels and matchers stay.

    A receiver keeps its name, which the recording receiver writes down. One without any way to notify stays
    so: it is there to drop alerts.
    """
    return {
        **example,
        "global": {"resolve_timeout": pace.duration(_RESOLVE_TIMEOUT)},
        "route": _faster_route({**_DEFAULT_TIMES, **example["route"]}, pace),
        "receivers": [_recorded(receiver) for receiver in example["receivers"]],
    }


def _recorded(receiver: dict[str, Any]) -> dict[str, Any]:
    name = receiver["name"]
    if not any(key.endswith("_configs") for key in receiver):
        return {"name": name}
    return {
        "name": name,
        "webhook_configs": [{"url": f"{endpoints.RECEIVER}/webhook/{quote(name)}", "send_resolved": True}],
    }


def _faster_route(route: dict[str, Any], pace: Pace) -> dict[str, Any]:
    changed = dict(route)
    if "group_wait" in route:
        changed["group_wait"] = pace.duration(route["group_wait"])
    if "group_interval" in route:
        changed["group_interval"] = f"{GROUP_INTERVAL_MS}ms"
    if "repeat_interval" in route:
        changed["repeat_interval"] = pace.duration(route["repeat_interval"], GROUP_INTERVAL_MS)
    if "routes" in route:
        changed["routes"] = [_faster_route(child, pace) for child in route["routes"]]
    return changed
