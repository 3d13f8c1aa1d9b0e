"""Panels about who holds what, where controllers share their pairings. Empty for daemons that are alone."""

from __future__ import annotations

from grafana.boards import panels
from grafana.boards.board import to_pairing
from grafana.boards.panels import DAEMON, FULL_WIDTH, GREEN, PAIRING, THIRD
from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import LineInterpolation
from grafana_foundation_sdk.models.dashboard import Panel

from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.telemetry.families import words

_ON = "{{instance}}"
_HOLDS = (
    f"max by (pairing, holder) (nova_watchdog_holder_info{{{PAIRING}}} and on (job, instance, pairing) "
    f'(nova_watchdog_hold{{{PAIRING}, claim=~"mine|held"}} == 1))'
)
_READY = f"nova_watchdog_standby_ready{{{PAIRING}}}"
_LEFT = f"nova_watchdog_hold_deadline_seconds{{{PAIRING}}}"
_TAKEOVERS = f"increase(nova_watchdog_takeovers_total{{{PAIRING}}}[$__rate_interval])"


def of_the_fleet() -> list[Builder[Panel]]:
    """Who holds each pairing, who could take it over, and for how long it may run on."""
    return [
        panels.flag_timeline(
            "Holder",
            "The controller that holds each pairing. A gap: nobody does, or no daemon could tell.",
            _HOLDS,
            "{{pairing}}: {{holder}}",
            on="holds",
            colour=GREEN,
        ).data_links([to_pairing()]),
        _steps(
            panels.graph(
                "Standbys that are ready",
                "Controllers that could take each pairing over now. At 0 it stays down if its holder fails.",
                units.Short,
                [(f"max by (pairing) (sum by (instance, pairing) ({_READY}))", "{{pairing}}")],
                THIRD,
            )
        ),
        panels.graph(
            "Deadline",
            "Until systemd kills each pairing's unit, unless its holder renews before. Never near 0.",
            units.Seconds,
            [(f"min by (pairing) ({_LEFT})", "{{pairing}}")],
            THIRD,
        ),
        panels.bars(
            panels.graph(
                "Takeovers",
                "Of each pairing, by outcome. Estimated by increase().",
                units.Short,
                [(f"sum by (pairing, outcome) ({_TAKEOVERS})", "{{pairing}}: {{outcome}}")],
                THIRD,
            )
        ),
    ]


def of_a_pairing() -> list[Builder[Panel]]:
    """The same of one pairing, with what each controller says."""
    return [
        panels.flag_timeline(
            "Holder",
            "The controller that holds it. A gap: nobody does, or no daemon could tell.",
            f"max by (holder) ({_HOLDS})",
            "{{holder}}",
            on="holds",
            colour=GREEN,
        ).height(4),
        panels.state_timeline(
            "Claim",
            "Whose it is, as each controller reads the store.",
            "nova_watchdog_hold",
            words(Claim),
            label="claim",
            rows=("instance", _ON),
        ).height(4),
        panels.flag_timeline(
            "Ready to take it over",
            "The other controllers. A gap: that one is the holder, or unknown.",
            f"max by (controller) ({_READY})",
            "{{controller}}",
            on="ready",
            colour=GREEN,
        ).height(4),
        panels.graph(
            "Deadline",
            "On its holder: until systemd kills its unit, unless a renewal is confirmed before.",
            units.Seconds,
            [(_LEFT, _ON)],
            THIRD,
        ),
        _steps(
            panels.graph(
                "Moves",
                "How often it has changed hands, and how often it may still move without a human.",
                units.Short,
                [
                    (f"max(nova_watchdog_hold_epoch{{{PAIRING}}})", "changes of hands"),
                    (f"min(nova_watchdog_hold_moves_left{{{PAIRING}}})", "left"),
                ],
                THIRD,
            )
        ),
        panels.bars(
            panels.graph(
                "Takeovers",
                "By the controller that tried, and by outcome. Estimated by increase().",
                units.Short,
                [(f"sum by (instance, outcome) ({_TAKEOVERS})", "{{outcome}} @ {{instance}}")],
                THIRD,
            )
        ),
    ]


def of_the_daemons() -> list[Builder[Panel]]:
    """The store as each daemon gets on with it."""
    up = f"nova_watchdog_store_up{{{DAEMON}}}"
    last = f"nova_watchdog_store_last_renewal_timestamp_seconds{{{DAEMON}}}"
    failed = f"rate(nova_watchdog_store_renewal_failures_total{{{DAEMON}}}[$__rate_interval])"
    done = f"rate(nova_watchdog_store_renewals_total{{{DAEMON}}}[$__rate_interval])"
    return [
        panels.flag_timeline(
            "Store",
            "Whether each daemon is registered and renews. A gap: it is alone, or was not scraped.",
            up,
            _ON,
            on="renews",
            colour=GREEN,
        )
        .height(4)
        .span(FULL_WIDTH),
        panels.graph(
            "Since the last renewal",
            "Every 3 s by default; at 15 s what it holds is killed.",
            units.Seconds,
            [(f"time() - ({last} > 0)", _ON)],
            THIRD,
        ),
        panels.graph(
            "Renewals that fail",
            "Share of the attempts.",
            units.PercentUnit,
            [(f"{failed} / ({failed} + {done})", _ON)],
            THIRD,
        ).max(1),
        panels.graph(
            "Size of etcd",
            "Of its fullest member. At the quota, 2 GiB unless it says another one, every write is refused.",
            units.BytesIEC,
            [
                (f"max(nova_watchdog_store_size_bytes{{{DAEMON}}})", "file"),
                (f"max(nova_watchdog_store_in_use_bytes{{{DAEMON}}})", "in use"),
                (f"min(nova_watchdog_store_quota_bytes{{{DAEMON}}})", "quota"),
            ],
            THIRD,
        ),
        panels.flag_timeline(
            "Alarms of etcd",
            "While one is raised it refuses every write, until an operator disarms it.",
            f"max by (alarm) (nova_watchdog_store_alarm{{{DAEMON}}})",
            "{{alarm}}",
            on="raised",
        ).height(4),
    ]


def _steps(panel: timeseries.Panel) -> timeseries.Panel:
    return panel.line_interpolation(LineInterpolation.STEP_AFTER).decimals(0)
