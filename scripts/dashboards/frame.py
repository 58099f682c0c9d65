"""What every dashboard has around its panels: variables, links to the others, its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.panels import SOURCE

TAG = "semtoken"
Panel = Builder[models.Panel]


def framed(uid: str, title: str, description: str) -> dashboard.Dashboard:
    """A dashboard without panels; it shows the last hour and reads anew every half minute."""
    others = (
        dashboard.DashboardLink("SemToken")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(False)
        .include_vars(True)
        .keep_time(True)
    )
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time("now-1h", "now")
        .timezone("browser")
        .refresh("30s")
        .link(others)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )


def with_rows(built: dashboard.Dashboard, rows: Iterable[tuple[str, Iterable[Panel]]]) -> dashboard.Dashboard:
    """``built`` with rows of panels, each under its title."""
    for title, shown in rows:
        built = built.with_row(dashboard.Row(title))
        for panel in shown:
            built = built.with_panel(panel)
    return built


def choice(name: str, label: str, values: str) -> dashboard.QueryVariable:
    """A variable of several values out of the PromQL query ``values``; at first all of them."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": values, "refId": name})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


def gateways() -> dashboard.QueryVariable:
    """Which gateways."""
    return choice("instance", "Gateway", "label_values(semtoken_build_info, instance)")


def engines() -> dashboard.QueryVariable:
    """Which engines: where the gateways reach them is where Prometheus does."""
    return choice("engine", "Engine", "label_values(semtoken_engine_up, engine)")


def routes() -> dashboard.QueryVariable:
    """Which routes."""
    return choice("route", "Route", "label_values(semtoken_request_seconds_count, route)")


def rendered(built: dashboard.Dashboard) -> str:
    """The JSON that Grafana loads, with every panel numbered."""
    model = built.build()
    for number, panel in enumerate(model.panels or [], start=1):
        panel.id_val = number
    return json.dumps(model, cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
