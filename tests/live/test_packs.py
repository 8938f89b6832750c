"""A pack through the embedded pipeline and a real database: its readings are stored, one that is bad waits in quarantine."""

from __future__ import annotations

import orjson
import pytest

from citybrain.clock import SystemClock, real_ms
from citybrain.config import Settings
from citybrain.metrics import Metrics
from citybrain.runtime.city import City
from citybrain.runtime.pipeline import Pipeline
from citybrain.store import quarantine, stream
from citybrain.store import register as register_store
from citybrain.store.db import Database
from ingest.bridge import Delivery
from ingest.decode import Decoder
from ingest.quarantine import REASONS
from ingest.registry import load_profiles
from tests.hand import Hand

pytestmark = pytest.mark.live
TOPIC = "city/demo/gateway/G-1/pack"


def test_a_pack_is_stored_and_its_bad_reading_kept(db: Database) -> None:
    settings, source = Settings(), Hand()
    city = City(settings)
    decoder = Decoder(load_profiles(None), city.register, city="demo", auto_register=True, max_future_s=600, max_age_s=600)
    flow = Pipeline(db, source, decoder, city, SystemClock(), Metrics(quarantine_reasons=REASONS), settings)
    readings = [
        {"asset": f"D-{n % 40}", "kind": "drain", "ts": real_ms() - 1000 + n, "values": {"level_mm": 50 + n}}
        for n in range(200)
    ]
    readings[77]["values"] = {"level_mm": "high"}
    payload = orjson.dumps({"readings": readings})
    for token in (1, 2):
        source.waiting.append(Delivery(token, TOPIC, payload, 1, False, token == 2, real_ms()))
        flow.turn(0.01)
    assert source.acked == [1, 2]
    with db.transaction() as tx:
        assert stream.counters(tx)["stored"] == 199
        (kept,) = quarantine.find(tx)
        content = quarantine.show(tx, kept["id"])
        assert len(register_store.load_register(tx).assets) == 40
    assert (kept["topic"], kept["reason"], kept["seen"]) == (TOPIC, "no_values", 2)
    assert kept["detail"] == "reading 77 of 200: level_mm wrong_type"
    assert orjson.loads(content["payload"]) == {"readings": [readings[77]]}
    flow.close()
