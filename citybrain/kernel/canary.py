"""PURE: the canary, a test message that goes the whole way all day, so that a stage that stands still is noticed.

It is a reading of an asset that no register has, so no rule judges it; it is neither stored nor counted among the readings.
Every stage says when it passed. In the topic `alerts` it travels on as an event of its own change, which opens nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from citybrain.kernel.events import AlertEvent
from citybrain.kernel.ids import derived_id, shard_of
from citybrain.kernel.model import Flag, Reading

KIND: Final = "canary"
"""No kind of asset: nothing real can be taken for it."""
CHANGE: Final = "canary"
"""No change of an alert."""
SHARD: Final = shard_of(KIND)
"""where it passes"""


def topic(city: str) -> str:
    """Where it is published."""
    return f"city/{city}/{KIND}/{KIND}/telemetry"


def message(sent_ms: int, sender: str) -> bytes:
    """The payload. `sent_ms` is the machine's clock, since lateness of machines is what it shows."""
    return json.dumps({"sent_ms": sent_ms, "sender": sender}).encode()


def read(payload: bytes, received_ms: int) -> Reading | None:
    """The reading in a message that came by `topic`; None when it is none of ours. `received_ms` is city time."""
    try:
        plain = json.loads(payload)
        sent_ms, sender = int(plain["sent_ms"]), str(plain["sender"])
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
    return Reading(KIND, KIND, sender, received_ms, received_ms, {"sent_ms": sent_ms}, key=sent_ms, flags=int(Flag.SIMULATED))


def is_canary(reading: Reading) -> bool:
    """Whether a reading is the canary's."""
    return reading.kind == KIND


def newest_ms(readings: Iterable[Reading]) -> int | None:
    """When the newest canary among some readings was sent (machine ms); None when there is none."""
    sent = [int(reading.values["sent_ms"]) for reading in readings if reading.kind == KIND]
    return max(sent, default=None)


def event(sent_ms: int, at_ms: int) -> AlertEvent:
    """How it goes on from the rules to dispatch. `at_ms` is city time."""
    return AlertEvent(
        derived_id(KIND, str(sent_ms)), CHANGE, "resolved", KIND, KIND, KIND, "warning", at_ms, at_ms, KIND, str(sent_ms)
    )


def sent_of(found: AlertEvent) -> int | None:
    """When the canary was sent that an event stands for (machine ms); None for an event of an alert."""
    return int(found.detail) if found.change == CHANGE else None
