"""What the dashboards share: variables, links between them and to the runbooks, annotations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana.boards.panels import DAEMON, PAIRING, SOURCE
from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

TAG = "nova-watchdog"
# Where a copy of docs/runbooks/ is served; each site puts its own address into the box above the dashboard.
RUNBOOKS = "https://wiki.example.com/nova-watchdog/docs/runbooks"

Row = tuple[str, Sequence[Builder[Panel]]]


@dataclass(frozen=True, slots=True)
class Variable:
    """One choice above a dashboard; `values` is its query. Not `many`: exactly one."""

    name: str
    label: str
    values: str
    many: bool = True


PAIRINGS = Variable(
    "pairing", "Pairing", f"label_values(nova_watchdog_pairing_unwatched{{{DAEMON}}}, pairing)"
)
ONE_PAIRING = Variable("pairing", "Pairing", PAIRINGS.values, many=False)
VCENTERS = Variable("vcenter", "vCenter", f"label_values(nova_watchdog_vcenter_state{{{DAEMON}}}, vcenter)")
_DAEMONS = (
    Variable("job", "Job", "label_values(nova_watchdog_build_info, job)"),
    Variable("instance", "Instance", 'label_values(nova_watchdog_build_info{job=~"$job"}, instance)'),
)


def to_pairing() -> Builder[Any]:
    """From a row of a pairing to its own dashboard, at the same time."""
    link = f"/d/{TAG}-pairing?var-datasource=${{datasource}}&var-pairing=${{__field.labels.pairing}}"
    return dashboard.DashboardLink("This pairing").url(f"{link}&${{__url_time_range}}")


def to_runbook(page: str = "${__field.labels.alertname}") -> Builder[Any]:
    """To a page of the runbooks."""
    return dashboard.DashboardLink("Runbook").url(f"${{runbooks}}/{page}.md").target_blank(target_blank=True)


def board(
    name: str, title: str, description: str, variables: Sequence[Variable], rows: Sequence[Row]
) -> dict[str, Any]:
    """A whole dashboard as Grafana reads it."""
    found = (
        dashboard.Dashboard(f"nova-compute watchdog: {title}")
        .uid(f"{TAG}-{name}")
        .description(description)
        .tags(["openstack", "nova", "vsphere", TAG])
        .timezone("browser")
        .time("now-3h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(_siblings())
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    for variable in (*_DAEMONS, *variables):
        found = found.with_variable(_query_variable(variable))
    box = dashboard.TextBoxVariable("runbooks").label("Runbooks").default_value(RUNBOOKS)
    found = found.with_variable(box)
    for heading, panels in rows:
        found = found.with_row(dashboard.Row(heading))
        for panel in panels:
            found = found.with_panel(panel)
    model = found.build()
    for identity, placed in enumerate(model.panels or [], start=1):
        placed.id_val = identity
    whole: dict[str, Any] = json.loads(JSONEncoder(sort_keys=True).encode(model))
    selector = PAIRING if any(one.name == "pairing" for one in variables) else DAEMON
    whole["annotations"] = {"list": [_actions(selector)]}
    return whole


def _siblings() -> Builder[Any]:
    return (
        dashboard.DashboardLink("The other dashboards")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(as_dropdown=True)
        .keep_time(keep_time=True)
    )


def _query_variable(variable: Variable) -> dashboard.QueryVariable:
    found = (
        dashboard.QueryVariable(variable.name)
        .label(variable.label)
        .query(variable.values)
        .datasource(SOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi=variable.many)
        .include_all(include_all=variable.many)
    )
    if not variable.many:
        return found
    everything = VariableOption(selected=True, text=["All"], value=["$__all"])
    return found.all_value(".+").current(everything)


def _actions(selector: str) -> dict[str, Any]:
    """Marks each action of the daemon. The library's model lacks the texts of Prometheus' annotations."""
    increase = f"increase(nova_watchdog_actions_total{{{selector}}}[$__rate_interval])"
    return {
        "name": "Actions",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "enable": True,
        "hide": False,
        "iconColor": "purple",
        "expr": f"sum by (pairing, action, outcome, rule) ({increase}) > 0",
        "step": "30s",
        "titleFormat": "{{pairing}}: {{action}} {{outcome}}",
        "textFormat": "rule {{rule}}",
        "tagKeys": "action,outcome",
    }
