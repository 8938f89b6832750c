"""A partition's odd cases: a reading that no rule survives, what makes itself known in the log, late readings judged again."""

from __future__ import annotations

from typing import Any

import pytest

from citybrain.kernel.ids import shard_of
from citybrain.kernel.model import Asset, Device, Reading
from citybrain.kernel.register import Register
from citybrain.topics.records import Batch, Tick
from rules import partition as partitions
from rules.partition import Partition, SpoiledError
from rules.rejudge import rejudge
from tests.properties.rules_town import MINUTE, RULEBOOK, SHARD, START, TOWN


def _reading(minute: float, asset: str = "mh-1", **values: Any) -> Reading:
    at = START + int(minute * MINUTE)
    return Reading(asset, "manhole", asset, at, at, values or {"tilt_deg": 0.5}, None, at, 0, 0)


def _partition(register: Register | None = None) -> Partition:
    return Partition(SHARD, RULEBOOK, register or Register(assets=dict(TOWN)))


def _broken(part: Partition, asset: str) -> None:
    """From now on a rule fails on this asset's readings with tilt 66."""
    step = part._engine.step

    def failing(readings: list[Reading]) -> Any:
        if any(one.asset == asset and one.values.get("tilt_deg") == 66 for one in readings):
            raise ZeroDivisionError("a rule divides")
        return step(readings)

    part._engine.step = failing


def test_a_rule_that_fails_says_so_and_the_careful_way_leaves_the_reading_out() -> None:
    part, twin = _partition(), _partition()
    _broken(part, "mh-1")
    good = [_reading(1), _reading(2, "mh-2", tilt_deg=20.0)]
    with pytest.raises(SpoiledError, match="a rule divides"):
        part.apply(0, Batch([good[0], _reading(1.5, tilt_deg=66.0), good[1]]))
    part = _partition()
    _broken(part, "mh-1")
    outcome = part.apply(0, Batch([good[0], _reading(1.5, tilt_deg=66.0), good[1]]), careful=True)
    assert [(one.observed_ms, error) for one, error in outcome.poison] == [
        (START + int(1.5 * MINUTE), "ZeroDivisionError: a rule divides")
    ]
    assert outcome.alerts == twin.apply(0, Batch(good)).alerts
    assert part.dump() == twin.dump()


def test_an_asset_that_makes_itself_known_is_judged_and_outlives_a_restart() -> None:
    number = shard_of("new-cover")
    part = Partition(number, RULEBOOK, Register())
    fresh = Asset("new-cover", "manhole", provisional=True)
    outcome = part.apply(
        0, Batch([_reading(0, "new-cover", tilt_deg=30.0)], assets=[fresh], devices=[Device("new-cover", "new-cover")])
    )
    assert outcome.fates["fresh"] == 1
    later = Partition(number, RULEBOOK, Register())
    later.load(part.dump())
    assert later.dump() == part.dump()
    raised = later.apply(1, Batch([_reading(1, "new-cover", tilt_deg=30.0)], Tick(START + 9 * MINUTE, 0, "b"))).alerts
    assert [(alert.event.condition, alert.event.change) for alert in raised] == [("OPEN", "raised")]
    later.refresh("new-cover")
    assert later.dump().head["grown"] == []


def test_late_readings_wait_with_what_comes_after_them() -> None:
    part = _partition()
    part.apply(0, Batch([_reading(10, tilt_deg=30.0)], Tick(START + 10 * MINUTE, 0, "b")))
    outcome = part.apply(1, Batch([_reading(5, tilt_deg=40.0)]))
    assert outcome.fates["late"] == 1
    assert part.late["mh-1"].since_ms == START + 5 * MINUTE
    part.apply(2, Batch([_reading(12, tilt_deg=30.0)]))
    part.apply(3, Batch([_reading(13, tilt_deg=30.0)]))
    archive = [_reading(5, tilt_deg=40.0), *(_reading(minute, tilt_deg=30.0) for minute in (10, 12))]
    judged = rejudge(TOWN["mh-1"], archive, [], [], RULEBOOK, START + 5 * MINUTE, part.shown_ms)
    alerts = part.adopt("mh-1", judged, archived=3)
    assert not part.late
    assert [(alert.event.condition, alert.event.change, alert.event.onset_ms) for alert in alerts] == [
        ("OPEN", "raised", START + 5 * MINUTE)
    ]
    # the twin heard everything in order
    twin = _partition()
    for offset, one in enumerate([_reading(5, tilt_deg=40.0), *(_reading(minute, tilt_deg=30.0) for minute in (10, 12, 13))]):
        twin.apply(offset, Batch([one]))
    assert part._engine.dump_asset("mh-1") == twin._engine.dump_asset("mh-1")


def test_what_came_after_late_readings_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "MOST_KEPT", 3)
    part = _partition()
    part.apply(0, Batch([_reading(10)]))
    part.apply(1, Batch([_reading(5)]))
    for offset in range(2, 6):
        part.apply(offset, Batch([_reading(9 + offset)]))
    late = part.late["mh-1"]
    assert (late.offset, late.after) == (5, []), "the archive must come nearer first"
    later = _partition()
    later.load(part.dump())
    assert later.late["mh-1"].offset == later.next - 1, "after a restart it must hold everything"
