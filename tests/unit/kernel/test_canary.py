"""The canary: what it is, and that nothing real can be taken for it."""

from __future__ import annotations

import pytest

from citybrain.kernel import canary
from citybrain.kernel.events import AlertChange, AlertEvent
from citybrain.kernel.ids import shard_of
from citybrain.kernel.model import Flag, Kind, Reading
from ingest import topics


def test_it_goes_the_way_of_a_reading() -> None:
    assert topics.matches(topics.subscription("suzhou"), canary.topic("suzhou"))
    beat = canary.read(canary.message(1_000, "cycle-1"), received_ms=77)
    assert beat is not None
    assert (beat.device, beat.observed_ms, beat.received_ms) == ("cycle-1", 77, 77)
    assert shard_of(beat.asset) == canary.SHARD
    assert beat.flags & Flag.SIMULATED
    assert canary.is_canary(beat)
    other = Reading("MH-1", "manhole", "MH-1", 5, 5, {"tilt_deg": 3.0})
    assert not canary.is_canary(other)
    again = canary.read(canary.message(2_000, "cycle-1"), received_ms=78)
    assert again is not None
    assert canary.newest_ms([other, again, beat]) == 2_000
    assert canary.newest_ms([other]) is None


def test_no_kind_of_asset_and_no_change_of_an_alert_is_called_so() -> None:
    assert canary.KIND not in set(Kind)
    assert canary.CHANGE not in set(AlertChange)


def test_it_goes_on_as_an_event_that_is_told_from_alerts() -> None:
    event = canary.event(1_234, 99)
    assert canary.sent_of(event) == 1_234
    assert canary.sent_of(canary.event(1_235, 99)) == 1_235
    assert event.id != canary.event(1_235, 99).id
    alert = AlertEvent("i", "raised", "firing", "MH-1", "manhole", "MH-FLIP", "critical", 1, 1, "above_raise", "1234")
    assert canary.sent_of(alert) is None


@pytest.mark.parametrize(
    "payload", [b"", b"{}", b"[1]", b'{"sent_ms": "x", "sender": 1}', b'{"sent_ms": Infinity, "sender": "a"}', b"\xff", b"null"]
)
def test_what_is_no_message_of_ours_is_none(payload: bytes) -> None:
    assert canary.read(payload, 1) is None
