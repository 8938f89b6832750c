"""Times and spans as people write them on the command line."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from citybrain.kernel.errors import InputError

_PART = re.compile(r"(\d+)([wdhm])")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}

Zone = Annotated[
    str,
    typer.Option(
        "--zone", help="Time zone of times without one, such as Asia/Shanghai; default: TZ, else UTC.", show_default=False
    ),
]


def length(option: str, given: str) -> timedelta:
    """`2h`, `1d12h`, `90m` as a span. Raises InputError."""
    parts = _PART.findall(given)
    if not parts or "".join(number + unit for number, unit in parts) != given:
        raise InputError(f"{option} {given!r}: write it as 90m, 2h, 1d12h or 2w")
    try:
        return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    except OverflowError:
        raise InputError(f"{option} {given!r}: longer than anything") from None


def zone_of(given: str) -> ZoneInfo:
    """The time zone that was given, else that of the environment, else UTC. Raises InputError."""
    try:
        return ZoneInfo(given or os.environ.get("TZ") or "UTC")
    except (OSError, ValueError, KeyError):
        if given:
            raise InputError(f"--zone {given!r}: no such time zone; give one such as Asia/Shanghai or UTC") from None
        return ZoneInfo("UTC")


def moment(option: str, given: str, zone: ZoneInfo) -> datetime:
    """A time as UTC: with its own offset, or in `zone`. Raises InputError."""
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise InputError(f"{option} {given!r}: write it as 2026-03-02T22:00 or 2026-03-02T22:00+08:00") from None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def span(begin: str | None, until: str | None, for_: str | None, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """From --from (else now) until --until or for --for, as UTC. Raises InputError, also when not exactly one says the end."""
    if (for_ is None) == (until is None):
        raise InputError("say until when: by --for or by --until")
    start = moment("--from", begin, zone) if begin is not None else now.astimezone(UTC)
    return start, start + length("--for", for_) if for_ is not None else moment("--until", until or "", zone)
