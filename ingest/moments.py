"""PURE: a device's idea of time to milliseconds since the epoch, UTC."""

from __future__ import annotations

import re
from datetime import datetime

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.times import to_ms

SECONDS_BELOW = 100_000_000_000
"""A number below this is seconds (up to the year 5138), else milliseconds (from 1973 on)."""
_NUMBER = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,9})?")
_LIMIT_MS = 253_402_300_800_000
"""The year 10000: beyond this there is no datetime."""


def moment_ms(value: object) -> int:
    """Milliseconds since the epoch of an ISO 8601 text with a zone, or of epoch seconds or milliseconds (number or digits).

    Raises PayloadError bad_time. A text without a zone is refused: nobody could tell what it means.
    """
    if type(value) is int or type(value) is float:
        return _from_number(value)
    if isinstance(value, str):
        return _from_text(value)
    raise PayloadError("bad_time", f"{_short(value)} is not a time")


def _from_number(value: float) -> int:
    ms = value * 1000 if -SECONDS_BELOW < value < SECONDS_BELOW else value
    if not -_LIMIT_MS < ms < _LIMIT_MS:
        raise PayloadError("bad_time", f"{_short(value)} is neither epoch seconds nor milliseconds")
    return round(ms)


def _from_text(value: str) -> int:
    if len(value) > 40:
        raise PayloadError("bad_time", f"{_short(value)} is not a time")
    if _NUMBER.fullmatch(value):
        return _from_number(float(value))
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise PayloadError("bad_time", f"{_short(value)} is not ISO 8601") from None
    if moment.tzinfo is None:
        raise PayloadError("bad_time", f"{_short(value)} has no zone: write {_short(value + 'Z')} if it is UTC")
    try:
        return to_ms(moment)
    except OverflowError:
        raise PayloadError("bad_time", f"{_short(value)} is beyond the calendar") from None


def _short(value: object) -> str:
    """At most 60 characters of a value for a message, without walking into deep structures."""
    return repr(value)[:60] if isinstance(value, str | int | float | bool | None) else type(value).__name__
