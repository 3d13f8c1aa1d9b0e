"""All pairings at a glance."""

from __future__ import annotations

from typing import Any

from grafana.boards import holding, panels
from grafana.boards.board import PAIRINGS, board, to_pairing, to_runbook
from grafana.boards.panels import BAD_IF_ANY, DAEMON, HALF, PAIRING, PLAIN, YELLOW
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import LineInterpolation
from grafana_foundation_sdk.models.dashboard import Panel

from nova_watchdog.core.diagnose import Condition, Diagnosis
from nova_watchdog.core.state import Phase
from nova_watchdog.telemetry.families import words


def build() -> dict[str, Any]:
    """The whole dashboard."""
    return board(
        "fleet",
        "fleet",
        "Every pairing of nova-compute and its vSphere cluster, as the watchdogs see it.",
        [PAIRINGS],
        [
            ("Now", _numbers()),
            ("Over time", _states()),
            ("Who holds it", holding.of_the_fleet()),
            ("Actions and what they cost", _actions()),
        ],
    )


def _numbers() -> list[Builder[Panel]]:
    healthy = f'nova_watchdog_pairing_diagnosis{{{PAIRING}, diagnosis="healthy"}}'
    failed = f'nova_watchdog_pairing_condition{{{PAIRING}, condition="failed"}}'
    return [
        panels.number(
            "Pairings",
            "Configured pairings.",
            f"count(max by (pairing) (nova_watchdog_pairing_unwatched{{{PAIRING}}}))",
            PLAIN,
        ),
        panels.number(
            "Not healthy",
            "Pairings that no controller sees healthy.",
            f"sum(1 - max by (pairing) ({healthy}))",
            BAD_IF_ANY,
        ),
        panels.number(
            "Failed",
            "Pairings that a controller sees failed: nothing can be provisioned or managed there.",
            f"sum(max by (pairing) ({failed}))",
            BAD_IF_ANY,
        ),
        panels.number(
            "Given up",
            "The budget is spent: only a human may act.",
            f'sum(nova_watchdog_pairing_phase{{{PAIRING}, phase="given-up"}})',
            BAD_IF_ANY,
        ),
        panels.number(
            "Not protected",
            "Pairings on which a daemon may not act now: observed, paused, or in a maintenance window.",
            f'sum(nova_watchdog_pairing_permission{{{PAIRING}, permission!="protect"}})',
            ((None, panels.GREEN), (1, YELLOW)),
        ),
        panels.number(
            "Blind spots",
            "Pairings that a daemon cannot watch, and daemons that do not answer.",
            f"sum(nova_watchdog_pairing_unwatched{{{PAIRING}}}) + sum(1 - up{{{DAEMON}}})",
            BAD_IF_ANY,
        ),
    ]


def _states() -> list[Builder[Panel]]:
    alerts = 'max by (alertname, pairing, vcenter, bus, severity) (ALERTS{job=~"$job", alertstate="firing"})'
    return [
        panels.flag_timeline(
            "Alerts",
            "Alerts that fire. A click on one leads to its runbook.",
            alerts,
            "{{alertname}} {{pairing}}{{vcenter}}",
            on="fires",
        ).data_links([to_runbook(), to_pairing()]),
        panels.state_timeline(
            "Condition",
            "What the diagnosis means for those who use the cluster.",
            "nova_watchdog_pairing_condition",
            words(Condition),
            label="condition",
        ).data_links([to_pairing()]),
        panels.state_timeline(
            "Diagnosis",
            "What is wrong with each pairing. A gap: no data, the daemon was not scraped.",
            "nova_watchdog_pairing_diagnosis",
            words(Diagnosis),
            label="diagnosis",
        ).data_links([to_pairing()]),
        panels.state_timeline(
            "Phase",
            "Where the daemon stands with each pairing.",
            "nova_watchdog_pairing_phase",
            words(Phase),
            label="phase",
        ).data_links([to_pairing()]),
    ]


def _actions() -> list[Builder[Panel]]:
    increase = f"increase(nova_watchdog_actions_total{{{PAIRING}}}[$__rate_interval])"
    down = f"rate(nova_watchdog_pairing_not_provisionable_seconds_total{{{PAIRING}}}[$__rate_interval])"
    done = panels.graph(
        "Actions",
        "Starts, kills and enables, by rule and outcome. Estimated by increase(), so not always whole.",
        units.Short,
        [
            (
                f"sum by (pairing, rule, action, outcome) ({increase})",
                "{{pairing}} {{rule}} {{action}}: {{outcome}}",
            )
        ],
    )
    left = panels.graph(
        "Starts left in the budget",
        "At 0 the next failure makes the daemon give the pairing up.",
        units.Short,
        [(f"nova_watchdog_pairing_budget_starts_left{{{PAIRING}}}", "{{pairing}} @ {{instance}}")],
    )
    return [
        panels.bars(done),
        left.line_interpolation(LineInterpolation.STEP_AFTER).decimals(0),
        panels.graph(
            "Not provisionable",
            "Share of the time in which nothing could be provisioned, by the best view of all controllers.",
            units.PercentUnit,
            [(f"min by (pairing) ({down})", "{{pairing}}")],
            HALF,
        ).max(1),
        panels.graph(
            "Instances",
            "Instances that Nova has behind each pairing.",
            units.Short,
            [(f"max by (pairing) (nova_watchdog_pairing_instances{{{PAIRING}}})", "{{pairing}}")],
            HALF,
        ),
    ]
