"""The kinds of panels that the dashboards are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphDrawStyle,
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    Panel,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
DAEMON = 'job=~"$job", instance=~"$instance"'
PAIRING = f'{DAEMON}, pairing=~"$pairing"'

GREEN, BLUE, YELLOW, ORANGE, RED, GREY = "green", "blue", "yellow", "orange", "red", "#808080"
FULL_WIDTH, HALF, THIRD, SIXTH = 24, 12, 8, 4
STAT_HEIGHT, STATE_HEIGHT, GRAPH_HEIGHT = 4, 7, 8

# Whatever is not named here is red.
COLOURS = {
    **dict.fromkeys(
        ("healthy", "watching", "ok", "known", "enabled", "up", "fresh", "answered", "protect"), GREEN
    ),
    **dict.fromkeys(("fully-automated", "fine", "mine"), GREEN),
    **dict.fromkeys(
        ("starting", "changing", "recovering", "new", "ok-earlier", "awaited", "elsewhere"), BLUE
    ),
    **dict.fromkeys(("observe", "running-elsewhere", "standby", "held"), BLUE),
    **dict.fromkeys(("unknown", "unread", "unseen", "nobody"), GREY),
    **dict.fromkeys(("stopped", "stopped-on-purpose", "auto-disabled", "disabled-by-operator"), YELLOW),
    **dict.fromkeys(("disabled", "forced-down", "degraded", "cluster-degraded", "unresponsive"), YELLOW),
    **dict.fromkeys(("paused", "maintenance", "partially-automated", "manual", "other"), YELLOW),
    **dict.fromkeys(("waiting", "waiting-for-dependency", "blind", "control-plane-blind", "blocked"), ORANGE),
    **dict.fromkeys(("reserved", "offered"), ORANGE),
}

Steps = Sequence[tuple[float | None, str]]
EACH_PAIRING = ("instance, pairing", "{{pairing}} @ {{instance}}")
BAD_IF_ANY: Steps = ((None, GREEN), (1, RED))
PLAIN: Steps = ((None, BLUE),)


def state_expression(metric: str, selector: str, label: str, members: Sequence[str], by: str) -> str:
    """One series each `by`: the index of the member that holds."""
    terms = [f'{index} * {metric}{{{selector}, {label}="{member}"}}' for index, member in enumerate(members)]
    return f"sum by ({by}) ({' or '.join(terms)})"


def state_timeline(
    title: str,
    description: str,
    metric: str,
    members: Sequence[str],
    *,
    selector: str = PAIRING,
    label: str = "state",
    rows: tuple[str, str] = EACH_PAIRING,
) -> statetimeline.Panel:
    """A state set over time. `rows`: the labels of which each combination is a row, and its legend."""
    by, legend_format = rows
    texts = {
        str(index): ValueMappingResult(text=member, color=COLOURS.get(member, RED), index=index)
        for index, member in enumerate(members)
    }
    expression = state_expression(metric, selector, label, members, by)
    return rows_over_time(title, description, expression, legend_format, [ValueMap(options=texts)])


def flag_timeline(
    title: str, description: str, expression: str, legend_format: str, *, on: str, colour: str = RED
) -> statetimeline.Panel:
    """A row for each series that was ever 1, coloured while it is."""
    texts = {
        "0": ValueMappingResult(text="-", color="transparent", index=0),
        "1": ValueMappingResult(text=on, color=colour, index=1),
    }
    return rows_over_time(title, description, expression, legend_format, [ValueMap(options=texts)])


def rows_over_time(
    title: str, description: str, expression: str, legend_format: str, mappings: list[ValueMapping]
) -> statetimeline.Panel:
    """Values over time as coloured rows."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .with_target(query(expression, legend_format))
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
    for number_of, (expression, text) in enumerate(queries):
        panel = panel.with_target(query(expression, text).ref_id(chr(ord("A") + number_of)))
    return panel


def bars(panel: timeseries.Panel) -> timeseries.Panel:
    """For what happens now and then."""
    return panel.draw_style(GraphDrawStyle.BARS).fill_opacity(60)


def limited(panel: timeseries.Panel, steps: Steps) -> timeseries.Panel:
    """With its thresholds as lines."""
    style = common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.LINE)
    return panel.thresholds(thresholds(steps)).thresholds_style(style)


def number(
    title: str,
    description: str,
    expression: str,
    steps: Steps,
    *,
    span: int = SIXTH,
    legend_format: str = "",
) -> stat.Panel:
    """One number, coloured by its thresholds."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(units.Short)
        .with_target(query(expression, legend_format).instant())
        .thresholds(thresholds(steps))
        .color_mode(BigValueColorMode.BACKGROUND)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .span(span)
        .height(STAT_HEIGHT)
    )


def names(
    title: str, description: str, expression: str, legend_format: str, span: int = HALF
) -> Builder[Panel]:
    """The labels of what there is, as text."""
    shown = number(title, description, expression, PLAIN, span=span, legend_format=legend_format)
    return shown.text_mode(BigValueTextMode.NAME)


def query(expression: str, text: str) -> prometheus.Dataquery:
    """A Prometheus query with its legend."""
    return prometheus.Dataquery().expr(expression).legend_format(text).ref_id("A")


def thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
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
