"""What is done to a city: assets, messages, and moments at which everything under way is settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Responsibility
from citybrain.kernel.times import from_ms
from ingest.delivery import Delivery
from tests.hand import Hand

UNITS = (
    Unit("drainage", "Drainage service", contacts=("log:drainage",), lead=("log:drainage-lead",)),
    Unit("lighting", "Lighting contractor", contacts=("log:lighting",)),
    Unit("office", "District office", contacts=("log:office",), guardian_of=("*",)),
)
RULES = (
    Responsibility("lamps", "area", "lighting", kind="streetlight"),
    Responsibility("covers", "area", "drainage", kind="manhole"),
    Responsibility("city", "guardian", "office"),
)


class Message(NamedTuple):
    """One message and when it comes (city ms)."""

    at_ms: int
    topic: str
    payload: bytes


class Moment(NamedTuple):
    """A minute of the city: what comes, then the tick. `settle`: what was told is dispatched, what was late is judged again."""

    at_ms: int
    messages: Sequence[Message] = ()
    settle: bool = False


@dataclass(frozen=True)
class Script:
    """All of a story. Ends with a moment that settles."""

    assets: Sequence[Asset]
    moments: Sequence[Moment]
    rulebook: Path | None = None


class StepClock:
    """Tells the time that it was given."""

    def __init__(self, now_ms: int = 0) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        return self.at_ms

    def now(self) -> datetime:
        return from_ms(self.at_ms)

    def real_s(self, city_s: float) -> float:
        return 0.0


@dataclass
class Messages(Hand):
    """A hand that numbers what is put into it."""

    given: int = 0

    def put(self, messages: Sequence[Message]) -> None:
        """Messages to be taken."""
        for message in messages:
            self.given += 1
            self.waiting.append(Delivery(self.given, message.topic, message.payload, 1, False, False, message.at_ms))
