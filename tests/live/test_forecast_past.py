"""A made-up city with a past has planned orders on its first day."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from citybrain.config import Settings
from citybrain.metrics import Metrics
from citybrain.runtime.city import City
from citybrain.runtime.demo.stage import save
from citybrain.runtime.forecasting import Forecasting
from citybrain.runtime.past import seed_history
from citybrain.store import forecasts, views
from citybrain.store.db import Database
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
