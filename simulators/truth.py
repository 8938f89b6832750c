"""The truth about a simulated city: what was done to it, where, from when to when, and what may rightly be noticed.

PURE. `dumps` and `loads` write it beside a run as JSON lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that happened. Times are ms since the epoch, UTC.

    `real` is False for what only looks like a fault (traffic over a cover, a storm). Detected means: one of `conditions` is
    raised on one of `assets`. `sides` may be raised as well, on `assets` and on `side_assets`, and is then neither detection
    nor false.
    """

    id: str
    name: str
    asset: str
    """Where the repair is: the cabinet of a tripped feeder, the gateway of silent devices."""
    assets: tuple[str, ...]
    conditions: tuple[str, ...]
    from_ms: int
    detect_by_ms: int
    """By when it should be noticed: the physical bound of its kind plus the dwell of the rulebook."""
    to_ms: int | None = None
    real: bool = True
    expects_order: bool = True
    sides: tuple[str, ...] = ()
    side_assets: tuple[str, ...] = ()
    aftermath_ms: int = 0
    """Alerts with an onset so long after the end still belong to it."""

    def ended(self, to_ms: int) -> Fault:
        """The same fault with an end."""
        return replace(self, to_ms=to_ms)


def dumps(faults: Iterable[Fault]) -> bytes:
    """The truth as JSON lines, in the order given."""
    return b"".join(orjson.dumps(fault) + b"\n" for fault in faults)


def loads(lines: bytes) -> tuple[Fault, ...]:
    """The truth from JSON lines. Raises ValueError (of the JSON) or TypeError (a key that is not known)."""
    faults = []
    for line in lines.splitlines():
        row: dict[str, Any] = orjson.loads(line)
        for key in ("assets", "conditions", "sides", "side_assets"):
            row[key] = tuple(row.get(key, ()))
        faults.append(Fault(**row))
    return tuple(faults)
