"""A made-up city with a past has planned orders on its first day."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from citybrain.config import Settings
from citybrain.kernel.model import Reading
from citybrain.kernel.times import to_ms
from citybrain.metrics import Metrics
from citybrain.runtime.city import City
from citybrain.runtime.demo.stage import save
from citybrain.runtime.forecasting import Forecasting
from citybrain.runtime.past import seed_history
from citybrain.store import forecasts, readings, views
from citybrain.store.db import Database
from rules.hindsight import judge_again
from simulators.world import World
from simulators.world.scenario import DEMO_START

pytestmark = pytest.mark.live


def test_every_kind_that_wears_gets_its_order(db: Database, tmp_path: Path) -> None:
    start = datetime.fromisoformat(DEMO_START)
    register = World(7, 400, start).register()
    city = City(Settings(data_dir=tmp_path))
    save(db, register)
    worn = seed_history(db, register, city.forecasts, start)
    with db.transaction() as tx:
        city.load_register(tx)
    module = Forecasting(city, lambda: start, Metrics(stages=("cycle",), cluster=False))
    module.turn(db, start)
    assert module._work is not None
    module._work.join(60)
    with db.transaction() as tx:
        planned = {(row["plan"], row["asset"]) for row in forecasts.listed(tx, planned=True)}
        assert forecasts.forecast_orders(tx) == len(planned) == 5
        orders = views.orders(tx, limit=100)
    assert planned == {(str(plan), asset) for plan, names in worn.items() for asset in names}
    assert {order["unit"] for order in orders} <= set(register.units)


def test_no_rule_judges_the_made_up_past(db: Database, tmp_path: Path) -> None:
    """A late reading makes its asset be judged again from the archive: three messages a day would be silences there."""
    start = datetime.fromisoformat(DEMO_START)
    register = World(7, 200, start).register()
    city = City(Settings(data_dir=tmp_path))
    save(db, register)
    worn = seed_history(db, register, city.forecasts, start)
    now = start + timedelta(hours=1)
    for name in [name for names in worn.values() for name in names]:
        asset = register.assets[name]
        at_ms = to_ms(start + timedelta(minutes=50))
        with db.transaction() as tx:
            readings.add_late(tx, [Reading(name, asset.kind, name, at_ms, at_ms, {"temperature_cel": 12.0})], now)
            assert judge_again(tx, asset, city.rulebook, at_ms, now, timedelta(days=30)).events == []
