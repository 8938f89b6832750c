"""A dashboard put together panel by panel: sizes, words and looks that all of them have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from grafana_foundation_sdk.builders import barchart, bargauge, geomap, piechart, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.common import (
    FrameGeometrySource,
    GraphThresholdsStyleConfig,
    MapLayerOptions,
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, QueryVariable, Row, ThresholdsConfig
from grafana_foundation_sdk.builders.geomap import MapViewConfig
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.piechart import PieChartType

from dashboards.columns import look
from dashboards.queries import DATABASE, PROMETHEUS, PromQuery, Sql, columns, load
from dashboards.words import Words

Query = PromQuery | Sql
Steps = Sequence[tuple[float | None, str]]
"""From which value on which color; the first has no value."""
CALM: Final[Steps] = ((None, "green"),)
ALERT: Final[Steps] = ((None, "green"), (1, "orange"))
ALARM: Final[Steps] = ((None, "green"), (1, "red"))
_TAG = "citybrain"


class Board:
    """One dashboard in one language. Panels stand side by side as long as there is room (24 columns)."""

    def __init__(self, key: str, words: Words, *, time: str = "now-6h", refresh: str = "30s") -> None:
        self.key, self.words = key, words
        self._texts, self._sql = words.board(key), load(key, words.language)
        self._panels = 0
        self.used: set[str] = set()
        """panels and rows that were made, and blocks of SQL that were used"""
        slug = key.replace("_", "-")
        self.uid = f"citybrain-{slug}-{words.language}"
        self._board = (
            Dashboard(self._texts["title"])
            .uid(self.uid)
            .description(self._texts["about"])
            .tags([_TAG, words.language])
            .time(time, "now")
            .refresh(refresh)
            .timezone("browser")
            .tooltip(DashboardCursorSync.CROSSHAIR)
            .link(
                DashboardLink(words.label("others"))
                .type(DashboardLinkType.DASHBOARDS)
                .tags([_TAG, words.language])
                .as_dropdown(True)
                .keep_time(True)
            )
        )

    def build(self) -> dict[str, Any]:
        """The dashboard as plain data. Raises ValueError for words or SQL that nothing uses."""
        unused = {*self._texts["panels"], *self._texts["rows"], *self._sql} - self.used
        if unused:
            raise ValueError(f"{self.key}: nothing uses {sorted(unused)}")
        found: dict[str, Any] = self._board.build().to_json()
        return found

    def sql(self, block: str, *, series: bool = False) -> Sql:
        """A block of the SQL file of this dashboard."""
        self.used.add(block)
        return Sql(self._sql[block], series=series)

    def variable(self, name: str, block: str, *, multi: bool = True, search: bool = False) -> None:
        """A variable whose values come from the database."""
        self.used.add(block)
        made = (
            QueryVariable(name)
            .label(self.words.label(name))
            .datasource(DATABASE)
            .query(self._sql[block])
            # what is typed is looked for in the database, so the first values are only examples
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED if search else VariableRefresh.ON_DASHBOARD_LOAD)
            .sort(VariableSort.DISABLED)
            .multi(multi)
            .include_all(multi)
        )
        if multi:
            made = made.current(VariableOption(text=["All"], value=["$__all"], selected=True))
        self._board.with_variable(made)

    def row(self, key: str) -> None:
        """A heading: what follows belongs to it."""
        self.used.add(key)
        self._board.with_row(Row(self._texts["rows"][key]))

    def stat(
        self, key: str, query: Query, *, unit: str = "short", steps: Steps = CALM, span: int = 4, height: int = 4,
        decimals: int = 0, graph: bool = False,
    ) -> None:  # fmt: skip
        """One large number (of several columns: each)."""
        panel = (
            stat.Panel()
            .color_mode(common.BigValueColorMode.BACKGROUND if len(steps) > 1 else common.BigValueColorMode.VALUE)
            .graph_mode(common.BigValueGraphMode.AREA if graph else common.BigValueGraphMode.NONE)
            .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).fields("/.*/" if isinstance(query, Sql) else ""))
            .decimals(decimals)
        )
        self._headings(panel, query)
        self._add(key, panel, [query], unit, steps, span, height)

    def lines(
        self, key: str, *queries: Query, unit: str = "short", steps: Steps | None = None, span: int = 12, height: int = 8,
        stack: bool = False, bars: bool = False, low: float | None = 0, high: float | None = None,
    ) -> None:  # fmt: skip
        """Values over time."""
        panel = (
            timeseries.Panel()
            .draw_style(common.GraphDrawStyle.BARS if bars else common.GraphDrawStyle.LINE)
            .line_width(1)
            .fill_opacity(80 if bars else 20 if stack else 5)
            .show_points(common.VisibilityMode.NEVER)
            .span_nulls(False)
            .legend(
                VizLegendOptions()
                .display_mode(common.LegendDisplayMode.TABLE)
                .placement(common.LegendPlacement.RIGHT)
                .show_legend(True)
                .calcs(["lastNotNull", "max"])
            )
            .tooltip(VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
        )
        if stack:
            panel = panel.stacking(StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
        if low is not None:
            panel = panel.min(low)
        if high is not None:
            panel = panel.max(high)
        if steps is not None:
            panel = panel.thresholds_style(GraphThresholdsStyleConfig().mode(common.GraphTresholdsStyleMode.DASHED))
        self._add(key, panel, queries, unit, steps or CALM, span, height)

    def bars(
        self, key: str, query: Query, *, x: str, unit: str = "short", span: int = 12, height: int = 8, stack: bool = False
    ) -> None:
        """A bar for each row, or a group of bars."""
        panel = (
            barchart.Panel()
            .x_field(x)
            .stacking(common.StackingMode.NORMAL if stack else common.StackingMode.NONE)
            .show_value(common.VisibilityMode.AUTO)
            .fill_opacity(80)
        )
        self._headings(panel, query, leave=(x,))
        self._add(key, panel, [query], unit, CALM, span, height)

    def gauges(
        self, key: str, query: Query, *, unit: str = "short", span: int = 8, height: int = 8, steps: Steps = CALM
    ) -> None:
        """A bar for each series, as it is now."""
        panel = (
            bargauge.Panel()
            .display_mode(common.BarGaugeDisplayMode.BASIC)
            .orientation(common.VizOrientation.HORIZONTAL)
            .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
            .min(0)
        )
        self._add(key, panel, [query], unit, steps, span, height)

    def pie(self, key: str, query: Query, *, span: int = 8, height: int = 8) -> None:
        """Parts of a whole."""
        panel = (
            piechart.Panel()
            .pie_type(PieChartType.DONUT)
            .reduce_options(ReduceDataOptions().values(True).calcs(["lastNotNull"]).fields(""))
            .legend(
                piechart.PieChartLegendOptions()
                .display_mode(common.LegendDisplayMode.TABLE)
                .placement(common.LegendPlacement.RIGHT)
                .show_legend(True)
            )
        )
        self._headings(panel, query)
        self._add(key, panel, [query], "short", CALM, span, height)

    def timeline(self, key: str, query: Query, *, span: int = 24, height: int = 7) -> None:
        """What held when."""
        panel = statetimeline.Panel().merge_values(True).show_value(common.VisibilityMode.NEVER).row_height(0.8)
        self._add(key, panel, [query], "short", ((None, "transparent"), (1, "red")), span, height)

    def table(self, key: str, query: Query, *, span: int = 24, height: int = 10) -> None:
        """Rows."""
        panel = table.Panel().show_header(True).cell_height(common.TableCellHeight.SM)
        self._headings(panel, query)
        self._add(key, panel, [query], "short", CALM, span, height)

    def map(self, key: str, query: Query, *, span: int = 12, height: int = 14) -> None:
        """Points on a map: columns latitude, longitude, and rank for the color."""
        style = {
            "color": {"field": "rank", "fixed": "red"},
            "opacity": 0.8,
            "size": {"fixed": 7, "min": 3, "max": 12},
            "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
        }
        layer = (
            MapLayerOptions()
            .type("markers")
            .name(self._texts["panels"][key]["title"])
            .config({"showLegend": False, "style": style})
            .location(
                FrameGeometrySource().mode(common.FrameGeometrySourceMode.COORDS).latitude("latitude").longitude("longitude")
            )
            .tooltip(True)
        )
        panel = (
            geomap.Panel()
            .view(MapViewConfig().id("fit").all_layers(True).padding(10).zoom(14))
            .basemap(MapLayerOptions().type("default").name("Layer 0"))
            .layers([layer])
        )
        self._headings(panel, query, leave=("latitude", "longitude", "rank"))
        self._add(key, panel, [query], "short", ((None, "dark-red"), (1, "orange"), (2, "yellow"), (3, "blue")), span, height)

    def _add(self, key: str, panel: Any, queries: Sequence[Query], unit: str, steps: Steps, span: int, height: int) -> None:
        self.used.add(key)
        texts = self._texts["panels"][key]
        sources = {type(query) for query in queries}
        if len(sources) != 1:
            raise ValueError(f"{self.key}.{key}: one data source a panel")
        self._panels += 1
        panel.id(self._panels).title(texts["title"]).description(texts["about"]).span(span).height(height).unit(unit)
        panel.datasource(DATABASE if sources == {Sql} else PROMETHEUS)
        panel.thresholds(
            ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(value, color) for value, color in steps])
        )
        for letter, query in zip("ABCDEF", queries, strict=False):
            panel.with_target(query.ref_id(letter))
        self._board.with_panel(panel)

    def _headings(self, panel: Any, query: Query, leave: Sequence[str] = ()) -> None:
        """Headings, units and words for codes, for the columns that the SQL has; `leave` those that the panel knows by name."""
        if not isinstance(query, Sql):
            return
        for name in columns(query.build().sql):
            if name in leave:
                continue
            panel.override_by_name(name, look(self.words, name))
