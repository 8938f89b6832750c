"""Minutes of load with kills: only by `make soak`."""

from __future__ import annotations

import signal
import time

import psutil
import pytest

from citybrain.config import Settings
from citybrain.runtime.bench import running, start_flood, stored
from citybrain.runtime.flood import Options
from citybrain.store import report
from tests.live.test_kill import City, _finish, _settle

pytestmark = [pytest.mark.live, pytest.mark.soak]
MINUTES = 10


def test_ten_minutes_keep_every_message_and_the_memory() -> None:
    with running(20_000) as (run, _, process):
        city = City(run, process)
        port = int(run.read("run")["mqtt"].rsplit(":", 1)[1])
        flood = start_flood(Options("127.0.0.1", port, Settings().city, 20_000, 3600, 3000, faults_per_s=1))
        sizes = []
        for minute in range(MINUTES):
            time.sleep(60)
            sizes.append(psutil.Process(run.read("pipeline")["pid"]).memory_info().rss)
            if minute == MINUTES // 2:
                at = int(time.time() * 1000)  # noqa: TID251 - a test of real processes lives in real time
                city.kill("database")
                city.recovered(at, 60)
        flood.send_signal(signal.SIGINT)
        done = _finish(flood, run)
        db = _settle(run, lambda db: stored(db) >= done["acked"], 120)
        with db.transaction() as tx:
            seqs = report.stored_seqs(tx)
            doubled = report.orders_doubled(tx)
        db.close()
    assert set(seqs.values()) == {1}
    assert len(seqs) >= done["acked"]
    assert doubled == 0
    assert max(sizes) < 1.5 * sizes[1], f"resident memory by the minute: {sizes}"
