"""PURE: headers of a record: CloudEvents 1.0 in binary mode (Kafka protocol binding), the schema's version, the trace."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

Headers = list[tuple[str, bytes]]

SCHEMA: Final = "1"
JSON: Final = b"application/json"
TYPES: Final = {
    "readings": "city.readings.v1",
    "tick": "city.tick.v1",
    "alert": "city.alert.v1",
    "rejected": "city.rejected.v1",
    "register": "city.register.v1",
}
"""what a record is -> its CloudEvents type"""


def headers(
    what: str, *, id: str, source: str, at: datetime, traceparent: str = "", content_type: bytes = JSON, **more: str
) -> Headers:
    """The headers of one record. `what` is a key of TYPES, `at` aware UTC; `more` are further headers by name."""
    found: Headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", TYPES[what].encode()),
        ("ce_time", at.isoformat(timespec="milliseconds").encode()),
        ("content-type", content_type),
        ("schema", SCHEMA.encode()),
    ]
    if traceparent:
        found.append(("traceparent", traceparent.encode()))
    found += [(name, value.encode("utf-8", "replace")) for name, value in more.items()]
    return found


def value_of(found: Iterable[tuple[str, bytes]] | None, name: str) -> str:
    """The text of a header; "" when it is not there."""
    for key, value in found or ():
        if key == name and value is not None:
            return value.decode("utf-8", "replace")
    return ""
