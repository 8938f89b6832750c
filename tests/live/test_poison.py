"""A reading that makes a rule fail harms only itself: it goes to quarantine, the stream goes on, and so does a restart."""

from __future__ import annotations

import time
from collections.abc import Sequence

import orjson
import pytest

from citybrain.clock import SystemClock, real_ms
from citybrain.config import Settings
from citybrain.kernel.model import Reading
from citybrain.metrics import Metrics
from citybrain.runtime.city import City
from citybrain.runtime.pipeline import Pipeline
from citybrain.store import readings, report
from citybrain.store.db import Database
from ingest.bridge import Delivery
from ingest.decode import Decoder
from ingest.quarantine import REASONS
from ingest.registry import load_profiles
from rules.engine import Engine, StepResult
from tests.hand import Hand

pytestmark = pytest.mark.live
BOMB = 66.6


class Given(Hand):
    """A hand that is given covers."""

    def put(self, token: int, asset: str, tilt_deg: float) -> None:
        payload = orjson.dumps({"ts": real_ms() + token, "values": {"tilt_deg": tilt_deg}})
        self.waiting.append(Delivery(token, f"city/demo/manhole/{asset}/telemetry", payload, 1, False, False, real_ms()))


def _pipeline(db: Database, source: Given) -> Pipeline:
    settings = Settings()
    city = City(settings)
    decoder = Decoder(load_profiles(None), city.register, city="demo", auto_register=True, max_future_s=1e9, max_age_s=1e9)
    return Pipeline(db, source, decoder, city, SystemClock(), Metrics(quarantine_reasons=REASONS), settings)


@pytest.fixture
def bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine with a fault: a tilt of 66.6 makes it fail half-way through a batch."""
    step = Engine.step

    def failing(self: Engine, readings: Sequence[Reading]) -> StepResult:
        for index, reading in enumerate(readings):
            if reading.values.get("tilt_deg") == BOMB:
                step(self, readings[:index])
                raise ZeroDivisionError("a rule failed")
        return step(self, readings)

    monkeypatch.setattr(Engine, "step", failing)


@pytest.mark.usefixtures("bomb")
def test_the_rest_of_the_batch_is_judged_and_stored(db: Database) -> None:
    source = Given()
    flow = _pipeline(db, source)
    # three assets of one shard would do; forty spread over all shards, one of them with a bomb between two good readings
    for token in range(40):
        source.put(token, f"A{token}", 0.5)
    source.put(40, "A7", BOMB)
    source.put(41, "A7", 95.0)
    flow.turn(0)
    assert source.acked == list(range(42))
    with db.transaction() as tx:
        assert readings.total_messages(tx) == 41
        assert report.quarantined(tx) == {"rule_error": 1}
        assert "MH-FLIP" in {row["condition"] for row in report.episodes(tx) if row["asset"] == "A7"}
    flow.close()
    again = _pipeline(db, source)
    source.put(50, "A7", 95.0)
    again.turn(0)
    with db.transaction() as tx:
        assert readings.total_messages(tx) == 42
        assert report.orders_opened(tx) == 1
    again.close()


def test_a_restart_without_a_checkpoint_replays_the_log(db: Database) -> None:
    source = Given()
    flow = _pipeline(db, source)
    source.put(0, "B1", 95.0)
    flow.turn(0)
    time.sleep(0.01)
    flow._session.close()  # as SIGKILL would: no checkpoint, no goodbye
    again = _pipeline(db, source)
    assert again.position == flow.position
    source.put(1, "B1", 95.0)
    again.turn(0)
    with db.transaction() as tx:
        assert report.orders_opened(tx) == 1
        assert readings.total_messages(tx) == 2
    again.close()
