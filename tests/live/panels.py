"""What Grafana does before panels are drawn: variables, macros, queries; done here against the real servers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg

from tests.docs.markdown import ROOT

JSON = ROOT / "ops" / "grafana" / "dashboards" / "json"
PROMETHEUS, DATABASE = "citybrain-prometheus", "citybrain-database"


class Query(NamedTuple):
    """One query of one panel."""

    board: str
    panel: str
    target: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.board} / {self.panel} {self.target['refId']}"

    @property
    def text(self) -> str:
        """The query as it is written."""
        return str(self.target["rawSql"] if self.of_database else self.target["expr"])

    @property
    def of_database(self) -> bool:
        return bool(self.target["datasource"]["uid"] == DATABASE)


class Dashboard:
    """A dashboard as it is provisioned."""

    def __init__(self, file: Path) -> None:
        self.content: dict[str, Any] = json.loads(file.read_text("utf-8"))
        self.name = f"{file.parent.name}/{file.stem}"

    def variables(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self.content.get("templating", {}).get("list", [])
        return found

    def queries(self) -> Iterator[Query]:
        """Every query of every panel, also in rows that are folded."""
        panels = list(self.content["panels"])
        while panels:
            panel = panels.pop(0)
            panels = [*panel.get("panels", ()), *panels]
            if panel["type"] == "row":
                continue
            assert panel.get("targets"), f"{self.name}: {panel['title']} asks for nothing"
            for target in panel["targets"]:
                yield Query(self.name, panel["title"], target)


def dashboards(language: str) -> list[Dashboard]:
    """All of one language."""
    return [Dashboard(file) for file in sorted((JSON / language).glob("*.json"))]


@dataclass
class View:
    """The time that is shown, and the values of the variables. `interval_s` is that of a point on the screen."""

    begin: datetime
    end: datetime
    interval_s: float
    values: dict[str, list[str]] = field(default_factory=dict)
    scrape_s: float = 15

    def text(self, query: str) -> str:
        """A query with its variables and the general macros filled in."""
        rate_s = max(self.interval_s + self.scrape_s, 4 * self.scrape_s)
        for name, value in (
            ("__rate_interval", f"{rate_s:g}s"),
            ("__interval_ms", f"{self.interval_s * 1000:.0f}"),
            ("__interval", f"{self.interval_s:g}s"),
            ("__range", f"{(self.end - self.begin).total_seconds():.0f}s"),
            ("__searchFilter", "%"),
        ):
            query = re.sub(rf"\$({name}\b|\{{{name}\}})", value, query)
        for name, chosen in self.values.items():
            quoted = ",".join("'" + one.replace("'", "''") + "'" for one in chosen)
            query = query.replace(f"${{{name}:sqlstring}}", quoted)
            query = query.replace(
                f"${{{name}:regex}}", "(" + "|".join(re.escape(one).replace("\\", "\\\\") for one in chosen) + ")"
            )
        return query

    def sql(self, query: str) -> str:
        """The macros of the PostgreSQL data source as well. Arguments end at the first parenthesis, as they do in Grafana."""
        begin, end = (f"'{at.astimezone(UTC).isoformat().replace('+00:00', 'Z')}'" for at in (self.begin, self.end))

        def macro(match: re.Match[str]) -> str:
            name, words = match[1], [word.strip() for word in match[2].split(",")]
            if name == "timeFilter":
                return f"{words[0]} BETWEEN {begin} AND {end}"
            if name in {"timeFrom", "timeTo"}:
                return begin if name == "timeFrom" else end
            if name in {"timeGroup", "timeGroupAlias"}:
                seconds = _seconds(words[1])
                alias = ' AS "time"' if name == "timeGroupAlias" else ""
                return f"floor(extract(epoch from {words[0]})/{seconds:g})*{seconds:g}{alias}"
            raise AssertionError(f"no macro ${match[1]}")

        found = re.sub(r"\$__(\w+)\(([^)]*)\)", macro, self.text(query))
        left = re.search(r"\$[_a-zA-Z{]\w*", found)
        assert left is None, f"nothing fills in {left[0] if left else ''}"
        return found

    def promql(self, query: str) -> str:
        """A PromQL query ready to be asked."""
        found = self.text(query)
        assert "$" not in found, f"nothing fills in a variable of {found}"
        return found


def _seconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(\w+)", text.strip("'")).groups()
    return float(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[unit]


class Eyes:
    """Looks at panels: a database and a Prometheus."""

    def __init__(self, database_url: str, prometheus_url: str) -> None:
        self._database_url, self._prometheus_url = database_url, prometheus_url

    def choose(self, board: Dashboard, view: View, given: Mapping[str, str]) -> None:
        """Fill in the variables of a dashboard, one after the other: what is given, the first value, or all of them."""
        for variable in board.variables():
            name = str(variable["name"])
            if name in given:
                view.values[name] = [given[name]]
                continue
            rows = self.rows(view.sql(variable["query"]))
            values = [str(row.get("__value", next(iter(row.values())))) for row in rows]
            assert values, f"{board.name}: variable {name} has no value"
            view.values[name] = values if variable["multi"] else values[:1]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows as the reader of Grafana gets them."""
        with psycopg.connect(self._database_url, row_factory=psycopg.rows.dict_row, autocommit=True) as conn:
            conn.execute("SET default_transaction_read_only = on")
            conn.execute("SET statement_timeout = '30s'")
            return conn.execute(sql).fetchall()

    def fault(self, query: Query, view: View) -> str:
        """What is wrong with a panel's query: it fails, or it shows nothing; "" when all is well."""
        try:
            shown = self._of_database(query, view) if query.of_database else self._of_prometheus(query, view)
        except (psycopg.Error, httpx.HTTPError, AssertionError) as error:
            return f"{query.name}: {type(error).__name__}: {error}"
        return "" if shown else f"{query.name}: shows nothing"

    def _of_database(self, query: Query, view: View) -> bool:
        rows = self.rows(view.sql(query.target["rawSql"]))
        if query.target["format"] != "time_series":
            return any(value is not None for row in rows for value in row.values())
        assert all("time" in row for row in rows), "a series needs a column `time`"
        return any(isinstance(row["time"], datetime | float | int | Decimal) and _numbers(row) for row in rows)

    def _of_prometheus(self, query: Query, view: View) -> bool:
        expression = view.promql(query.target["expr"])
        if query.target.get("instant"):
            where, more = "query", {"time": view.end.timestamp()}
        else:
            begin, end = view.begin.timestamp(), view.end.timestamp()
            where, more = "query_range", {"start": begin, "end": end, "step": view.interval_s}
        answer = httpx.get(f"{self._prometheus_url}/api/v1/{where}", params={"query": expression, **more}, timeout=20).json()
        assert answer["status"] == "success", f"{expression}: {answer.get('error')}"
        samples: Sequence[Any] = [
            sample for series in answer["data"]["result"] for sample in (series.get("values") or [series["value"]])
        ]
        return any(not math.isnan(float(value)) for _, value in samples)


def _numbers(row: Mapping[str, Any]) -> bool:
    return any(value is not None and not isinstance(value, str) for name, value in row.items() if name != "time")
