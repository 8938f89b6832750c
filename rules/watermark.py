"""PURE: how far time has gone in one partition, when several bridges write into it.

Each bridge says in its ticks up to which time it has handed on what it got. Time goes on to the earliest of them, so that no
sensor is called silent while its reading still waits in the slower bridge. A bridge that says nothing for `GONE_MS` while
others speak is gone: what it held comes late, and late readings are judged again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from citybrain.topics.records import Tick

GONE_MS: Final = 10_000
"""machine milliseconds between the newest tick of all and the last one of a bridge that is gone"""


class Watermark:
    """The last tick of each bridge, and the time that was shown to the rules."""

    def __init__(self) -> None:
        self.shown_ms = 0
        self._last: dict[str, tuple[int, int]] = {}
        """bridge -> (city ms, machine ms) of its last tick"""

    def hear(self, tick: Tick) -> int | None:
        """Take a tick; the time (city ms) to show now, or None when time does not go on. It never goes back."""
        if tick.leaving:
            self._last.pop(tick.bridge, None)
        else:
            before = self._last.get(tick.bridge, (0, 0))
            self._last[tick.bridge] = (max(before[0], tick.at_ms), max(before[1], tick.real_ms))
        newest = max([real for _, real in self._last.values()], default=0)
        self._last = {bridge: last for bridge, last in self._last.items() if newest - last[1] <= GONE_MS}
        now = min([at for at, _ in self._last.values()], default=tick.at_ms)
        if now <= self.shown_ms:
            return None
        self.shown_ms = now
        return now

    def bridges(self) -> int:
        """How many bridges are alive."""
        return len(self._last)

    def dump(self) -> dict[str, object]:
        """The whole state, JSON-ready."""
        return {"shown_ms": self.shown_ms, "last": {bridge: list(last) for bridge, last in sorted(self._last.items())}}

    def load(self, plain: Mapping[str, object]) -> None:
        """Take a state of `dump` in place of the present one."""
        last = plain["last"]
        assert isinstance(last, dict)
        self.shown_ms = int(str(plain["shown_ms"]))
        self._last = {bridge: (int(at), int(real)) for bridge, (at, real) in last.items()}
