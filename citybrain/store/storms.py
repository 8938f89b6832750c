"""Storms in the database: which districts have one, and in which order the drains of a catchment are worked on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from citybrain.kernel.ids import derived_id
from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("storms")


def on(tx: Tx) -> dict[str, Row]:
    """The storms that are on, by district."""
    return {row["district"]: row for row in tx.all(_SQL["on"])}


def open_load(tx: Tx, cause: str) -> dict[str, int]:
    """How many open cases the crews of each district have before them; each drain of a case of `cause` counts."""
    return {row["district"]: row["n"] for row in tx.all(_SQL["load"], cause=cause)}


def begin(tx: Tx, district: str, *, at: datetime, cases: int, capacity: float, reason: str) -> bool:
    """A storm begins; False when one is on in that district already."""
    storm = derived_id("storm", district, at.isoformat())
    return bool(tx.all(_SQL["begin"], id=storm, district=district, at=at, cases=cases, capacity=capacity, reason=reason))


def step(tx: Tx, storm: Any, *, calm_since: datetime | None, ended_at: datetime | None, reason: str) -> None:
    """How a storm stands now."""
    tx.run(_SQL["step"], id=storm, calm_since=calm_since, ended_at=ended_at, reason=reason)


def untouched(
    tx: Tx, districts: Collection[str], *, kinds: Collection[str], causes: Collection[str], limit: int = 500
) -> list[Row]:
    """Open cases in these districts whose order nobody has taken yet: `id`, `asset`, `catchment`, in order of catchment."""
    return tx.all(
        _SQL["untouched"], districts=sorted(districts), kinds=sorted(kinds), causes=sorted(causes), limit=limit
    )  # fmt: skip


def catchments(tx: Tx, cause: str) -> dict[str, str]:
    """Open cases of catchments: case -> catchment."""
    return {str(row["id"]): row["asset"] for row in tx.all(_SQL["catchments"], cause=cause)}


def room(tx: Tx, assets: Collection[str], since: datetime) -> dict[str, float]:
    """The newest room below the rim of some assets (mm), where one was told since a moment."""
    return {row["asset"]: row["value"] for row in tx.all(_SQL["room"], assets=sorted(assets), since=since)}


def rank(tx: Tx, case_id: str, ranks: Sequence[dict[str, Any]], at: datetime) -> None:
    """Put the ranks (asset, rank, points, why) of a case in the place of those before. The caller holds the case."""
    tx.run(_SQL["unrank"], case_id=case_id)
    tx.run(_SQL["rank"], case_id=case_id, ranks=Jsonb(list(ranks)), at=at)


def ranks(tx: Tx, case_id: str) -> list[Row]:
    """The drains of a case, in the order in which they are worked on."""
    return tx.all(_SQL["ranks"], case_id=case_id)


def history(tx: Tx, limit: int = 100) -> list[Row]:
    """Storms, newest first."""
    return tx.all(_SQL["all"], limit=limit)
