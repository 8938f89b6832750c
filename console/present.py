"""PURE: rows of the database -> shapes of the API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from citybrain.kernel.conditions import ConditionInfo
from console.models import Alert, AlertDetail, AssetDetail, Case, CaseDetail, Order, OrderDetail, Quarantined, Title
from dispatch.orders import FINAL

Row = Mapping[str, Any]
Infos = Mapping[str, ConditionInfo]


def title(condition: str, infos: Infos) -> Title:
    """The condition in words; its id where the rulebook does not know it any more."""
    info = infos.get(condition)
    return Title(en=info.title("en"), zh=info.title("zh")) if info else Title(en=condition, zh=condition)


def alert(row: Row, infos: Infos) -> Alert:
    """An alert of a list."""
    return Alert.model_validate({**row, "title": title(row["condition"], infos)})


def alert_detail(row: Row, infos: Infos) -> AlertDetail:
    """An alert with its changes."""
    return AlertDetail.model_validate({**row, "title": title(row["condition"], infos)})


def remaining_s(row: Row, now: datetime) -> float | None:
    """Seconds until the limit of an order; None when the order is over."""
    return None if row["state"] in FINAL else float((row["due_at"] - now).total_seconds())


def order(row: Row, infos: Infos, now: datetime) -> Order:
    """An order of a list."""
    return Order.model_validate({**row, "title": title(row["condition"], infos), "remaining_s": remaining_s(row, now)})


def order_detail(row: Row, infos: Infos, now: datetime) -> OrderDetail:
    """An order with its moves."""
    return OrderDetail.model_validate({**row, "title": title(row["condition"], infos), "remaining_s": remaining_s(row, now)})


def case(row: Row, infos: Infos) -> Case:
    """A case of a list."""
    return Case.model_validate({**row, "title": title(row["condition"], infos)})


def case_detail(row: Row, infos: Infos, now: datetime) -> CaseDetail:
    """A case with its alerts and orders."""
    inner = {
        "title": title(row["condition"], infos),
        "alerts": [alert(one, infos) for one in row["alerts"]],
        "orders": [order(one, infos, now) for one in row["orders"]],
    }
    return CaseDetail.model_validate({**row, **inner})


def asset(row: Row, infos: Infos, now: datetime) -> AssetDetail:
    """An asset with all about it."""
    inner = {
        "alerts": [alert(one, infos) for one in row["alerts"]],
        "orders": [order(one, infos, now) for one in row["orders"]],
    }
    return AssetDetail.model_validate({**row, **inner})


def quarantined(row: Row) -> Quarantined:
    """A message in quarantine with the beginning of its bytes as text."""
    return Quarantined.model_validate({**row, "preview": preview(bytes(row["payload"]))})


def preview(payload: bytes, size: int = 200, *, keep: str = "") -> str:
    """The first bytes as text; bytes that are not UTF-8 and control characters (but for those in `keep`) are escaped."""
    text = payload[:size].decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() or char in keep else char.encode("unicode_escape").decode() for char in text)
