"""The whole cluster on one machine, two of each, while its parts die: nothing acknowledged is lost, nothing is doubled.

Twenty seeded rounds: SIGKILL of a bridge, a rules worker, a dispatcher, the archive; Kafka killed; the MQTT broker restarted;
the network between one rules worker and Kafka cut. The time to recover is measured where it counts: from the message of a fault
to its order, for the faults that happened meanwhile.
"""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from citybrain.clock import real_ms
from citybrain.runtime.bench import start_flood, stored
from citybrain.runtime.cluster.bench import City, Servers, running
from citybrain.store import report
from tests.cluster_kit import own_postgres
from tests.servers.kafka import KafkaCluster
from tests.servers.mosquitto import Mosquitto

pytestmark = pytest.mark.live
ROUNDS, SEED, RATE = 20, 20261124, 400
RECOVERY_S = 15.0
CUT_S = 9.0
"""longer than a rules worker's session: its partitions must move"""
SERVICES = {
    "ingest-1": "ingest", "ingest-2": "ingest", "rules-1": "rules", "rules-2": "rules",
    "dispatch-1": "dispatch", "dispatch-2": "dispatch", "archive-1": "archive",
}  # fmt: skip
KILLED = ("ingest-1", "ingest-2", "rules-1", "rules-2", "dispatch-1", "dispatch-2", "archive-1")


class Chaos:
    """What can go wrong with a running city."""

    def __init__(self, city: City, kafka: KafkaCluster, mosquitto: Mosquitto) -> None:
        self.city, self.kafka, self.mosquitto = city, kafka, mosquitto

    def kill(self, name: str) -> None:
        """A service dies; its keeper starts it again."""
        self.city.fleet.kill(name)

    def kill_kafka(self) -> None:
        """The Kafka broker dies and is started again on its disk."""
        self.kafka.kill()
        self.kafka.restart()

    def restart_mosquitto(self) -> None:
        """The MQTT broker is restarted in order: it keeps its sessions on disk."""
        self.mosquitto.restart()

    def cut(self) -> None:
        """The network between rules-2 and Kafka is cut for longer than its session."""
        self.kafka.routes["rules-2"].cut()
        time.sleep(CUT_S)
        self.kafka.routes["rules-2"].heal()

    def actions(self, rng: random.Random) -> list[tuple[str, Callable[[], None]]]:
        """One of each, then more by chance, shuffled."""
        special: list[tuple[str, Callable[[], None]]] = [
            ("kafka killed", self.kill_kafka),
            ("mosquitto restarted", self.restart_mosquitto),
            ("rules-2 cut off", self.cut),
        ]
        kills = [(f"{name} killed", lambda name=name: self.kill(name)) for name in KILLED]
        found = [*special, *kills]
        found += [rng.choice(special) if rng.random() < 0.3 else rng.choice(kills) for _ in range(ROUNDS - len(found))]
        rng.shuffle(found)
        return found


def test_twenty_rounds_lose_nothing_and_double_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(SEED)
    rounds: list[tuple[int, str]] = []
    with own_postgres() as (_, url), KafkaCluster(1, routes=("rules-2",)) as kafka, Mosquitto() as mosquitto:
        servers = Servers(mosquitto.url, kafka.url, url)
        # as in compose.yaml: a dead worker is found after three seconds
        own = {name: {"CITYBRAIN_KAFKA_SESSION_S": "3"} for name in SERVICES}
        own["rules-2"]["CITYBRAIN_KAFKA_URL"] = kafka.routes["rules-2"].url
        # mosquitto forgets shared subscriptions when it is restarted
        own["ingest-1"]["CITYBRAIN_MQTT_NET"] = "true"
        with running(servers, 2000, "chaos.", SERVICES, own=own) as city:
            flood = start_flood(city.options(assets=2000, seconds=1200, rate=RATE, faults_per_s=3))
            time.sleep(5)
            for what, action in Chaos(city, kafka, mosquitto).actions(rng):
                rounds.append((real_ms(), what))
                action()
                city.fleet.wait_ready(60)
                time.sleep(rng.uniform(0.3, 2.0))
            flood.send_signal(signal.SIGINT)
            done: dict[str, Any] = json.loads(flood.communicate(timeout=120)[0])
            deadline = time.monotonic() + 60
            while stored(city.db) < done["acked"] and time.monotonic() < deadline:
                time.sleep(0.2)
            time.sleep(2)
            with city.db.transaction() as tx:
                seqs, ordered, doubled = report.stored_seqs(tx), report.order_ms(tx), report.orders_doubled(tx)
    unacked = set(done["unacked"])
    acked = [seq for seq in range(done["first_seq"], done["last_seq"] + 1) if seq not in unacked]
    faults = [(asset, at) for asset, seq, at in done["faults"] if seq not in unacked]
    waits = _waits(rounds, [(at, min(ordered[asset]) - at) for asset, at in faults if asset in ordered])
    with capsys.disabled():
        print(
            f"\n{len(acked)} messages acknowledged, {len(faults)} faults; seconds to the last late order of each round: {waits}"
        )
    assert [seq for seq in acked if seq not in seqs] == [], "each acknowledged message is stored"
    assert [seq for seq, times in seqs.items() if times != 1] == [], "each is stored once"
    assert {asset: len(ordered.get(asset, ())) for asset, _ in faults} == {asset: 1 for asset, _ in faults}
    assert doubled == 0
    assert len(faults) > 100
    assert max(seconds for _, seconds in waits) <= RECOVERY_S


def _waits(rounds: list[tuple[int, str]], latencies: list[tuple[int, float]]) -> list[tuple[str, float]]:
    """For each round the longest time from a fault in it to its order, in seconds; before it began, two seconds count to it."""
    ends = [at for at, _ in rounds[1:]] + [1 << 62]
    found = []
    for (begin, what), end in zip(rounds, ends, strict=True):
        slow = [latency / 1000 for at, latency in latencies if begin - 2000 <= at < end]
        found.append((what, round(max(slow, default=0.0), 1)))
    return found
