"""One pairing, with every reading of every controller that watches it."""

from __future__ import annotations

from typing import Any

from grafana.boards import holding, panels
from grafana.boards.board import ONE_PAIRING, board, to_runbook
from grafana.boards.panels import GREEN, HALF, PAIRING, RED, THIRD
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import LineInterpolation
from grafana_foundation_sdk.models.dashboard import Panel

from nova_watchdog.core.concerns import Concern
from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.facts import BusFact, HeartbeatFact, NovaFact, RpcFact, UnitFact, VCenterFact
from nova_watchdog.core.permission import Permission
from nova_watchdog.core.policy import Policy
from nova_watchdog.core.state import Phase
from nova_watchdog.telemetry.families import DRS_STATES, SERVICE_STATES, words

ON = "{{instance}}"
CONCERNS = "|".join(words(Concern))


def build() -> dict[str, Any]:
    """The whole dashboard."""
    return board(
        "pairing",
        "pairing",
        "One nova-compute and the vSphere cluster behind it: the verdict, and every reading that led to it.",
        [ONE_PAIRING],
        [
            ("Verdict", _verdict()),
            ("Who holds it", holding.of_a_pairing()),
            ("Readings", _readings()),
            ("Heartbeats and messages", _heartbeats()),
            ("Work", _work()),
            ("Cluster", _cluster()),
        ],
    )


def _states(
    title: str, description: str, what: str, members: tuple[str, ...], label: str = "state"
) -> Builder[Panel]:
    metric = f"nova_watchdog_pairing_{what}"
    return panels.state_timeline(
        title, description, metric, members, label=label, rows=("instance", ON)
    ).height(4)


def _verdict() -> list[Builder[Panel]]:
    info = f"nova_watchdog_pairing_info{{{PAIRING}}}"
    alerts = 'max by (alertname, severity) (ALERTS{job=~"$job", pairing=~"$pairing", alertstate="firing"})'
    return [
        panels.names(
            "Where",
            "Host in Nova, unit, cluster, vCenter and message bus, for each controller.",
            info,
            "{{instance}}: {{host}} · {{unit}} · {{cluster}} · {{vcenter}} · {{bus}} · {{mode}}",
            panels.FULL_WIDTH,
        ),
        panels.flag_timeline(
            "Alerts",
            "Alerts of this pairing that fire. A click on one leads to its runbook.",
            alerts,
            "{{alertname}}",
            on="fires",
        ).data_links([to_runbook()]),
        _states("Diagnosis", "What is wrong with it.", "diagnosis", words(Diagnosis), "diagnosis"),
        _states("Phase", "Where the daemon stands with it.", "phase", words(Phase), "phase"),
        _states("Permission", "Whether the daemon may act.", "permission", words(Permission), "permission"),
        panels.flag_timeline(
            "Concerns",
            "What is not as it should be, beside the diagnosis.",
            f'max by (concern) (nova_watchdog_pairing_concern{{{PAIRING}, concern=~"{CONCERNS}"}})',
            "{{concern}}",
            on="shown",
            colour=panels.ORANGE,
        ),
    ]


def _readings() -> list[Builder[Panel]]:
    known = f"nova_watchdog_pairing_reading_known{{{PAIRING}}}"
    age = f"nova_watchdog_pairing_reading_age_seconds{{{PAIRING}}}"
    return [
        _states("Unit", "The systemd unit.", "unit_state", words(UnitFact)),
        _states("vCenter", "Its vCenter as the controller sees it.", "vcenter_state", words(VCenterFact)),
        _states("Nova's API", "What Nova's API tells of it.", "nova_state", words(NovaFact)),
        _states("Message bus", "A message of the daemon's own.", "bus_state", words(BusFact)),
        _states("Pings", "To nova-compute and to a conductor.", "rpc_state", words(RpcFact)),
        _states("Heartbeat", "Of the running process.", "heartbeat_state", words(HeartbeatFact)),
        _states("Service", "Whether Nova may use it.", "service_state", SERVICE_STATES),
        panels.graph(
            "Readings known",
            "0: the probe could not tell.",
            units.Short,
            [(known, "{{reading}} @ {{instance}}")],
        ).max(1),
        panels.graph(
            "Age of the readings",
            "From when the probe was sent. The unit is read on systemd's signals: an old one is as good.",
            units.Seconds,
            [(age, "{{reading}} @ {{instance}}")],
        ),
    ]


def _heartbeats() -> list[Builder[Panel]]:
    stale_s = Policy().heartbeat_stale_s
    ages = panels.graph(
        "Age of the heartbeat",
        f"Of the running process, by local receipt; stale after {stale_s:g} s by default. A gap: none seen.",
        units.Seconds,
        [(f"nova_watchdog_pairing_heartbeat_age_seconds{{{PAIRING}}}", ON)],
        THIRD,
    )
    return [
        panels.limited(ages, [(None, GREEN), (stale_s, RED)]),
        panels.graph(
            "Answer to a ping",
            "A gap: it does not answer, or the bus is not known.",
            units.Seconds,
            [(f"nova_watchdog_pairing_rpc_ping_duration_seconds{{{PAIRING}}}", ON)],
            THIRD,
        ),
        panels.graph(
            "Its queue",
            "Consumers: 1 is right. RPCs that wait: near 0 is well.",
            units.Short,
            [
                (f"nova_watchdog_pairing_queue_consumers{{{PAIRING}}}", "consumers @ {{instance}}"),
                (f"nova_watchdog_pairing_queued_rpcs{{{PAIRING}}}", "waiting @ {{instance}}"),
            ],
            THIRD,
        ),
    ]


def _work() -> list[Builder[Panel]]:
    increase = f"increase(nova_watchdog_actions_total{{{PAIRING}}}[$__rate_interval])"
    down = f"rate(nova_watchdog_pairing_not_provisionable_seconds_total{{{PAIRING}}}[$__rate_interval])"
    done = panels.graph(
        "Actions",
        "Of the daemon, by rule and outcome. Estimated by increase().",
        units.Short,
        [(f"sum by (rule, action, outcome) ({increase})", "{{rule}} {{action}}: {{outcome}}")],
    )
    left = panels.graph(
        "Starts left in the budget",
        "At 0 the next failure makes the daemon give it up.",
        units.Short,
        [(f"nova_watchdog_pairing_budget_starts_left{{{PAIRING}}}", ON)],
    )
    return [
        panels.bars(done),
        left.line_interpolation(LineInterpolation.STEP_AFTER).decimals(0),
        panels.graph(
            "Instances and builds",
            "Instances that Nova has behind it, and those of them in BUILD.",
            units.Short,
            [
                (f"max(nova_watchdog_pairing_instances{{{PAIRING}}})", "instances"),
                (f"max(nova_watchdog_pairing_builds{{{PAIRING}}})", "in BUILD"),
            ],
            THIRD,
        ),
        panels.graph(
            "Oldest build",
            "How long the oldest instance in BUILD has been there without a change.",
            units.Seconds,
            [(f"max(nova_watchdog_pairing_build_longest_seconds{{{PAIRING}}})", "oldest")],
            THIRD,
        ),
        panels.graph(
            "Not provisionable",
            "Share of the time in which nothing could be provisioned, as each controller saw it.",
            units.PercentUnit,
            [(down, ON)],
            THIRD,
        ).max(1),
    ]


def _cluster() -> list[Builder[Panel]]:
    hosts = f"nova_watchdog_pairing_cluster_hosts{{{PAIRING}}}"
    return [
        panels.graph(
            "Hosts",
            "Of the vSphere cluster.",
            units.Short,
            [
                (f"max({hosts})", "all"),
                (f"max(nova_watchdog_pairing_cluster_hosts_connected{{{PAIRING}}})", "connected"),
                (f"max(nova_watchdog_pairing_cluster_hosts_in_maintenance{{{PAIRING}}})", "in maintenance"),
            ],
            HALF,
        ),
        panels.graph(
            "Datastores",
            "The free part of the fullest one that nova-compute can use.",
            units.PercentUnit,
            [(f"min(nova_watchdog_pairing_cluster_datastore_free_ratio_min{{{PAIRING}}})", "free")],
            HALF,
        ).max(1),
        _states("DRS", "Nova wants it fully automated.", "cluster_drs_state", DRS_STATES),
    ]
