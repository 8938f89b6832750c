"""Forecasts on a real database: readings of months, a run a day, planned orders that come and go with the readings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from citybrain import clock as clocks
from citybrain.config import Settings
from citybrain.kernel.events import AlertChange
from citybrain.kernel.model import Asset, Device, Reading, Unit
from citybrain.kernel.times import EPOCH, to_ms
from citybrain.metrics import Metrics
from citybrain.runtime.city import City
from citybrain.runtime.cycling import Cycling
from citybrain.runtime.forecasting import Forecasting, ask, next_run, run_all
from citybrain.store import forecasts, readings, storms, summaries, views
from citybrain.store import register as register_store
from citybrain.store.db import Database, Row, Tx
from dispatch.channels import Channels
from dispatch.cycle import run_cycle
from dispatch.desk import act
from forecast import judge as judging
from forecast.run import Step
from tests.dispatch_kit import event

pytestmark = pytest.mark.live

MORNING = datetime(2026, 6, 12, 1, 0, tzinfo=UTC)
"""Friday, 9:00 in Shanghai."""
DAY = timedelta(days=1)


class Town:
    """A city with a drain that silts up, one that does not, a gauge, a cover with a battery, and the clock of the test."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self.now = db, MORNING
        self.city = City(Settings(data_dir=folder))
        register = self.city.register
        register.units = {
            "drainage": Unit("drainage", "Drainage", timezone="Asia/Shanghai", contacts=("log:drainage",), guardian_of=("*",))
        }
        assets = [
            Asset("dr-1", "drain", district="d1", cell="c1", pipe_diameter_mm=400),
            Asset("dr-2", "drain", district="d1", cell="c1", pipe_diameter_mm=400),
            Asset("rg-1", "rain_gauge", district="d1"),
            Asset("mh-1", "manhole", district="d1", cell="c1", attributes=MappingProxyType({"sf": "12"})),
        ]
        register.assets = {asset.id: asset for asset in assets}
        register.devices = {"mh-1": [Device("mh-1", "mh-1", "canonical", MORNING - 850 * DAY)]}
        with db.transaction() as tx:
            register_store.save_units(tx, list(register.units.values()))
            register_store.save_assets(tx, assets)

    def tell(self, asset: str, kind: str, at: datetime, **values: float | bool) -> Reading:
        return Reading(asset, kind, asset, to_ms(at), to_ms(at), dict(values), key=to_ms(at) // 1000)

    def past(self, days: int, level: float, slope: float) -> None:
        """So many days up to now: the first drain rises by `slope` mm a day to `level`, the second stays; each fifth is wet."""
        told: list[Reading] = []
        for n in range(days, 0, -1):
            day = (self.now - n * DAY).replace(hour=3)
            wet = 90.0 if n % 5 == 0 else 0.0
            for hour in (0, 8, 16):
                at = day + timedelta(hours=hour - 2)
                wave = 1.5 if hour == 8 else 0.0 if n % 2 else 0.7
                told.append(self.tell("dr-1", "drain", at, level_mm=level - slope * n + wave + wet + 3 * hour))
                told.append(self.tell("dr-2", "drain", at, level_mm=30 + wave + wet + 3 * hour))
                told.append(self.tell("rg-1", "rain_gauge", at, rain_mm=wet / 10))
        self.store(told)

    def store(self, told: Sequence[Reading]) -> None:
        with self.db.transaction() as tx:
            readings.add(tx, list(told))

    def run(self, days: float = 0) -> Step:
        self.now += timedelta(days=days)
        assert ask(self.db, self.city, self.now)
        return run_all(self.db, self.city, lambda: self.now)

    def forecast(self, asset: str, plan: str) -> Row:
        with self.db.transaction() as tx:
            return next(row for row in forecasts.of_asset(tx, asset) if row["plan"] == plan)

    def orders(self) -> list[Row]:
        with self.db.transaction() as tx:
            return list(reversed(views.orders(tx, limit=100)))

    def cycle(self, **later: Any) -> None:
        self.now += timedelta(**later)
        run_cycle(
            self.db, now=self.now, infos=self.city.infos, register_of=lambda: self.city.register, books=self.city.books,
            channels=Channels([]),
        )  # fmt: skip


@pytest.fixture
def town(db: Database, tmp_path: Path) -> Town:
    return Town(db, tmp_path)


def test_silt_becomes_a_planned_order_and_cleaning_closes_it(town: Town) -> None:
    town.past(50, 70, 0.8)
    first = town.run()
    assert first.over
    assert first.assets == 4
    [order] = town.orders()
    assert (order["asset"], order["condition"], order["severity"], order["unit"]) == (
        "dr-1",
        "PLAN-SILT",
        "warning",
        "drainage",
    )
    assert (order["filing_item"], order["limit_unit"]) == ("PL-CLEAN", "work_day")
    found = town.forecast("dr-1", "silt")
    due = (found["forecast_at"] - town.now).days
    assert 6 <= due <= 18, found  # 80 mm - 70 mm at 0.8 mm a day
    assert found["low_at"] <= found["forecast_at"] <= found["high_at"]
    assert town.forecast("dr-2", "silt")["why"] == "normal"
    with town.db.transaction() as tx:
        assert forecasts.forecast_orders(tx) == 1
        [told] = forecasts.dates(tx, "dr-1")
    assert told["why"] == "ahead"

    # a rerun, and the same again a day later, change nothing
    assert not town.run().changes
    town.past(1, 70.8, 0.8)
    assert not town.run(days=1).changes
    assert len(town.orders()) == 1

    # the crew cleans; three dry days later the readings say so, and after five more the order is closed by the sensor
    town.db.attempt(lambda tx: act(tx, str(order["id"]), "fix", actor="crew", reason="", now=town.now))
    for n in range(1, 4):
        at = (town.now + n * DAY).replace(hour=3)
        town.store([town.tell("dr-1", "drain", at + timedelta(hours=hour), level_mm=12 + hour / 10) for hour in (0, 8, 16)])
    assert dict(town.run(days=4).changes) == {("silt", "resolved"): 1}
    town.cycle(days=6)
    [order] = town.orders()
    assert (order["state"], order["outcome"]) == ("closed", "verified")


def test_a_moved_date_is_told_again(town: Town) -> None:
    town.past(50, 62, 0.8)
    town.run()
    before = town.forecast("dr-1", "silt")
    # it silts up three times as fast from now on
    town.now += 12 * DAY
    town.past(12, 98, 2.4)
    assert dict(town.run().changes) == {("silt", "amended"): 1}
    after = town.forecast("dr-1", "silt")
    assert after["alert_id"] == before["alert_id"]
    assert after["told_at"] < before["told_at"]
    assert len(town.orders()) == 1


def test_a_battery_is_counted_from_its_first_day(town: Town) -> None:
    # 144 uplinks a day at SF12 leave 850 of about 910 days
    told = []
    for n in range(95, 0, -1):
        day = (town.now - n * DAY).replace(hour=0, minute=1)
        told += [town.tell("mh-1", "manhole", day + timedelta(minutes=10 * k), battery_v=3.62) for k in range(137)]
    town.store(told)
    town.run()
    found = town.forecast("mh-1", "battery")
    assert found["why"] == "ahead", found
    assert -20 < (found["forecast_at"] - town.now).days < 100
    facts = {fact[0]: fact[1] for fact in found["facts"]}
    assert facts["spreading_factor"] == "12 (register)"
    # five days lie before the window of 90, and were asked for by themselves
    assert (facts["days_counted"], facts["days_estimated"]) == (95, 755)
    assert facts["uplinks_counted"] == pytest.approx(95 * 137 / 0.95, rel=0.001)
    [order] = [order for order in town.orders() if order["condition"] == "PLAN-BATTERY"]

    # it is changed: the device starts with a higher voltage
    at = town.now + timedelta(hours=2)
    fresh = [town.tell("mh-1", "manhole", at + timedelta(minutes=10 * k), battery_v=3.75, boot=k == 0) for k in range(130)]
    fresh += [town.tell("mh-1", "manhole", at + DAY + timedelta(minutes=10 * k), battery_v=3.75) for k in range(100)]
    town.store(fresh)
    assert ("battery", "resolved") in town.run(days=3).changes
    town.cycle(days=4)
    assert next(row for row in town.orders() if row["id"] == order["id"])["outcome"] == "cleared_by_sensor"


def test_an_interrupted_run_goes_on_and_two_do_not_work_at_once(town: Town) -> None:
    town.past(50, 70, 0.8)
    turns = iter([True, False])
    town.city.forecasts = _chunks_of_one(town.city)
    assert ask(town.db, town.city, town.now)
    part = run_all(town.db, town.city, lambda: town.now, goes_on=lambda: next(turns))
    assert (part.over, part.assets) == (False, 1)
    with town.db.transaction() as tx:
        assert forecasts.lead(tx)
        assert run_all(town.db, town.city, lambda: town.now).busy
    rest = run_all(town.db, town.city, lambda: town.now)
    assert (rest.over, rest.assets) == (True, 3)


def test_one_asset_that_cannot_be_judged_keeps_nobody_from_theirs(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.past(50, 70, 0.8)
    right = judging.judge

    def judge(tx: Tx, chunk: Any, asset: Asset, around: Any) -> Any:
        if asset.id == "dr-2":
            raise ValueError("made up")
        return right(tx, chunk, asset, around)

    monkeypatch.setattr("forecast.run.judge", judge)
    step = town.run()
    assert (step.over, step.assets, step.failed) == (True, 4, 1)
    assert [order["asset"] for order in town.orders()] == ["dr-1"]


def test_a_failure_is_counted_and_the_run_goes_on_where_it_was(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.past(50, 70, 0.8)
    with town.db.transaction() as tx:
        forecasts.set_next(tx, town.now)
    metrics = Metrics(stages=("cycle",), cluster=False)
    with monkeypatch.context() as broken:
        broken.setattr("citybrain.runtime.forecasting.run_all", lambda *_, **__: 1 / 0)
        module = Forecasting(town.city, lambda: town.now, metrics)
        module.turn(town.db, town.now)
        assert module._work is not None
        module._work.join(20)
    assert metrics.registry.get_sample_value("citybrain_cycle_module_errors_total", {"module": "forecast"}) == 1
    with town.db.transaction() as tx:
        assert forecasts.due(tx, town.now)
    assert run_all(town.db, town.city, lambda: town.now).over
    assert len(town.orders()) == 1


def test_two_processes_share_one_run(town: Town) -> None:
    """Whoever finds the other at it leaves it to it; no asset is judged twice, and no order comes twice."""
    town.past(50, 70, 0.8)
    town.city.forecasts = _chunks_of_one(town.city)
    assert ask(town.db, town.city, town.now)
    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(lambda _: run_all(town.db, town.city, lambda: town.now), range(2)))
    rest = run_all(town.db, town.city, lambda: town.now)
    assert sum(part.assets for part in (*parts, rest)) == 4
    assert len(town.orders()) == 1


def test_the_cycle_of_both_runtimes_makes_them(town: Town) -> None:
    town.past(50, 70, 0.8)
    with town.db.transaction() as tx:
        forecasts.set_next(tx, town.now)
    origin = clocks.parse(f"speed=1,origin={town.now.isoformat()}")
    cycling = Cycling(town.city, origin, Metrics(stages=("cycle",), cluster=False))
    deadline = time.monotonic() + 30
    while not town.orders() and time.monotonic() < deadline:
        cycling.turn(town.db)
    cycling.close()
    assert [order["condition"] for order in town.orders()] == ["PLAN-SILT"]


def test_the_first_run_waits_for_the_morning(town: Town) -> None:
    town.past(50, 70, 0.8)
    night = MORNING - timedelta(hours=4)
    assert next_run(town.city.register, 9, night) == MORNING
    module = Forecasting(town.city, lambda: night, Metrics(stages=("cycle",), cluster=False))
    module.turn(town.db, night)
    module.close()
    assert not town.orders()
    metrics = Metrics(stages=("cycle",), cluster=False)
    module = Forecasting(town.city, lambda: MORNING, metrics)
    module.turn(town.db, MORNING)
    assert module._work is not None
    module._work.join(20)
    assert len(town.orders()) == 1
    with town.db.transaction() as tx:
        run = forecasts.run_now(tx)
    assert (run.next_asset, run.assets, run.raised) == (None, 4, 1)
    assert run.next_at == MORNING + DAY
    value = metrics.registry.get_sample_value
    assert value("citybrain_planned_orders_total", {"plan": "silt", "change": "raised"}) == 1
    assert value("citybrain_forecasts", {"plan": "silt", "state": "planned"}) == 1


def test_three_of_one_cause_are_work_for_an_engineer(town: Town) -> None:
    start = town.now
    for n in range(3):
        at = start + n * 10 * DAY
        with town.db.transaction() as tx:
            town.city.dispatch(tx, [event("mh-1", "MH-OPEN", AlertChange.RAISED, at)], at)
        with town.db.transaction() as tx:
            town.city.dispatch(tx, [event("mh-1", "MH-OPEN", AlertChange.RESOLVED, at + timedelta(hours=1), onset=at)], at)
        town.now = at
        town.cycle(days=2)
    assert dict(town.run(days=1).changes) == {("repeat", "raised"): 1}
    order = town.orders()[-1]
    assert (order["condition"], order["filing_item"]) == ("PLAN-REPEAT", "PL-ENGINEER")
    assert not town.run(days=1).changes
    town.db.attempt(lambda tx: act(tx, str(order["id"]), "fix", actor="engineer", reason="", now=town.now))
    assert dict(town.run(days=1).changes) == {("repeat", "resolved"): 1}
    town.cycle(days=3)
    assert town.orders()[-1]["outcome"] == "verified"


def test_planned_orders_are_no_load_that_begins_a_storm(town: Town) -> None:
    town.past(50, 70, 0.8)
    town.run()
    assert len(town.orders()) == 1
    with town.db.transaction() as tx:
        assert storms.open_load(tx, "storm") == {}


def test_sums_and_readings_give_the_same(town: Town) -> None:
    """Days that are summed up already and those that are not are read alike."""
    town.past(8, 70, 0.8)
    with town.db.transaction() as tx:
        begin, end = EPOCH + timedelta(days=20_500), town.now
        before = forecasts.daily(tx, ["dr-1", "rg-1"], ["level_mm", "rain_mm"], begin, end)
    while not summaries.refresh(town.db, town.now).complete:
        pass
    with town.db.transaction() as tx:
        assert forecasts.daily(tx, ["dr-1", "rg-1"], ["level_mm", "rain_mm"], begin, end) == before


def _chunks_of_one(city: City) -> Any:
    book = city.forecasts
    return replace(book, plans=replace(book.plans, life=replace(book.plans.life, chunk=1)))
