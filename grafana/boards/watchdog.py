"""The daemons themselves."""

from __future__ import annotations

from typing import Any

from grafana.boards import holding, panels
from grafana.boards.board import board, to_runbook
from grafana.boards.panels import BAD_IF_ANY, DAEMON, FULL_WIDTH, GREEN, PLAIN, RED, THIRD, YELLOW
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Panel

ON = "{{instance}}"
KIND = "{{kind}} {{target}} @ {{instance}}"
RECEIVER = "{{receiver}} @ {{instance}}"


def build() -> dict[str, Any]:
    """The whole dashboard."""
    return board(
        "daemons",
        "the watchdog itself",
        "Whether the daemons live, look, read, reload and tell.",
        [],
        [
            ("Daemons", _numbers()),
            ("Looking", _looking()),
            ("Probes", _probes()),
            ("Store", holding.of_the_daemons()),
            ("Telling", _telling()),
            ("Process", _process()),
        ],
    )


def _numbers() -> list[Builder[Panel]]:
    unwritable = f"nova_watchdog_pairing_record_writable{{{DAEMON}}} == bool 0"
    return [
        panels.number("Daemons", "That answer.", f"sum(up{{{DAEMON}}})", PLAIN),
        panels.number(
            "Do not answer", "Prometheus cannot scrape them.", f"sum(1 - up{{{DAEMON}}})", BAD_IF_ANY
        ).data_links([to_runbook("WatchdogDown")]),
        panels.number(
            "Not watched",
            "Pairings whose nova files a daemon cannot use.",
            f"sum(nova_watchdog_pairing_unwatched{{{DAEMON}}})",
            BAD_IF_ANY,
        ).data_links([to_runbook("PairingUnwatched")]),
        panels.number(
            "Without a record",
            "Pairings whose record cannot be written: nothing is done for them.",
            f"sum({unwritable})",
            BAD_IF_ANY,
        ).data_links([to_runbook("RecordUnwritable")]),
        panels.number(
            "Paused",
            "Pairings that a human has paused.",
            f"sum(nova_watchdog_pairing_paused{{{DAEMON}}})",
            ((None, GREEN), (1, YELLOW)),
        ).data_links([to_runbook("PausedTooLong")]),
        panels.number(
            "Reload refused",
            "Daemons that go on with their old configuration.",
            f"sum(nova_watchdog_reload_mistaken{{{DAEMON}}})",
            BAD_IF_ANY,
        ).data_links([to_runbook("ReloadFailed")]),
        panels.names(
            "Versions",
            "Of each daemon.",
            f"nova_watchdog_build_info{{{DAEMON}}}",
            "{{controller}}: {{version}}, Python {{python}}",
            FULL_WIDTH,
        ),
    ]


def _looking() -> list[Builder[Panel]]:
    look = f"nova_watchdog_pairing_last_look_timestamp_seconds{{{DAEMON}}}"
    skips = f"increase(nova_watchdog_scheduler_skips_total{{{DAEMON}}}[$__rate_interval])"
    reloads = f"increase(nova_watchdog_reloads_total{{{DAEMON}}}[$__rate_interval])"
    return [
        panels.graph(
            "Since the last look",
            "Each pairing is looked at every second; more than a few seconds: its loop hangs.",
            units.Seconds,
            [(f"time() - ({look} > 0)", "{{pairing}} @ {{instance}}")],
        ),
        panels.graph(
            "Lag of the event loop",
            "Near 0 is well.",
            units.Seconds,
            [(f"nova_watchdog_loop_lag_seconds{{{DAEMON}}}", ON)],
        ),
        panels.bars(
            panels.graph(
                "Reloads",
                "Of the configuration, by outcome.",
                units.Short,
                [(f"sum by (instance, outcome) ({reloads})", "{{outcome}} @ {{instance}}")],
            )
        ),
        panels.bars(
            panels.graph(
                "Skipped by the calendar",
                "Jobs of the maintenance windows that were missed, or still ran when they were due again.",
                units.Short,
                [(f"sum by (instance) ({skips})", ON)],
            )
        ),
    ]


def _probes() -> list[Builder[Panel]]:
    failed = f"rate(nova_watchdog_probe_failures_total{{{DAEMON}}}[$__rate_interval])"
    ran = f"rate(nova_watchdog_probe_runs_total{{{DAEMON}}}[$__rate_interval])"
    last = f"nova_watchdog_probe_last_success_timestamp_seconds{{{DAEMON}}}"
    return [
        panels.graph(
            "Success",
            "1: the last run succeeded.",
            units.Short,
            [(f"nova_watchdog_probe_success{{{DAEMON}}}", KIND)],
        ).max(1),
        panels.graph(
            "Duration",
            "Of the last run.",
            units.Seconds,
            [(f"nova_watchdog_probe_last_duration_seconds{{{DAEMON}}}", KIND)],
        ),
        panels.graph(
            "Failures", "Share of the runs that failed.", units.PercentUnit, [(f"{failed} / {ran}", KIND)]
        ).max(1),
        panels.graph(
            "Since the last success",
            "A gap: never succeeded.",
            units.Seconds,
            [(f"time() - ({last} > 0)", KIND)],
        ),
    ]


def _telling() -> list[Builder[Panel]]:
    def increase(what: str) -> str:
        return f"increase(nova_watchdog_notifications_{what}_total{{{DAEMON}}}[$__rate_interval])"

    return [
        panels.graph(
            "Delivered",
            "Events that each receiver took.",
            units.Short,
            [(increase("delivered"), RECEIVER)],
            THIRD,
        ),
        panels.graph(
            "Failed and dropped",
            "What failed is tried again; what was dropped never arrives.",
            units.Short,
            [(increase("failed"), f"failed: {RECEIVER}"), (increase("dropped"), f"dropped: {RECEIVER}")],
            THIRD,
        ),
        panels.graph(
            "Waiting",
            "Share of the queue that is taken.",
            units.PercentUnit,
            [
                (
                    f"nova_watchdog_notify_queue{{{DAEMON}}} / nova_watchdog_notify_queue_limit{{{DAEMON}}}",
                    RECEIVER,
                )
            ],
            THIRD,
        ).max(1),
    ]


def _process() -> list[Builder[Panel]]:
    cpu = f"rate(process_cpu_seconds_total{{{DAEMON}}}[$__rate_interval])"
    files = f"process_open_fds{{{DAEMON}}} / process_max_fds{{{DAEMON}}}"
    share = panels.graph("Open files", "Share of those allowed.", units.PercentUnit, [(files, ON)], THIRD)
    return [
        panels.graph(
            "Memory", "Resident.", units.BytesIEC, [(f"process_resident_memory_bytes{{{DAEMON}}}", ON)], THIRD
        ),
        panels.graph("CPU", "Share of one core.", units.PercentUnit, [(cpu, ON)], THIRD),
        panels.limited(share, [(None, GREEN), (0.8, RED)]).max(1),
    ]
