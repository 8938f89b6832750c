"""The state of a shard becomes that of a partition: same memory, same episodes, same time."""

from __future__ import annotations

from citybrain.kernel.ids import shard_of
from citybrain.kernel.model import Asset, Reading
from citybrain.kernel.register import Register
from citybrain.topics.records import Batch, Tick
from rules import inherit
from rules.checkpoint import Survey, survey
from rules.detectors import no_data, threshold
from rules.engine import VERSION, Engine
from rules.partition import Partition, Snapshot
from rules.rulebook import Dwell
from tests.unit.rules.helpers import MINUTE, START, book, rule

RULES = book(
    rule(
        "OPEN",
        "manhole",
        "threshold",
        threshold.Params("tilt_deg", 10, 5),
        raise_after=Dwell(1, 300),
        clear_after=Dwell(1, 300),
    ),
    rule("SILENT", "manhole", "no_data", no_data.Params(k=3)),
)
SHARD = 5
NAMES = [name for name in (f"mh-{n}" for n in range(400)) if shard_of(name) == SHARD][:4]
ASSETS = {name: Asset(name, "manhole", interval_s=600) for name in NAMES}


def reading(asset: str, minute: float, tilt: float) -> Reading:
    at = START + int(minute * MINUTE)
    return Reading(asset, "manhole", asset, at, at, {"tilt_deg": tilt}, key=at)


def judge() -> Engine:
    """One asset pending, one firing, one clearing, one silent; shown until minute 40."""
    engine = Engine(SHARD, RULES, ASSETS.get)
    pending, firing, clearing, silent = NAMES
    engine.step([reading(silent, 1, 0), reading(firing, 10, 20), reading(clearing, 10, 20)])
    engine.tick(START + 20 * MINUTE)
    engine.step([reading(firing, 38, 20), reading(clearing, 38, 0), reading(pending, 39, 20)])
    engine.tick(START + 40 * MINUTE)
    return engine


def moved(engine: Engine, *, next: int = 0, late: dict[str, int] | None = None) -> Partition:
    state = engine.dump()
    shown = inherit.shown_ms([survey(state)], 0)
    part = Partition(SHARD, RULES, Register(assets=dict(ASSETS)))
    part.load(inherit.snapshot(state, VERSION, RULES.version, next=next, shown_ms=shown, late=late or {}))
    return part


def test_what_is_in_a_state() -> None:
    found = survey(judge().dump())
    assert found == Survey(4, {"pending": 1, "firing": 2, "clearing": 1}, START + 31 * MINUTE)


def test_a_shard_that_heard_nothing() -> None:
    assert survey(inherit.EMPTY) == Survey(0, {}, 0)
    engine = Engine(SHARD, RULES, ASSETS.get)
    assert engine.dump() == inherit.EMPTY


def test_the_same_events_as_if_it_had_stayed() -> None:
    stays, part = judge(), moved(judge(), next=70)
    later = [[reading(NAMES[1], 41, 0), reading(NAMES[2], 41.5, 20)], [], [reading(NAMES[3], 45, 0)], [], []]
    told, expected = [], []
    for n, readings in enumerate(later):
        at = START + (42 + 2 * n) * MINUTE
        expected += stays.step(readings).events + stays.tick(at)
        told += part.apply(70 + n, Batch(readings, Tick(at, at, "bridge"))).alerts
    assert [alert.event for alert in told] == expected
    assert {event.change for event in expected} >= {"raised", "clearing", "refired", "resolved"}
    assert part.dump().state == stays.dump()


def test_time_is_that_of_the_last_tick_or_of_a_timer_and_never_of_a_reading() -> None:
    engine = judge()
    engine.step([reading(NAMES[1], 50, 20)])  # ten minutes ahead
    found = [survey(engine.dump())]
    assert inherit.shown_ms(found, 0) == START + 31 * MINUTE
    assert inherit.shown_ms(found, START + 40 * MINUTE) == START + 40 * MINUTE
    assert inherit.shown_ms([], 0) == 0


def test_late_readings_go_to_their_partition() -> None:
    waiting = [(name, START + n) for n, name in enumerate([*NAMES, "elsewhere"])]
    found = inherit.late_by_shard(waiting)
    assert found[SHARD] == {name: START + n for n, name in enumerate(NAMES)}
    part = moved(judge(), next=9, late=found[SHARD])
    assert {asset: (late.since_ms, late.offset) for asset, late in part.late.items()} == {
        name: (START + n, 8) for n, name in enumerate(NAMES)
    }
    assert part.shown_ms == START + 31 * MINUTE
    assert Snapshot(*part.dump()).head["late"] == found[SHARD]
