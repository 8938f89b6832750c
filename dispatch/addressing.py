"""PURE. Notices as rows of the outbox: one for each contact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Unit
from dispatch.notices import Target, channel_of, notice_id


class Subject(NamedTuple):
    """What a notice is about, as far as it does not change. What changes is read when it is sent."""

    order_id: str
    state: str
    unit: str
    turn: str
    """How often the order was returned, reworked and reopened: tells repeated notices apart."""


def subject_of(order: Mapping[str, Any]) -> Subject:
    """The subject that is an order's row."""
    again = f".{order['reopens']}" if order.get("reopens") else ""
    return Subject(str(order["id"]), order["state"], order["unit"], f"{order['returns']}.{order['reworks']}{again}")


def rows(
    about: Subject, purpose: str, targets: Iterable[str | Target], *, unit: Unit | None, info: ConditionInfo | None,
    reason: str, now: datetime, step: int | None = None, severity: str | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """One row of the outbox for each target. `step` is that of a policy, `severity` that of the case."""
    body: Mapping[str, Any] = {
        "unit": about.unit,
        "unit_name": unit.name if unit else about.unit,
        "unit_name_zh": (unit.name_zh or unit.name) if unit else about.unit,
        "timezone": unit.timezone if unit else "UTC",
        "title_en": info.title_en if info else "",
        "title_zh": info.title_zh if info else "",
        "reason": reason,
    }
    known = {one.url: one for one in (Target(item) if isinstance(item, str) else item for item in targets)}
    return [
        {
            "id": notice_id(about.order_id, purpose, url, about.turn),
            "channel": channel_of(url),
            "target": url,
            "purpose": purpose,
            "order_id": about.order_id,
            "order_state": about.state,
            "body": {**body, "language": one.language} if one.language else body,
            "created_at": now,
            "person": one.person,
            "step": step,
            "severity": severity,
        }
        for url, one in known.items()
    ]
