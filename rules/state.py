"""PURE: what an engine remembers of one asset, and how it knows a message that it has heard before."""

from __future__ import annotations

from array import array
from typing import Final

from rules.detectors.base import Memory
from rules.lifecycle import Episode
from rules.plan import Plan

NEVER: Final = 1 << 62
"""A time that does not come (ms)."""

REMEMBERED: Final = 8
"""Messages an asset is known by, at least."""
MOST_REMEMBERED: Final = 128
"""And at most, where the window of its device is long."""

_EMPTY: Final = array("q", [-NEVER, 0] * REMEMBERED)


class AssetState:
    """One object and two arrays an asset: there are hundreds of thousands of them."""

    __slots__ = ("active", "due", "floor", "id", "memory", "newest", "plan", "pos", "ring")

    def __init__(self, asset: str, plan: Plan, memory: Memory, at_ms: int) -> None:
        self.id = asset
        self.plan = plan
        self.memory = memory
        self.newest = at_ms
        """Observed time of the newest reading."""
        self.floor = at_ms - 1
        """A reading older than this is late: the newest reading, or the last timer that did something."""
        self.due = NEVER
        """No timer of this asset is due before; its entry in the heap of the engine says the same."""
        self.ring = _EMPTY[:]
        """Observed time and key of the last messages, in a ring."""
        self.pos = 0
        self.active: dict[str, Episode] | None = None
        """Episodes that are not at rest, by condition."""

    def remember(self, at_ms: int, key: int) -> None:
        """Puts a message into the ring."""
        pos = self.pos
        self.ring[pos] = at_ms
        self.ring[pos + 1] = key
        self.pos = (pos + 2) % len(self.ring)

    def remember_aside(self, at_ms: int, key: int) -> None:
        """Puts a message that is not judged into the ring, but not over one of the newest time, which only the ring knows."""
        for _ in range(0, len(self.ring), 2):
            if self.ring[self.pos] < self.newest:
                self.remember(at_ms, key)
                return
            self.pos = (self.pos + 2) % len(self.ring)

    def make_room(self, window_ms: int, at_ms: int) -> None:
        """Doubles the ring when the message to be forgotten next is still within its device's window, or of this moment."""
        ring, pos = self.ring, self.pos
        if ring[pos] >= at_ms - window_ms and len(ring) < 2 * MOST_REMEMBERED:
            self.ring = ring[pos:] + ring[:pos] + _EMPTY[:] * (len(ring) // len(_EMPTY))
            self.pos = len(ring)

    def heard_before(self, at_ms: int, key: int, window_ms: int) -> bool:
        """Whether this is a repeat: the same key at the same time, or up to the window after a remembered one."""
        ring = self.ring
        return any(key == ring[i + 1] and 0 <= at_ms - ring[i] <= window_ms for i in range(0, len(ring), 2))

    def out_of_order(self, at_ms: int, key: int) -> bool:
        """Whether a message that is no repeat ought to have come before what was judged already.

        Messages of the same time are in the order of their keys.
        """
        if at_ms < self.floor:
            return True
        ring = self.ring
        return at_ms == self.newest and any(ring[i] == at_ms and ring[i + 1] > key for i in range(0, len(ring), 2))
