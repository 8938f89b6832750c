"""PURE. A notice as the body that Prometheus' Alertmanager sends to webhooks (version 4), for receivers that read that.

An order is one alert: firing from its dispatch until it is closed or cancelled. A message that carries several notices has one
alert for each; labels and annotations that all of them share stand in the common ones, as with Alertmanager.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from dispatch.channels.base import Message

SCHEMES: Mapping[str, str] = {"alertmanager+http": "http", "alertmanager+https": "https"}
"""scheme of the contact -> scheme of the address"""
OPEN_END = "0001-01-01T00:00:00Z"
"""How Alertmanager writes the end of an alert that has none."""

_OVER_STATES = frozenset({"closed", "cancelled"})
_LABELS = ("condition", "severity", "asset", "kind", "cause", "unit", "filing_item")


def address(target: str) -> str | None:
    """The address of a contact whose receiver wants this body; None for other contacts."""
    scheme, _, rest = target.partition(":")
    plain = SCHEMES.get(scheme.lower())
    return f"{plain}:{rest}" if plain else None


def body(message: Message, *, city: str, public_url: str | None = None) -> dict[str, Any]:
    """The body of a message."""
    given: Sequence[Mapping[str, Any]] = message.data.get("notices") or [message.data]
    alerts = [_alert(facts, message, city, public_url) for facts in given]
    firing = [alert for alert in alerts if alert["status"] == "firing"]
    orders = sorted(str(facts.get("number", "")) for facts in given)
    group = {"city": city} if len(given) > 1 else {"city": city, "order": orders[0]}
    return {
        "version": "4",
        "groupKey": "{}:{" + ", ".join(f'{key}="{value}"' for key, value in sorted(group.items())) + "}",
        "truncatedAlerts": 0,
        "status": "firing" if firing else "resolved",
        "receiver": str(given[0].get("unit") or "citybrain"),
        "groupLabels": group,
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": public_url or "",
        "alerts": alerts,
    }


def _alert(facts: Mapping[str, Any], message: Message, city: str, public_url: str | None) -> dict[str, Any]:
    purpose = str(facts.get("purpose") or message.purpose)
    over = purpose in _OVER_STATES or facts.get("state") in _OVER_STATES
    number = str(facts.get("number", ""))
    # a receiver matches the end with the beginning by the labels: what was said last is an annotation
    labels = {"alertname": str(facts.get("condition") or purpose), "city": city, "order": number}
    labels |= {key: str(facts[key]) for key in _LABELS if facts.get(key)}
    summary = {} if "notices" in message.data else {"summary": message.subject, "description": message.text}
    annotations = summary | {key: str(facts[key]) for key in ("due_at", "name", "reason") if facts.get(key)}
    begin = str(facts.get("dispatched_at") or message.created_at.isoformat())
    return {
        "status": "resolved" if over else "firing",
        "labels": labels,
        "annotations": annotations | {"purpose": purpose},
        "startsAt": begin,
        "endsAt": message.created_at.isoformat() if over else OPEN_END,
        "generatorURL": f"{public_url.rstrip('/')}/api/orders/{number}" if public_url else "",
        "fingerprint": hashlib.sha256(f"{city}\n{facts.get('order', '')}".encode()).hexdigest()[:16],
    }


def _common(of_each: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first = of_each[0]
    return {key: value for key, value in first.items() if all(one.get(key) == value for one in of_each)}
