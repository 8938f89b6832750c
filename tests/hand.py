"""A source of messages by hand, in place of a broker (see `citybrain.runtime.sources.Source`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.delivery import Delivery


@dataclass
class Hand:
    """Gives what was put into `waiting`, and remembers what was acknowledged."""

    waiting: list[Delivery] = field(default_factory=list)
    acked: list[int] = field(default_factory=list)
    connected: bool = True
    stopped: bool = False

    def start(self) -> None: ...

    def stop(self, drain_s: float) -> None:
        self.stopped = True

    def take(self, max_messages: int, wait_s: float) -> list[Delivery]:
        taken, self.waiting = self.waiting[:max_messages], self.waiting[max_messages:]
        return taken

    def ack(self, tokens: Sequence[int]) -> None:
        self.acked += tokens

    def backlog(self) -> int:
        return len(self.waiting)
