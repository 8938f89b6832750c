"""PURE. The words of notices: one alone, or several as one message with a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from citybrain.kernel.ids import derived_id
from citybrain.text import code_text, text
from dispatch.arithmetic import duration
from dispatch.channels.base import Message
from dispatch.notices import PERSONAL

Row = Mapping[str, Any]

BUNDLE = "bundle"
"""The purpose of a message that carries several notices."""
_LINES = 20
"""So many notices stand in the list of one message; the rest is counted."""


def compose(
    notice: Row, order: Row, language: str, now: datetime, machine_now: datetime, *,
    links: Mapping[str, str] | None = None, replaces: str | None = None,
) -> Message:  # fmt: skip
    """The message of a notice: what was known when it was written, and the order as it is now.

    `links`: verb -> address of a page where it is done without a login.
    """
    purpose, facts = notice["purpose"], _facts(notice, order)
    area = _area(purpose)
    values = _values(notice, order, facts, language, now)
    lines = tuple(text(f"notices.link_{verb}", language, url=url) for verb, url in (links or {}).items())
    return Message(
        id=str(notice["id"]),
        purpose=purpose,
        target=notice["target"],
        subject=text(f"{area}.{purpose}_subject", language, **values),
        text="\n".join(
            (
                text(f"{area}.{purpose}_text", language, **values),
                *_unowned(purpose, order, language),
                *_span(order, language),
                *lines,
            )
        ),
        data=facts | ({"links": dict(links)} if links else {}),
        created_at=notice["created_at"].astimezone(UTC),
        sent_at=machine_now,
        replaces=replaces,
        language=language,
        links=lines,
    )


def compose_bundle(
    notices: Sequence[Row], orders: Mapping[object, Row], language: str, now: datetime, machine_now: datetime
) -> Message:
    """One message for several notices to one target, the gravest first. Its key is its own: the target may have seen the
    first notice alone, in an attempt that did not come to its end."""
    lead = notices[0]
    ranked = sorted(notices, key=lambda one: (_rank(orders.get(one["order_id"])), one["created_at"], one["id"]))
    subjects = [_subject(one, orders.get(one["order_id"]) or {}, language, now) for one in ranked[:_LINES]]
    more = len(ranked) - len(subjects)
    lines = [text("notices.bundle_line", language, subject=subject) for subject in subjects]
    if more:
        lines.append(text("notices.bundle_more", language, more=more))
    return Message(
        id=derived_id(BUNDLE, str(lead["id"])),
        purpose=BUNDLE,
        target=lead["target"],
        subject=text("notices.bundle_subject", language, count=len(ranked), first=subjects[0]),
        text="\n".join([text("notices.bundle_text", language, count=len(ranked)), *lines]),
        data={
            "purpose": BUNDLE,
            "count": len(ranked),
            "notices": [_facts(one, orders.get(one["order_id"]) or {}) | {"notice": str(one["id"])} for one in ranked],
        },
        created_at=lead["created_at"].astimezone(UTC),
        sent_at=machine_now,
        language=language,
    )


def _subject(notice: Row, order: Row, language: str, now: datetime) -> str:
    values = _values(notice, order, _facts(notice, order), language, now)
    return text(f"{_area(notice['purpose'])}.{notice['purpose']}_subject", language, **values)


def _area(purpose: str) -> str:
    """Where the words of a purpose stand: those to people about their duty apart from those about orders."""
    return "people" if purpose in PERSONAL else "dispatch"


def _values(notice: Row, order: Row, facts: Mapping[str, Any], language: str, now: datetime) -> dict[str, object]:
    body = notice["body"]
    due: datetime | None = order.get("due_at")
    left = abs(due - now) if due else timedelta(0)
    return {
        **{key: facts.get(key) or "" for key in ("number", "asset", "condition", "children")},
        "severity": code_text("console.severity_", facts.get("severity") or "", language),
        "reason": code_text("orders.reason_", facts.get("reason") or "", language),
        "title": body.get(f"title_{language}") or facts.get("condition") or "",
        "place": order.get("asset_name") or facts.get("asset") or "",
        "unit": (body.get("unit_name_zh") if language == "zh" else body.get("unit_name")) or facts.get("unit") or "",
        "due": due.astimezone(_zone(body.get("timezone"))).strftime("%Y-%m-%d %H:%M %Z") if due else "",
        "left": duration(timedelta(minutes=left // timedelta(minutes=1)), language),
        # what only some notices say: until when somebody decides, since when nothing came
        **{key: _moment(body.get(key), body.get("timezone")) for key in ("until", "since")},
        # who writes to a person says in both languages what it is about
        **body.get("words", {}).get(language, {}),
    }


def _unowned(purpose: str, order: Row, language: str) -> tuple[str, ...]:
    """Who gets an order because nobody owns the asset is told so."""
    unowned = purpose == "dispatched" and order.get("found_by") in {"guardian", "unassigned"}
    return (text("notices.no_owner", language),) if unowned else ()


def _span(order: Row, language: str) -> tuple[str, ...]:
    """Where the cable is cut, when the poles of a feeder tell."""
    span = order.get("span")
    return (text("notices.span", language, **span),) if span else ()


def _moment(given: str | None, zone: str | None) -> str:
    return datetime.fromisoformat(given).astimezone(_zone(zone)).strftime("%Y-%m-%d %H:%M %Z") if given else ""


def _facts(notice: Row, order: Row) -> dict[str, Any]:
    hidden = {"asset_name", "unit"} if order.get("span") else {"asset_name", "unit", "span"}
    facts = {key: value for key, value in order.items() if key not in hidden}
    facts |= {
        "order": str(notice["order_id"] or ""),
        "purpose": notice["purpose"],
        "unit": notice["body"]["unit"],
        "name": order.get("asset_name") or "",
        "reason": notice["body"].get("reason", ""),
    }
    return {key: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for key, value in facts.items()}


_RANKS = ("critical", "major", "minor", "warning")


def _rank(order: Row | None) -> int:
    severity = (order or {}).get("severity")
    return _RANKS.index(severity) if severity in _RANKS else len(_RANKS)


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (OSError, ValueError, KeyError):
        return ZoneInfo("UTC")
