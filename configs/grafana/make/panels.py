"""Panels of four sorts, each with title, description, unit and data source."""

from collections.abc import Iterator, Sequence

from configs.grafana.make.board import SOURCE, looks
from grafana_foundation_sdk.builders import common, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus as query
from grafana_foundation_sdk.models import common as shown
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

Panel = stat.Panel | statetimeline.Panel | table.Panel | timeseries.Panel
Panels = Iterator[Panel]
Query = tuple[str, str]
"""An expression, and what its series are called."""
Steps = Sequence[tuple[float | None, str]]
"""Colours, each from a value on; the first from None."""

GOOD_BELOW_ONE: Steps = ((None, "green"), (1, "red"))
BAD_BELOW_ONE: Steps = ((None, "red"), (1, "green"))
NEUTRAL: Steps = ((None, "blue"),)


def _thresholds(steps: Steps) -> build.ThresholdsConfig:
    made = [model.Threshold(value=value, color=colour) for value, colour in steps]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(made)


def _targets(queries: Sequence[Query], *, instant: bool = False) -> list[query.Dataquery]:
    targets = []
    for ref, (expr, legend) in zip("ABCDEF", queries, strict=False):
        one = query.Dataquery().expr(expr).legend_format(legend).ref_id(ref).datasource(SOURCE)
        targets.append(one.instant() if instant else one.range())
    return targets


def number(
    title: str, description: str, unit: str, expr: str, steps: Steps = GOOD_BELOW_ONE
) -> stat.Panel:
    """Return one number, coloured by *steps*."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .targets(_targets([(expr, title)], instant=True))
        .thresholds(_thresholds(steps))
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .height(4)
        .span(4)
    )


def lines(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    steps: Steps = (),
    least: float | None = 0,
    span: int = 12,
) -> timeseries.Panel:
    """Return lines over time; *steps* are drawn as areas."""
    made = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .targets(_targets(queries))
        .fill_opacity(8)
        .line_width(1)
        .show_points(shown.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .display_mode(shown.LegendDisplayMode.LIST)
            .placement(shown.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(
            common.VizTooltipOptions()
            .mode(shown.TooltipDisplayMode.MULTI)
            .sort(shown.SortOrder.DESCENDING)
        )
        .height(8)
        .span(span)
    )
    if least is not None:
        made.min(least)
    if steps:
        style = common.GraphThresholdsStyleConfig().mode(shown.GraphTresholdsStyleMode.DASHED)
        made.thresholds(_thresholds(steps)).thresholds_style(style)
    return made


def states(
    title: str, description: str, *queries: Query, words: dict[str, tuple[str, str]]
) -> statetimeline.Panel:
    """Return bars over time, with *words* and colours for their values."""
    mapped = {
        value: model.ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(words.items())
    }
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit("short")
        .targets(_targets(queries))
        .mappings([model.ValueMap(options=mapped)])
        .show_value(shown.VisibilityMode.NEVER)
        .row_height(0.8)
        .height(9)
        .span(24)
    )


def rows(
    title: str, description: str, unit: str, expr: str, columns: dict[str, str], span: int = 24
) -> table.Panel:
    """Return a table of the newest values and the labels of *columns*, by what they are called."""
    one = query.Dataquery().expr(expr).ref_id("A").datasource(SOURCE).instant()
    named = {**columns, "Value": columns.get("Value", title)}
    organised = model.DataTransformerConfig(
        id_val="organize",
        options={
            "excludeByName": {"Time": True},
            "indexByName": {name: place for place, name in enumerate(named)},
            "renameByName": named,
        },
    )
    made = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .targets([one.format(PromQueryFormat.TABLE)])
        .with_transformation(organised)
        .height(7)
        .span(span)
    )
    if "url" in columns:
        link = {"title": "Status page", "url": "${__value.raw}", "targetBlank": True}
        made.override_by_name(
            columns["url"], [model.DynamicConfigValue(id_val="links", value=[link])]
        )
    return made


def newest_looks(title: str, description: str, matchers: str, by: str, legend: str) -> Panel:
    """Return bars of what newest looks show *by* labels: the worst, UNKNOWN where nobody knows."""
    failing, well = (f"max by ({by}) ({looks(matchers, one)} == 1)" for one in ("FAILING", "OK"))
    looked_at = f'max by ({by}) (vedette_probe_state{{{matchers},state="OK"}})'
    return states(
        title,
        description,
        (f"{failing} or {well} - 1 or {looked_at} * 0 + 2", legend),
        words={"0": ("OK", "green"), "1": ("FAILING", "red"), "2": ("UNKNOWN", "#808080")},
    )


def row(title: str) -> build.Row:
    """Return the head of a row of panels."""
    return build.Row(title)


def quantile(share: float, metric: str, matchers: str, by: str = "") -> str:
    """Return the quantile of a histogram over the interval that is shown."""
    labels = f"le, {by}" if by else "le"
    rate = f"rate({metric}_bucket{{{matchers}}}[$__rate_interval])"
    return f"histogram_quantile({share:g}, sum by ({labels}) ({rate}))"
