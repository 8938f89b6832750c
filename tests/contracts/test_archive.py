"""One archive, two kinds: plain PostgreSQL, and TimescaleDB driven with the same SQL and the same functions."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from citybrain.clock import real_ms
from citybrain.kernel.ids import message_key
from citybrain.kernel.model import Asset, Reading, Value
from citybrain.kernel.times import from_ms, to_ms
from citybrain.store import readings, register, summaries
from citybrain.store.db import ConstraintError
from citybrain.store.migrate import kind_of, migrate_in
from citybrain.store.sql import load

pytestmark = pytest.mark.live
HOUR, DAY = 3_600_000, 86_400_000
EVER = datetime(1970, 1, 1, tzinfo=UTC)
STEPS: dict[readings.Step, int] = {"1m": 60_000, "1h": HOUR, "1d": DAY}


@pytest.fixture
def now_ms() -> int:
    """Noon of the last full day: TimescaleDB's jobs go by the server's clock."""
    return real_ms() // DAY * DAY - DAY // 2


def reading(asset: str, observed_ms: int, /, key: int = 7, **values: Value) -> Reading:
    return Reading(asset, "manhole", asset, observed_ms, observed_ms + 40, dict(values), key=key)


def add(archive: Any, *given: Reading) -> int:
    with archive.transaction() as tx:
        return readings.add(tx, given)


def stored(archive: Any, asset: str) -> list[Reading]:
    with archive.transaction() as tx:
        return readings.archive_of(tx, asset, EVER)


def refreshed(archive: Any, now_ms: int) -> None:
    assert summaries.refresh(archive, from_ms(now_ms), patience_s=60).complete


def stale(archive: Any) -> int:
    with archive.transaction() as tx:
        return int(tx.one("SELECT count(*) AS n FROM readings_stale")["n"])


def wanted(given: list[Reading], asset: str, measure: str, width: int) -> list[dict[str, Any]]:
    """The series, computed in another way."""
    buckets: dict[int, list[tuple[int, int, Value]]] = {}
    for one in given:
        if one.asset == asset and measure in one.values:
            bucket = one.observed_ms // width * width
            buckets.setdefault(bucket, []).append((one.observed_ms, message_key(one), one.values[measure]))
    rows = []
    for bucket, values in sorted(buckets.items()):
        numbers = [float(value) for _, _, value in values if not isinstance(value, str)]
        last = max(values)[2]
        label = last if isinstance(last, str) else str(last).lower() if isinstance(last, bool) else None
        rows.append(
            {
                "time": from_ms(bucket),
                "n": len(values),
                "avg": pytest.approx(sum(numbers) / len(numbers)) if numbers else None,
                "min": min(numbers, default=None),
                "max": max(numbers, default=None),
                "last": None if isinstance(last, str) else float(last),
                "label": label,
            }
        )
    return rows


def check(archive: Any, given: list[Reading]) -> None:
    """Every series of every asset is what it should be."""
    with archive.transaction() as tx:
        for asset, measure in sorted({(one.asset, measure) for one in given for measure in one.values}):
            for step, width in STEPS.items():
                found = readings.series(tx, asset, measure, EVER, from_ms(to_ms(EVER) + 1 << 42), step)
                assert found == wanted(given, asset, measure, width), (asset, measure, step)


def test_the_kind_is_recorded(archive: Any, kind: str) -> None:
    with archive.transaction() as tx:
        assert kind_of(tx) == kind
        assert migrate_in(tx) == 0, "and once more changes nothing"


def test_readings_come_back_as_they_were(archive: Any, now_ms: int) -> None:
    given = [
        Reading("A", "drain", "A", now_ms, now_ms + 3, {"level_mm": 412, "flow_l_s": 412.0, "tilt_deg": -0.1}, 9, -5),
        Reading(
            "A",
            "drain",
            "d",
            now_ms + 1,
            now_ms + 3,
            {"overflow": True, "boot": False, "note": 'ä "q" \\ \n\t'},
            None,
            2**63 - 1,
        ),
        Reading("A", "drain", "d", now_ms + 2, now_ms + 3, {}, 2**62, -(2**63), 60_000, 5),
        Reading(
            "A",
            "drain",
            "A",
            now_ms + 3,
            now_ms - 3,
            {"true": "true", "yes": True, "empty": "", "big": 10**15, "small": 5e-324},
        ),
    ]
    with archive.transaction() as tx:
        readings.add_fresh(tx, given)
    found = stored(archive, "A")
    assert found == given
    assert [{name: type(value) for name, value in one.values.items()} for one in found] == [
        {name: type(one.values[name]) for name in back.values} for one, back in zip(given, found, strict=True)
    ], "412 and 412.0 are told apart: the evidence of an alert shows what was sent"
    with archive.transaction() as tx:
        assert readings.total_messages(tx) == 4
        assert readings.archive_of(tx, "A", EVER, most=2) == given[2:]
        assert readings.archive_of(tx, "A", from_ms(now_ms + 3)) == given[3:]
        assert readings.measures_of(tx, "A", EVER, from_ms(now_ms + 2)) == [
            "boot", "flow_l_s", "level_mm", "note", "overflow", "tilt_deg",
        ]  # fmt: skip


def test_a_hundred_thousand_values_in_one_copy(archive: Any, now_ms: int) -> None:
    given = [
        Reading(
            f"F{n % 500:03}",
            "manhole",
            f"F{n % 500:03}",
            now_ms + n,
            now_ms + n,
            {"a": 1.5, "b": n, "c": n % 2 == 0, "d": "x"},
            n,
            n,
        )
        for n in range(25_000)
    ]
    with archive.transaction() as tx:
        readings.add_fresh(tx, given)
    with archive.transaction() as tx:
        assert readings.total_messages(tx) == 25_000
        assert tx.one("SELECT count(*) AS n, sum(value) AS b FROM readings WHERE measure = 'b'") == {
            "n": 25_000,
            "b": 312_487_500.0,
        }
    assert stored(archive, "F007") == given[7::500]
    assert add(archive, *given) == 0


def test_the_same_message_is_stored_once(archive: Any, now_ms: int) -> None:
    one, other = reading("A", now_ms, level_mm=1.0), reading("A", now_ms, key=8, level_mm=2.0)
    assert add(archive, one, one, other) == 2
    assert add(archive, other, one._replace(received_ms=now_ms + 99)) == 0
    # its device is part of what a message is known by
    assert add(archive, one._replace(device="second")) == 1
    # a repeat that says more is a repeat all the same
    assert add(archive, one._replace(values={"level_mm": 1.0, "more": 2.0})) == 0
    assert sorted(message_key(one) for one in stored(archive, "A")) == sorted(
        map(message_key, [one, other, one._replace(device="second")])
    )
    with pytest.raises(ConstraintError), archive.transaction() as tx:
        readings.add_fresh(tx, [one])


def test_a_repeat_within_its_window_is_not_stored(archive: Any, now_ms: int) -> None:
    first = reading("A", now_ms, level_mm=1.0)._replace(window_ms=60_000)
    assert add(archive, first, first._replace(observed_ms=now_ms + 60_000)) == 1
    assert add(archive, first._replace(observed_ms=now_ms + 60_000), first._replace(observed_ms=now_ms + 1)) == 0
    assert add(archive, first._replace(observed_ms=now_ms + 60_001)) == 1
    # what came before the one that is stored is not its repeat: judging again finds out which of them goes
    assert add(archive, first._replace(observed_ms=now_ms - 1)) == 1
    assert add(archive, first._replace(device="B", observed_ms=now_ms + 1)) == 1
    assert add(archive, first._replace(window_ms=0, observed_ms=now_ms + 2)) == 1


def test_late_readings_ask_for_their_assets_to_be_judged_again(archive: Any, now_ms: int) -> None:
    first, second = reading("A", now_ms, level_mm=1.0), reading("A", now_ms - HOUR, level_mm=2.0)
    assert add(archive, first) == 1
    late = [first, second, second, reading("B", now_ms + 5, tilt_deg=1.0), reading("B", now_ms + 4, tilt_deg=1.0)]
    with archive.transaction() as tx:
        assert readings.add_late(tx, late, from_ms(now_ms)) == [False, True, False, True, True]
    with archive.transaction() as tx:
        assert tx.all("SELECT asset, since FROM rejudge_queue ORDER BY asset") == [
            {"asset": "A", "since": from_ms(now_ms - HOUR)},
            {"asset": "B", "since": from_ms(now_ms + 4)},
        ]
        assert tx.all("SELECT asset, quality FROM readings ORDER BY asset, observed_at") == [
            {"asset": "A", "quality": 256}, {"asset": "A", "quality": 0},
            {"asset": "B", "quality": 256}, {"asset": "B", "quality": 256},
        ]  # fmt: skip
    assert [one.flags for one in stored(archive, "A")] == [0, 0], "late is what we found, no flag of the device"


def test_rain_of_a_district_is_its_context(archive: Any, now_ms: int) -> None:
    gauges = [Asset(f"R{n}", "rain_gauge", district="north" if n else "south") for n in range(3)]
    rain = [Reading(f"R{n % 3}", "rain_gauge", f"R{n % 3}", now_ms + n, now_ms, {"rain_mm": n * 0.2}) for n in range(9)]
    with archive.transaction() as tx:
        register.save_assets(tx, gauges)
        readings.add_fresh(tx, rain)
    with archive.transaction() as tx:
        assert readings.context_of(tx, "north", from_ms(now_ms + 3)) == [one for one in rain[3:] if one.asset != "R0"]
        assert readings.context_of(tx, None, EVER) == []


def test_late_data_lands_where_its_time_is(archive: Any, kind: str, now_ms: int) -> None:
    days = [0, 1, 6, 13, 40, 365]
    assert add(archive, *(reading("A", now_ms - day * DAY, level_mm=float(day)) for day in days)) == len(days)
    with archive.transaction() as tx:
        places = tx.all(
            "SELECT tableoid::regclass::text AS place, min(observed_at) AS first FROM readings GROUP BY 1 ORDER BY 2"
        )
    width = 7 if kind == "plain" else 1
    begins = sorted({(now_ms - day * DAY - 4 * DAY) // (width * DAY) for day in days})
    assert len(places) == len(begins)
    if kind == "plain":
        mondays = [from_ms(begin * 7 * DAY + 4 * DAY) for begin in begins]
        assert [place["place"] for place in places] == [f"readings_{monday:%Y%m%d}" for monday in mondays]


def test_series_are_right_before_and_after_they_are_summarised(archive: Any, kind: str, now_ms: int) -> None:
    rng = random.Random(20260302)
    given: list[Reading] = []
    for at_ms in range(now_ms - 30 * HOUR, now_ms, 5 * HOUR):
        batch = [
            reading(
                f"A{rng.randrange(3)}",
                at_ms + rng.randrange(5 * HOUR),
                key=rng.getrandbits(40),
                level_mm=rng.choice([rng.uniform(-5, 900), rng.randrange(900)]),
                overflow=rng.random() < 0.3,
                **({"state": rng.choice(["ok", "Störung", ""])} if rng.random() < 0.5 else {}),
            )  # fmt: skip
            for _ in range(60)
        ]
        # late: anywhere in what was summarised already
        late = [one._replace(observed_ms=one.observed_ms - rng.randrange(40 * HOUR), key=one.key + 1) for one in batch[:6]]
        # two messages at the same millisecond: the greater key is the last one
        late.append(batch[0]._replace(key=batch[0].key + 1, values={"level_mm": -7.5}))
        given += batch
        with archive.transaction() as tx:
            readings.add_fresh(tx, batch)
        check(archive, given)
        refreshed(archive, at_ms + 5 * HOUR)
        check(archive, given)
        given += late
        with archive.transaction() as tx:
            assert all(readings.add_late(tx, late, from_ms(at_ms)))
        check(archive, given)
        if rng.random() < 0.5:
            dropped = rng.choice(given)
            given.remove(dropped)
            with archive.transaction() as tx:
                readings.drop_readings(tx, [dropped])
            check(archive, given)
    refreshed(archive, now_ms)
    refreshed(archive, now_ms + HOUR)
    check(archive, given)
    assert stale(archive) == 0
    with archive.transaction() as tx:
        kept = {step: tx.one(f"SELECT count(*) AS n FROM {materialised(tx, kind, step)}")["n"] for step in ("1h", "1d")}
    hours = {(one.asset, measure, one.observed_ms // HOUR) for one in given for measure in one.values}
    assert kept["1h"] == len(hours), "they come from the sums now"
    assert kept["1h"] > kept["1d"] > 0


def materialised(tx: Any, kind: str, step: str) -> str:
    """The table behind a summary."""
    if kind == "plain":
        return f"summary_{step}"
    row = tx.one(
        "SELECT format('%%I.%%I', materialization_hypertable_schema, materialization_hypertable_name) AS name "
        "FROM timescaledb_information.continuous_aggregates WHERE view_name = %(view)s",
        view=f"summary_{step}",
    )
    return str(row["name"])


def test_the_raw_series_is_the_values_themselves(archive: Any, now_ms: int) -> None:
    assert (
        add(archive, reading("A", now_ms, door=True), reading("A", now_ms + 5, door="stuck"), reading("A", now_ms + 9, door=2))
        == 3
    )
    with archive.transaction() as tx:
        rows = readings.series(tx, "A", "door", from_ms(now_ms), from_ms(now_ms + 9), "raw")
    one = {"time": from_ms(now_ms), "n": 1, "avg": 1.0, "min": 1.0, "max": 1.0, "last": 1.0, "label": "true"}
    text = {"time": from_ms(now_ms + 5), "n": 1, "avg": None, "min": None, "max": None, "last": None, "label": "stuck"}
    assert rows == [one, text], "the end is not in it"


def test_what_is_too_old_goes_and_its_hours_stay(archive: Any, kind: str, now_ms: int) -> None:
    given = [reading("A", now_ms - day * DAY, level_mm=float(day)) for day in (1, 20, 30, 60)]
    assert add(archive, *given) == 4
    refreshed(archive, now_ms)
    with archive.transaction() as tx:
        gone = readings.expire(tx, from_ms(now_ms - 25 * DAY))
    assert gone >= 2
    assert stored(archive, "A") in (given[2::-1], given[1::-1]), "whole partitions: a week may stay longer"
    with archive.transaction() as tx:
        hours = readings.series(tx, "A", "level_mm", EVER, from_ms(now_ms), "1h")
        assert [row["last"] for row in hours] == [60.0, 30.0, 20.0, 1.0]
    # late data of that time is kept until the next look, and spoils nothing
    assert add(archive, reading("A", now_ms - 60 * DAY + 5, level_mm=0.0)) == 1
    refreshed(archive, now_ms)
    with archive.transaction() as tx:
        assert readings.expire(tx, from_ms(now_ms - 25 * DAY)) >= 1
        hours = readings.series(tx, "A", "level_mm", EVER, from_ms(now_ms), "1h")
        if kind == "plain":
            assert [row["last"] for row in hours] == [60.0, 30.0, 20.0, 1.0]
        assert summaries.expire(tx, from_ms(now_ms - 10 * DAY)) >= 1
    with archive.transaction() as tx:
        assert [row["last"] for row in readings.series(tx, "A", "level_mm", EVER, from_ms(now_ms), "1d")] == [1.0]


def test_the_estimate_is_of_messages(archive: Any, now_ms: int) -> None:
    assert add(archive, *(reading("A", now_ms + n, a=1.0, b=2.0, c=3.0) for n in range(3000))) == 3000
    archive.call("ANALYZE readings")
    with archive.transaction() as tx:
        assert tx.one("SELECT readings_estimate() AS n")["n"] == pytest.approx(3000, rel=0.1)


def test_every_query_of_the_archive_has_a_name_that_is_used() -> None:
    assert {f"series_{step}" for step in ("raw", *STEPS)} <= set(load("readings"))


def test_how_long_to_keep_reaches_the_database(archive: Any, kind: str) -> None:
    with archive.transaction() as tx:
        summaries.keep(tx, timedelta(days=30), timedelta(days=1000))
    if kind == "timescaledb":
        with archive.transaction() as tx:
            jobs = {
                (row["relation"], row["what"]): row["config"]
                for row in tx.all(
                    "SELECT relation, what, config FROM archive_jobs JOIN timescaledb_information.jobs ON job_id = job"
                )
            }
        assert jobs["readings", "retention"]["drop_after"] == jobs["summary_1m", "retention"]["drop_after"] == "30 days"
        assert jobs["summary_1d", "retention"]["drop_after"] == "1000 days"
        assert jobs["summary_1h", "refresh"]["start_offset"] == "29 days"
        with archive.transaction() as tx:
            summaries.keep(tx, timedelta(days=400), timedelta(days=3660))
