"""The two kinds of queries: PromQL, and SQL from the files beside this."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

PROMETHEUS = DataSourceRef("prometheus", "citybrain-prometheus")
DATABASE = DataSourceRef("grafana-postgresql-datasource", "citybrain-database")
PromQuery = prometheus.Dataquery
_FOLDER = Path(__file__).parent / "sql"
_BLOCK = re.compile(r"^-- (\w+): .+$", re.MULTILINE)
_UNIT = {"en": "coalesce(u.name, '')", "zh": "coalesce(nullif(u.name_zh, ''), u.name, '')"}


def load(name: str, language: str) -> dict[str, str]:
    """The blocks of a file, by name; none when there is no file. `@unit_name` is the name of the unit `u` in the language."""
    file = _FOLDER / f"{name}.sql"
    parts = _BLOCK.split(file.read_text("utf-8") if file.is_file() else "")
    names, texts = parts[1::2], parts[2::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{name}.sql has two blocks of one name")
    return {block: text.strip().replace("@unit_name", _UNIT[language]) for block, text in zip(names, texts, strict=True)}


def columns(sql: str) -> list[str]:
    """The names of the columns that a SELECT gives (of the first, in a UNION)."""
    items, depth, begin = list[str](), 0, len("SELECT")
    for match in re.finditer(r"[(),]|\bFROM\b", sql):
        if match[0] in "()":
            depth += 1 if match[0] == "(" else -1
        elif depth == 0:
            items.append(sql[begin : match.start()])
            begin = match.end()
            if match[0] == "FROM":
                break
    return [found[-1] for item in items if (found := re.findall(r"\w+", item))]


class SqlQuery(Dataquery):
    """A query of Grafana's PostgreSQL data source; the library has no model of it."""

    def __init__(self, sql: str, series: bool) -> None:
        self.ref_id, self.sql, self.series = "", sql, series

    def to_json(self) -> dict[str, Any]:
        """As Grafana stores it."""
        return {
            "refId": self.ref_id,
            "datasource": DATABASE,
            "editorMode": "code",
            "format": "time_series" if self.series else "table",
            "rawQuery": True,
            "rawSql": self.sql,
        }


class Sql(Builder[SqlQuery]):
    """`series`: the rows have a column `time`."""

    def __init__(self, sql: str, *, series: bool = False) -> None:
        self._query = SqlQuery(sql, series)

    def ref_id(self, name: str) -> Sql:
        """Its letter within the panel."""
        self._query.ref_id = name
        return self

    def build(self) -> SqlQuery:
        """The query."""
        return self._query


def prom(expr: str, legend: str = "__auto", *, instant: bool = False) -> PromQuery:
    """A PromQL query; `instant`: as it is now, not over the time shown."""
    query = PromQuery().expr(expr).legend_format(legend).datasource(PROMETHEUS)
    if instant:
        return query.instant().format(PromQueryFormat.TIME_SERIES)
    return query.range()
