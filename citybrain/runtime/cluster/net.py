"""A second way to the MQTT broker for what the shared subscription does not get: after a restart of a broker that forgets it.

mosquitto keeps sessions over a restart, but no shared subscriptions: what comes between its start and the return of the bridges
is acknowledged to the device and dropped (311 of 125,259 messages in a chaos run with mosquitto 2.0.11). The net is a session
of its own with a plain subscription, which is kept. It gets every message too; while the shared subscription stands they are
let go at once, and while it does not, or stood up again only a moment ago, they are handed on. What came both ways is known by
its key, as everything that comes twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from citybrain.runtime.sources import Source
from ingest.delivery import Delivery

MARGIN_S = 3.0
"""so long after the shared subscription is back the net still hands on: it may have been told of it a moment early"""
_AT_ONCE = 5000


class Netted:
    """A source and a net under it, as one source (see `runtime.sources.Source`). `now` is the monotonic clock, for tests."""

    def __init__(self, source: Source, net: Source, now: Callable[[], float] = time.monotonic) -> None:
        self._source, self._net, self._now = source, net, now
        self._until = float("inf")
        self.caught = 0
        """messages that the net handed on"""

    def start(self) -> None:
        """Both begin to connect; the net first, so that nothing is between them."""
        self._net.start()
        self._source.start()

    def stop(self, drain_s: float) -> None:
        """Both disconnect; their sessions stay."""
        self._source.stop(drain_s)
        self._net.stop(min(1.0, drain_s))

    def take(self, max_messages: int, wait_s: float) -> list[Delivery]:
        """What the source has, and what the net has caught while the source had no subscription."""
        caught = self._net.take(_AT_ONCE, 0.0)
        if not self._source.connected or not self._net.connected:
            self._until = float("inf")
        elif self._until == float("inf"):
            self._until = self._now() + MARGIN_S
        if caught and self._now() >= self._until:
            self._net.ack([delivery.token for delivery in caught])
            caught = []
        # told apart from the source's own by their sign; `dup`, because they may come the other way as well
        mine = [delivery._replace(token=-1 - delivery.token, dup=True) for delivery in caught]
        self.caught += len(mine)
        return mine + self._source.take(max_messages, 0.0 if mine else wait_s)

    def ack(self, tokens: Sequence[int]) -> None:
        """Acknowledge each where it came from."""
        ours = [token for token in tokens if token >= 0]
        if ours:
            self._source.ack(ours)
        if len(ours) < len(tokens):
            self._net.ack([-1 - token for token in tokens if token < 0])

    def backlog(self) -> int:
        """How many messages wait in the source; what the net holds is let go, as a rule."""
        return self._source.backlog()

    @property
    def connected(self) -> bool:
        """Whether the source is."""
        return self._source.connected
