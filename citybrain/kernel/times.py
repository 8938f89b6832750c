"""Times: aware UTC datetimes at the edges, integer milliseconds since the Unix epoch (UTC) on the hot path."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware datetime. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"naive datetime {moment!r}: give an aware one, such as {moment.isoformat()}+00:00")
    return (moment - EPOCH) // _MS


def from_ms(ms: int) -> datetime:
    """The aware UTC datetime of milliseconds since the epoch."""
    return EPOCH + timedelta(milliseconds=ms)


def iso(ms: int) -> str:
    """RFC 3339 text with milliseconds, `2026-03-02T11:21:06.771Z`."""
    return from_ms(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
