# ruff: noqa: INP001 (a script, not a package)
"""The fleet dashboard as code: `python grafana/build.py` writes `dashboards/nova-watchdog-fleet.json`.

Closed lists (diagnoses, phases, states) come from the daemon's own code, so a new member shows up here
with the next build; a test keeps the committed file current.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Panel,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.facts import NovaFact, VCenterFact
from nova_watchdog.core.policy import Policy
from nova_watchdog.core.state import Phase
from nova_watchdog.telemetry.families import SERVICE_STATES, words

OUTPUT = Path(__file__).parent / "dashboards" / "nova-watchdog-fleet.json"

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
DAEMON = 'job=~"$job", instance=~"$instance"'
PAIRING = f'{DAEMON}, pairing=~"$pairing"'

GREEN, BLUE, YELLOW, ORANGE, RED, GREY = "green", "blue", "yellow", "orange", "red", "#808080"
FULL_WIDTH, HALF, SIXTH = 24, 12, 4
STAT_HEIGHT, STATE_HEIGHT, GRAPH_HEIGHT = 4, 7, 8

# Whatever is not named here is red.
COLOURS = {
    **dict.fromkeys(("healthy", "watching", "ok", "known", "enabled"), GREEN),
    **dict.fromkeys(("starting", "changing", "recovering", "new", "ok-earlier"), BLUE),
    **dict.fromkeys(("unknown", "unread"), GREY),
    **dict.fromkeys(("stopped", "stopped-on-purpose", "auto-disabled", "disabled-by-operator"), YELLOW),
    **dict.fromkeys(("disabled", "forced-down"), YELLOW),
    **dict.fromkeys(("waiting", "waiting-for-dependency", "blind", "control-plane-blind"), ORANGE),
}


def state_expression(metric: str, label: str, members: Sequence[str]) -> str:
    """One series a pairing: the index of the member that holds."""
    terms = [f'{index} * {metric}{{{PAIRING}, {label}="{member}"}}' for index, member in enumerate(members)]
    return f"sum by (instance, pairing) ({' or '.join(terms)})"


def state_timeline(
    title: str, description: str, metric: str, label: str, members: Sequence[str]
) -> Builder[Panel]:
    """A state set over time, a row a pairing."""
    texts = {
        str(index): ValueMappingResult(text=member, color=COLOURS.get(member, RED), index=index)
        for index, member in enumerate(members)
    }
    mappings: list[ValueMapping] = [ValueMap(options=texts)]
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .with_target(query(state_expression(metric, label, members), "{{pairing}} @ {{instance}}"))
        .mappings(mappings)
        .merge_values(merge_values=True)
        .show_value(VisibilityMode.AUTO)
        .row_height(0.85)
        .legend(legend())
        .tooltip(tooltip())
        .span(FULL_WIDTH)
        .height(STATE_HEIGHT)
    )


def graph(
    title: str, description: str, unit: str, queries: Iterable[tuple[str, str]], span: int = HALF
) -> timeseries.Panel:
    """Lines over time; `queries` are expressions with their legends."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .fill_opacity(5)
        .show_points(VisibilityMode.NEVER)
        .legend(legend())
        .tooltip(tooltip())
        .span(span)
        .height(GRAPH_HEIGHT)
    )
    for number, (expression, text) in enumerate(queries):
        panel = panel.with_target(query(expression, text).ref_id(chr(ord("A") + number)))
    return panel


def number(
    title: str, description: str, expression: str, steps: Sequence[tuple[float | None, str]]
) -> Builder[Panel]:
    """One number, coloured by its thresholds."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(units.Short)
        .with_target(query(expression, "").instant())
        .thresholds(thresholds(steps))
        .color_mode(BigValueColorMode.BACKGROUND)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .span(SIXTH)
        .height(STAT_HEIGHT)
    )


def query(expression: str, text: str) -> prometheus.Dataquery:
    """A Prometheus query with its legend."""
    return prometheus.Dataquery().expr(expression).legend_format(text).ref_id("A")


def thresholds(steps: Sequence[tuple[float | None, str]]) -> dashboard.ThresholdsConfig:
    """Colours from a value on; the first step has none."""
    found = [Threshold(value=value, color=colour) for value, colour in steps]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(found)


def legend() -> common.VizLegendOptions:
    """Below, as a list."""
    return (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
    )


def tooltip() -> common.VizTooltipOptions:
    """All series at that moment."""
    return common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI)


def numbers() -> list[Builder[Panel]]:
    """The first line: whether anything is wrong."""
    bad: list[tuple[float | None, str]] = [(None, GREEN), (1, RED)]
    healthy = f'nova_watchdog_pairing_diagnosis{{{PAIRING}, diagnosis="healthy"}}'
    return [
        number(
            "Pairings",
            "Configured pairings.",
            f"count(nova_watchdog_pairing_unwatched{{{PAIRING}}})",
            [(None, BLUE)],
        ),
        number(
            "Not watched",
            "Pairings whose nova files the daemon cannot use: nobody would bring them back.",
            f"sum(nova_watchdog_pairing_unwatched{{{PAIRING}}})",
            bad,
        ),
        number("Not healthy", "Pairings with another diagnosis than healthy.", f"sum(1 - {healthy})", bad),
        number(
            "Given up",
            "The budget is spent: only a human may act.",
            f'sum(nova_watchdog_pairing_phase{{{PAIRING}, phase="given-up"}})',
            bad,
        ),
        number(
            "Without a record",
            "The daemon cannot write its record of the pairing, and does nothing for it.",
            f"count(nova_watchdog_pairing_record_writable{{{PAIRING}}} == 0) or vector(0)",
            bad,
        ),
        number(
            "Watchdogs that do not answer",
            "Controllers whose daemon Prometheus cannot scrape.",
            'count(up{job=~"$job"} == 0) or vector(0)',
            bad,
        ),
    ]


def states() -> list[Builder[Panel]]:
    """What was wrong when, and what the daemon made of it."""
    return [
        state_timeline(
            "Diagnosis",
            "What is wrong with each pairing. A gap: no data, the daemon was not scraped.",
            "nova_watchdog_pairing_diagnosis",
            "diagnosis",
            words(Diagnosis),
        ),
        state_timeline(
            "Phase",
            "Where the daemon stands with each pairing.",
            "nova_watchdog_pairing_phase",
            "phase",
            words(Phase),
        ),
    ]


def actions() -> list[Builder[Panel]]:
    """What was done, and what may still be done."""
    increase = f"increase(nova_watchdog_actions_total{{{PAIRING}}}[$__rate_interval])"
    counted = f"sum by (pairing, rule, action, outcome) ({increase})"
    done = graph(
        "Actions",
        "Starts and enables, by rule and outcome. Estimated by increase(), so not always whole numbers.",
        units.Short,
        [(f"{counted} > 0", "{{pairing}} {{rule}} {{action}}: {{outcome}}")],
    )
    left = graph(
        "Starts left in the budget",
        "At 0 the next failure makes the daemon give the pairing up.",
        units.Short,
        [(f"nova_watchdog_pairing_budget_starts_left{{{PAIRING}}}", "{{pairing}} @ {{instance}}")],
    )
    return [
        done.draw_style(GraphDrawStyle.BARS).fill_opacity(60),
        left.line_interpolation(LineInterpolation.STEP_AFTER).decimals(0),
    ]


def sides() -> list[Builder[Panel]]:
    """What Nova and vCenter show."""
    stale_s = Policy().heartbeat_stale_s
    ages = graph(
        "Age of the heartbeats",
        f"Of the running process, by local receipt; stale after {stale_s:g} s by default. A gap: none seen.",
        units.Seconds,
        [(f"nova_watchdog_pairing_heartbeat_age_seconds{{{PAIRING}}}", "{{pairing}} @ {{instance}}")],
        FULL_WIDTH,
    )
    return [
        ages.thresholds(thresholds([(None, GREEN), (stale_s, RED)])).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.LINE)
        ),
        state_timeline(
            "Service",
            "Whether Nova may use the service.",
            "nova_watchdog_pairing_service_state",
            "state",
            SERVICE_STATES,
        ),
        state_timeline(
            "Nova's API",
            "What Nova's API tells of the pairing.",
            "nova_watchdog_pairing_nova_state",
            "state",
            words(NovaFact),
        ),
        state_timeline(
            "vCenter",
            "The vCenter of each pairing as its controller sees it.",
            "nova_watchdog_pairing_vcenter_state",
            "state",
            words(VCenterFact),
        ),
    ]


def probes() -> list[Builder[Panel]]:
    """How well the probes themselves work."""
    text = "{{kind}} {{target}} @ {{instance}}"
    failed = f"rate(nova_watchdog_probe_failures_total{{{DAEMON}}}[$__rate_interval])"
    ran = f"rate(nova_watchdog_probe_runs_total{{{DAEMON}}}[$__rate_interval])"
    last = f"nova_watchdog_probe_last_success_timestamp_seconds{{{DAEMON}}}"
    return [
        graph(
            "Success",
            "1: the last run succeeded.",
            units.Short,
            [(f"nova_watchdog_probe_success{{{DAEMON}}}", text)],
        ).max(1),
        graph(
            "Duration",
            "Of the last run.",
            units.Seconds,
            [(f"nova_watchdog_probe_last_duration_seconds{{{DAEMON}}}", text)],
        ),
        graph(
            "Failures", "Share of the runs that failed.", units.PercentUnit, [(f"{failed} / {ran}", text)]
        ).max(1),
        graph(
            "Since the last success",
            "A gap: never succeeded.",
            units.Seconds,
            [(f"time() - ({last} > 0)", text)],
        ),
    ]


def daemon() -> list[Builder[Panel]]:
    """The daemon itself."""
    look = f"nova_watchdog_pairing_last_look_timestamp_seconds{{{PAIRING}}}"
    on = "{{instance}}"
    return [
        graph(
            "Since the last look",
            "Each pairing is looked at every second; more than a few seconds: its loop hangs.",
            units.Seconds,
            [(f"time() - ({look} > 0)", "{{pairing}} @ {{instance}}")],
        ),
        graph(
            "Lag of the event loop",
            "Near 0 is well.",
            units.Seconds,
            [(f"nova_watchdog_loop_lag_seconds{{{DAEMON}}}", on)],
        ),
        graph("Memory", "Resident.", units.BytesIEC, [(f"process_resident_memory_bytes{{{DAEMON}}}", on)]),
        graph(
            "CPU",
            "Share of one core.",
            units.PercentUnit,
            [(f"rate(process_cpu_seconds_total{{{DAEMON}}}[$__rate_interval])", on)],
        ),
    ]


def variables() -> list[dashboard.QueryVariable]:
    """Which daemons and pairings; all by default."""
    wanted = (
        ("job", "Job", "label_values(nova_watchdog_build_info, job)"),
        ("instance", "Controller", 'label_values(nova_watchdog_build_info{job=~"$job"}, instance)'),
        ("pairing", "Pairing", f"label_values(nova_watchdog_pairing_unwatched{{{DAEMON}}}, pairing)"),
    )
    everything = VariableOption(selected=True, text=["All"], value=["$__all"])
    return [
        dashboard.QueryVariable(name)
        .label(label)
        .query(values)
        .datasource(SOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .current(everything)
        for name, label, values in wanted
    ]


def build() -> dashboard.Dashboard:
    """The whole dashboard."""
    found = (
        dashboard.Dashboard("nova-compute watchdog: fleet")
        .uid("nova-watchdog-fleet")
        .description("Every pairing of nova-compute and its vSphere cluster, as the watchdogs see it.")
        .tags(["openstack", "nova", "vsphere", "nova-watchdog"])
        .timezone("browser")
        .time("now-3h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    for variable in variables():
        found = found.with_variable(variable)
    rows = (
        ("Fleet", [*numbers(), *states()]),
        ("Actions and budget", actions()),
        ("Nova and vCenter", sides()),
        ("Probes", probes()),
        ("The daemons", daemon()),
    )
    for title, panels in rows:
        found = found.with_row(dashboard.Row(title))
        for panel in panels:
            found = found.with_panel(panel)
    return found


def text() -> str:
    """The dashboard as the file holds it."""
    model = build().build()
    for identity, panel in enumerate(model.panels or [], start=1):
        panel.id_val = identity
    return JSONEncoder(sort_keys=True, indent=2).encode(model) + "\n"


if __name__ == "__main__":
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(text())
    sys.stdout.write(f"{OUTPUT.name} written\n")
