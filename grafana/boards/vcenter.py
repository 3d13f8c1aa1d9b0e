"""A vCenter, as every controller sees it, and what is behind it."""

from __future__ import annotations

from typing import Any

from grafana.boards import panels
from grafana.boards.board import VCENTERS, board, to_pairing
from grafana.boards.panels import DAEMON, GREEN, ORANGE, RED, THIRD
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Panel

from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.telemetry.families import VCENTER_STATES, words

VCENTER = f'{DAEMON}, vcenter=~"$vcenter"'
PROBES = f'{DAEMON}, kind=~"vcenter|inventory", target=~"$vcenter"'
BEHIND = f"* on (job, instance, pairing) group_left (vcenter) nova_watchdog_pairing_info{{{VCENTER}}}"
ON = "{{vcenter}} @ {{instance}}"
DAY_S = 86400


def build() -> dict[str, Any]:
    """The whole dashboard."""
    return board(
        "vcenter",
        "vCenter",
        "Whether each vCenter answers, from where, and how the clusters behind it are.",
        [VCENTERS],
        [("vCenter", _itself()), ("Probes", _probes()), ("Behind it", _behind())],
    )


def _itself() -> list[Builder[Panel]]:
    expiry = f"nova_watchdog_vcenter_certificate_expiry_timestamp_seconds{{{VCENTER}}}"
    certificate = panels.graph(
        "Certificate",
        "How long it is still good, by the latest end that a controller saw. A gap: no TLS, or not read.",
        units.Seconds,
        [(f"max by (vcenter) ({expiry}) - time()", "{{vcenter}}")],
    )
    return [
        panels.state_timeline(
            "State",
            "By the canary of each controller, whatever the clusters.",
            "nova_watchdog_vcenter_state",
            VCENTER_STATES,
            selector=VCENTER,
            rows=("instance, vcenter", ON),
        ),
        panels.limited(certificate, [(None, RED), (7 * DAY_S, ORANGE), (21 * DAY_S, GREEN)]),
        panels.graph(
            "Sessions of nova's account",
            "Without the daemon's own. A gap: the account may not list them.",
            units.Short,
            [(f"nova_watchdog_vcenter_nova_sessions{{{VCENTER}}}", ON)],
        ),
    ]


def _probes() -> list[Builder[Panel]]:
    text = "{{kind}} {{target}} @ {{instance}}"
    failed = f"rate(nova_watchdog_probe_failures_total{{{PROBES}}}[$__rate_interval])"
    ran = f"rate(nova_watchdog_probe_runs_total{{{PROBES}}}[$__rate_interval])"
    return [
        panels.graph(
            "Duration",
            "Of the last run: the canary asks for one property, the inventory for the whole cluster.",
            units.Seconds,
            [(f"nova_watchdog_probe_last_duration_seconds{{{PROBES}}}", text)],
        ),
        panels.graph(
            "Failures", "Share of the runs that failed.", units.PercentUnit, [(f"{failed} / {ran}", text)]
        ).max(1),
    ]


def _behind() -> list[Builder[Panel]]:
    free = f"nova_watchdog_pairing_cluster_datastore_free_ratio_min{{{DAEMON}}}"
    hosts = f"nova_watchdog_pairing_cluster_hosts{{{DAEMON}}}"
    connected = f"nova_watchdog_pairing_cluster_hosts_connected{{{DAEMON}}}"
    concern = f'nova_watchdog_pairing_concern{{{DAEMON}, concern!=""}}'
    return [
        panels.state_timeline(
            "Diagnosis",
            "Of the pairings behind it.",
            "nova_watchdog_pairing_diagnosis",
            words(Diagnosis),
            selector=VCENTER,
            label="diagnosis",
        ).data_links([to_pairing()]),
        panels.flag_timeline(
            "Concerns",
            "What is not as it should be with a cluster behind it.",
            f"max by (pairing, concern) ({concern} {BEHIND})",
            "{{pairing}} {{concern}}",
            on="shown",
            colour=ORANGE,
        ).data_links([to_pairing()]),
        panels.graph(
            "Hosts that are not connected",
            "Of each cluster.",
            units.Short,
            [(f"max by (pairing) (({hosts} - {connected}) {BEHIND})", "{{pairing}}")],
            THIRD,
        ),
        panels.graph(
            "Free space",
            "Of the fullest datastore that nova-compute can use.",
            units.PercentUnit,
            [(f"min by (pairing) ({free} {BEHIND})", "{{pairing}}")],
            THIRD,
        ).max(1),
        panels.graph(
            "Instances",
            "That Nova has in its clusters.",
            units.Short,
            [(f"max by (pairing) (nova_watchdog_pairing_instances{{{DAEMON}}} {BEHIND})", "{{pairing}}")],
            THIRD,
        ),
    ]
