"""PURE: the exact account of what was sent and what the broker acknowledged."""

from __future__ import annotations

from collections import OrderedDict

from citybrain.kernel.ids import content_hash
from simulators.world import Emission

ReadingKey = tuple[str, int, int]
"""asset, observed time in ms, hash of the payload: what makes a canonical reading the same reading"""


def key_of(emission: Emission) -> ReadingKey:
    """The identity of the reading that a message carries."""
    return emission.asset, emission.observed_ms, content_hash(emission.payload)


def mark_of(key: ReadingKey) -> int:
    """A reading as one number: a hash that holds within this process, so that millions can be remembered."""
    return hash(key)


class Ledger:
    """Counts messages; remembers which readings were acknowledged, and when messages about faults were published.

    Of both it remembers so many only (`readings`, `faults`), so that a run without an end does not fill the memory: then the
    set of readings is given up as a whole (None), and of the faults the oldest are forgotten.
    """

    def __init__(self, *, readings: int = 2_000_000, faults: int = 200_000) -> None:
        self.sent = 0
        """Messages handed to the client."""
        self.published = 0
        """Messages acknowledged by the broker."""
        self.readings: set[int] | None = set()
        """`mark_of` each distinct reading acknowledged by the broker; None: there were too many."""
        self.about_faults: OrderedDict[tuple[str, int], int] = OrderedDict()
        """(asset, observed ms) of a message that tells of a fault -> real ms of its first publishing."""
        self._most_readings, self._most_faults = readings, faults
        self._waiting: dict[int, Emission] = {}

    @property
    def in_flight(self) -> int:
        """Messages sent and not yet acknowledged."""
        return len(self._waiting)

    def sending(self, mid: int, emission: Emission, real_ms: int) -> None:
        """A message was handed to the client under this number, at this real time."""
        self.sent += 1
        self._waiting[mid] = emission
        if emission.fault_id is not None:
            self.about_faults.setdefault((emission.asset, emission.observed_ms), real_ms)
            if len(self.about_faults) > self._most_faults:
                self.about_faults.popitem(last=False)

    def acknowledged(self, mid: int) -> bool:
        """The broker has the message of this number; False when there is none (an acknowledgement that came twice)."""
        emission = self._waiting.pop(mid, None)
        if emission is None:
            return False
        self.published += 1
        if self.readings is not None:
            self.readings.add(mark_of(key_of(emission)))
            if len(self.readings) > self._most_readings:
                self.readings = None
        return True
