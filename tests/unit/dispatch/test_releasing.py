"""Children after their parent: at once where the sensor can tell, and the reason where it cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from citybrain.kernel.model import Asset
from dispatch.releasing import REASONS, dark_from, release_at
from tests.dispatch_kit import INFOS

CLOSED = datetime(2026, 6, 12, 4, 0, tzinfo=UTC)
"""noon in Shanghai"""
NIGHT = datetime(2026, 6, 12, 14, 0, tzinfo=UTC)
"""22:00 in Shanghai"""
HALF = timedelta(minutes=30)
HERE = {"lat": 31.2, "lon": 121.5}


@pytest.mark.parametrize(
    ("asset", "condition", "phase", "closed", "reason", "hours"),
    [
        (Asset("pit", "manhole", interval_s=600), "DEV-SILENT", "firing", CLOSED, "at_once", 0),
        (Asset("pit", "manhole", interval_s=7200), "DEV-SILENT", "firing", CLOSED, "next_report", 1.5),
        (Asset("pit", "manhole"), "DEV-SILENT", "firing", CLOSED, "at_once", 0),
        (Asset("pit", "manhole"), "DEV-SILENT", "clearing", CLOSED, "clearing", 1),
        (Asset("sl", "streetlight", **HERE), "SL-OUT", "firing", NIGHT, "at_once", 0),
        (Asset("sl", "streetlight"), "SL-OUT", "firing", NIGHT, "lamp_by_day", 23.5),
        (Asset("sl", "streetlight", schedule="late", **HERE), "SL-OUT", "firing", NIGHT, "lamp_by_day", 23.5),
    ],
)  # fmt: skip
def test_when_a_child_is_released(
    asset: Asset, condition: str, phase: str, closed: datetime, reason: str, hours: float
) -> None:
    found = release_at(asset, INFOS[condition], phase, outcome="cleared_by_sensor", cleared_at=closed - HALF, closed_at=closed)
    assert (found.reason, found.at) == (reason, closed + timedelta(hours=hours))
    assert found.reason in REASONS


def test_a_lamp_by_day_waits_for_the_dusk_of_its_place() -> None:
    lamp = Asset("sl", "streetlight", **HERE)
    found = release_at(lamp, INFOS["SL-OUT"], "firing", outcome="verified", cleared_at=CLOSED - HALF, closed_at=CLOSED)
    assert found.reason == "lamp_by_day"
    dusk = datetime(2026, 6, 12, 11, 20, tzinfo=UTC)  # civil twilight of Shanghai ends at 19:27
    assert dusk < found.at < dusk + timedelta(minutes=40)


def test_a_parent_that_was_none_explains_nothing() -> None:
    lamp = Asset("sl", "streetlight")
    found = release_at(lamp, INFOS["SL-OUT"], "firing", outcome="cancelled", cleared_at=CLOSED, closed_at=CLOSED)
    assert found == (CLOSED, "parent_was_none")


def test_where_it_never_gets_dark_nobody_waits_for_it() -> None:
    assert dark_from(68.0, 15.0, CLOSED) is None
    assert dark_from(None, 15.0, CLOSED) is None
