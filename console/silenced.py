"""Which silence covers an alert of a list, and how long still."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Asset
from citybrain.store import register as register_store
from citybrain.store.db import Row, Tx
from dispatch import quiet
from dispatch.silences import Silence


def with_silences(tx: Tx, rows: Sequence[Row], infos: Mapping[str, ConditionInfo], now: datetime) -> list[Row]:
    """The same rows of alerts with `silenced_by`: None, or number, sort, author, reason, ends_at and remaining_s of the silence
    over the key of the alert. Two queries for a page, one where nothing is silenced."""
    force = quiet.in_force(tx, now)
    live = (
        [row for row in rows if row["phase"] != "resolved" and not row["withdrawn"] and not row["past"]] if force.count else []
    )
    assets = register_store.assets_by_id(tx, sorted({row["asset"] for row in live})) if live else {}
    found: dict[object, Silence] = {}
    for row in live:
        asset = assets.get(row["asset"]) or Asset(id=row["asset"], kind=row["kind"], provisional=True)
        silence = force.of_alert(asset, _info(row, infos), row["severity"])
        if silence is not None:
            found[row["id"]] = silence
    return [{**row, "silenced_by": _shown(found.get(row["id"]), now)} for row in rows]


def _live(row: Row) -> bool:
    return row["phase"] != "resolved" and not row["withdrawn"] and not row["past"]


def _info(row: Row, infos: Mapping[str, ConditionInfo]) -> ConditionInfo:
    name = row["condition"]
    return infos.get(name) or ConditionInfo(name, row["kind"], row["severity"], cause=name.lower(), filing=None, verify_s=3600)


def _shown(silence: Silence | None, now: datetime) -> dict[str, Any] | None:
    if silence is None:
        return None
    end = silence.ends_at
    return {
        "number": silence.number,
        "sort": silence.sort,
        "author": silence.author,
        "reason": silence.reason,
        "ends_at": end,
        "remaining_s": float((end - now).total_seconds()) if end else None,
    }
