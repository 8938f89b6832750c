"""PURE: the state of a shard of the embedded runtime as the state of a partition of the cluster's log.

A shard and a partition hold the same engine, so its bytes go over as they are. Beside them a partition keeps the time that its
rules were shown, and which assets wait to be judged again; the embedded runtime has both elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from citybrain.kernel.ids import shard_of
from rules import checkpoint
from rules.engine import VERSION
from rules.partition import Snapshot
from rules.rain import RainHistory
from rules.watermark import Watermark

EMPTY = checkpoint.write((), RainHistory(), VERSION)
"""the state of a shard that has heard nothing"""


def shown_ms(surveys: Iterable[checkpoint.Survey], last_tick_ms: int) -> int:
    """A time that the rules of all shards were shown: of the last tick in the log, or of the last timer that did anything.

    They may have been shown a later time, at which nothing was due: so judging an asset again up to here undoes nothing. Never
    from readings: a device whose clock is fast would hold the cluster's time up.
    """
    return max([last_tick_ms, *(one.timer_ms for one in surveys)])


def late_by_shard(waiting: Iterable[tuple[str, int]]) -> dict[int, dict[str, int]]:
    """Assets that wait to be judged again, with the time (ms) of their oldest late reading, by shard."""
    found: dict[int, dict[str, int]] = {}
    for asset, since_ms in waiting:
        found.setdefault(shard_of(asset), {})[asset] = since_ms
    return found


def snapshot(state: bytes, version: str, rulebook: str, *, next: int, shown_ms: int, late: Mapping[str, int]) -> Snapshot:
    """The state of a partition whose records below `next` are all in the state of the shard."""
    watermark = Watermark()
    watermark.shown_ms = shown_ms
    head = {"watermark": watermark.dump(), "grown": [], "late": dict(sorted(late.items()))}
    return Snapshot(next, version, rulebook, head, state)
