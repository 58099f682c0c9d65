"""Panels as the dashboards here have them: one look, every one with a unit and a description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.models.common import (
    AxisPlacement,
    BigValueColorMode,
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DynamicConfigValue,
    FieldColor,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
Queries = Mapping[str, str]
"""Legend and expression of each line."""
Steps = Sequence[tuple[float, str]]
"""Thresholds as value and colour, upwards; below the first it is green."""

FULL, HALF, THIRD, SIXTH = 24, 12, 8, 4
"""Widths, of the 24 columns that Grafana has."""


def steps(above: Steps, base: str = "green") -> dashboard.ThresholdsConfig:
    """Thresholds, ``base`` below all of them."""
    levels = [Threshold(value=None, color=base), *(Threshold(value=value, color=color) for value, color in above)]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(levels)


def query(expression: str, legend: str, number: int = 0) -> prometheus.Dataquery:
    """One query of a panel."""
    return prometheus.Dataquery().ref_id(chr(ord("A") + number)).expr(expression).legend_format(legend)


def figure(
    title: str, expression: str, unit: str, description: str, *, above: Steps = (), base: str = "green"
) -> stat.Panel:
    """One figure with its course behind it; its colour is that of the highest threshold it is above."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .thresholds(steps(above, base if above else "blue"))
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .no_value("none yet")
        .with_target(query(expression, title))
        .height(4)
        .span(SIXTH)
    )


def graph(
    title: str,
    queries: Queries,
    unit: str,
    description: str,
    *,
    span: int = HALF,
    stacked: bool = False,
    above: Steps = (),
) -> timeseries.Panel:
    """Lines over time from zero up; ``above`` are drawn as dashed lines."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .axis_soft_min(0)
        .line_width(1)
        .fill_opacity(25 if stacked else 5)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["mean", "max", "lastNotNull"])
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .height(8)
        .span(span)
    )
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if above:
        style = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds(steps(above, "transparent")).thresholds_style(style)
    for number, (legend, expression) in enumerate(queries.items()):
        panel = panel.with_target(query(expression, legend, number))
    return panel


def distribution(title: str, expression: str, unit: str, description: str, *, span: int = HALF) -> heatmap.Panel:
    """A histogram's buckets over time, the fuller the darker."""
    return (
        heatmap.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .calculate(False)
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Blues").steps(64))
        .y_axis(heatmap.YAxisConfig().unit(unit).axis_placement(AxisPlacement.LEFT))
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .with_target(query(expression, "{{le}}").format(PromQueryFormat.HEATMAP))
        .height(8)
        .span(span)
    )


def fixed_colors(panel: timeseries.Panel, colors: Mapping[str, str]) -> timeseries.Panel:
    """``panel`` with the lines of these legends in these colours, where a colour means something."""
    for legend, color in colors.items():
        fixed = FieldColor(mode=FieldColorModeId.FIXED, fixed_color=color)
        panel = panel.override_by_name(legend, [DynamicConfigValue("color", fixed)])
    return panel
