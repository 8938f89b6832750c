"""What the rules worker uses of Faust and aiokafka, held against a real Kafka: a new version that changes it fails here.

The worker is `tests/live/faust_worker.py`, set like `rules.faust_app`, in a process of its own.
"""

from __future__ import annotations

import inspect
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import faust
import pytest
from faust.streams import Stream
from faust.transport.consumer import Consumer
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from citybrain.runtime.process import child_environment
from tests.servers.kafka import KafkaCluster

pytestmark = pytest.mark.live
SESSION_S = 6.0
HELD_S = SESSION_S * 4 / 3 + 4
"""a killed worker's partitions are with another after its session, one heartbeat of the other, and a rebalance"""
_numbers = itertools.count()


class Worker:
    """A Faust worker whose steps are read from a file."""

    def __init__(self, kafka_url: str, topic: str, folder: Path) -> None:
        number = next(_numbers)
        self._told, self._log = folder / f"worker-{number}.json", folder / f"worker-{number}.log"
        self._told.touch()
        env = child_environment(TEST_KAFKA=kafka_url, TEST_TOPIC=topic, TEST_GROUP=topic, TEST_TOLD=str(self._told))
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.live.faust_worker"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**env, "TEST_SESSION_S": str(SESSION_S)}, cwd=folder,
            )  # fmt: skip

    def steps(self, what: str) -> list[dict[str, Any]]:
        """What it told of one kind so far."""
        told = (json.loads(line) for line in self._told.read_text().splitlines())
        return [step for step in told if step["what"] == what]

    def values(self, partition: int) -> list[str]:
        """The records that it read of a partition."""
        return [step["value"] for step in self.steps("record") if step["partition"] == partition]

    def owns(self) -> set[int]:
        """The partitions that it was given last."""
        found = self.steps("assigned")
        return set(found[-1]["partitions"]) if found else set()

    def until(self, true: Callable[[], object], seconds: float = 30) -> None:
        """Wait until it is true, as long as the process lives."""
        wait_for(true, seconds, lambda: self._log.read_text()[-3000:])

    def end(self) -> float:
        """SIGTERM; seconds until it ended with 0."""
        began = time.monotonic()
        self.process.terminate()
        assert self.process.wait(30) == 0, self._log.read_text()[-3000:]
        return time.monotonic() - began

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def wait_for(true: Callable[[], object], seconds: float, said: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not so within {seconds:g} s; {said()}"
        time.sleep(0.02)


class Bench:
    """A topic of four partitions, what is sent into it, and workers on it."""

    def __init__(self, kafka_url: str, topic: str, folder: Path) -> None:
        self.url, self.topic, self._folder = kafka_url, topic, folder
        servers = kafka_url.removeprefix("kafka://").split(",")
        self.admin = KafkaAdminClient(bootstrap_servers=servers, reconnect_backoff_max_ms=500)
        self.producer = KafkaProducer(
            bootstrap_servers=servers, reconnect_backoff_max_ms=500, compression_type="lz4", max_request_size=5 << 20
        )  # fmt: skip
        self._workers: list[Worker] = []
        self.admin.create_topics([NewTopic(topic, 4, 1)], wait_for_metadata=True)

    def worker(self, url: str = "") -> Worker:
        self._workers.append(Worker(url or self.url, self.topic, self._folder))
        return self._workers[-1]

    def send(self, *values: str, partition: int = 0) -> None:
        for future in [self.producer.send(self.topic, value.encode(), partition=partition) for value in values]:
            future.get(30)

    def committed(self, partition: int = 0) -> int:
        """The group's offset in Kafka; -1 for none, or none known while the broker starts."""
        try:
            found = self.admin.list_group_offsets([self.topic])[self.topic]
        except KafkaError as error:
            if not error.retriable:
                raise
            return -1
        return next((int(one.offset) for place, one in found.items() if place.partition == partition), -1)

    def close(self) -> None:
        for worker in self._workers:
            worker.close()
        self.producer.close(timeout=5)
        self.admin.close()


@contextmanager
def benched(kafka_url: str, folder: Path) -> Iterator[Bench]:
    bench = Bench(kafka_url, f"faust-{os.getpid()}-{next(_numbers)}", folder)
    try:
        yield bench
    finally:
        bench.close()


@pytest.fixture
def bench(kafka_url: str, tmp_path: Path) -> Iterator[Bench]:
    with benched(kafka_url, tmp_path) as found:
        yield found


def test_the_private_calls_look_as_we_call_them() -> None:
    commit = inspect.signature(Consumer._commit_offsets)
    assert list(commit.parameters) == ["self", "offsets", "start_new_transaction"]
    assert commit.parameters["start_new_transaction"].default is True
    assert inspect.iscoroutinefunction(Consumer._commit_offsets)
    assert list(inspect.signature(Consumer.assignment).parameters) == ["self"]
    assert list(inspect.signature(Consumer.highwater).parameters) == ["self", "tp"]
    assert list(inspect.signature(Stream.noack).parameters) == ["self"]
    assert inspect.isasyncgenfunction(Stream.events)
    app = faust.App("shapes", stream_wait_empty=False, datadir=os.devnull)
    assert app.conf.stream_wait_empty is False


def test_a_worker_commits_what_it_is_told_and_goes_on_from_there(bench: Bench) -> None:
    bench.send("a", "b", "commit", "c", "d")
    first = bench.worker()
    first.until(lambda: len(first.values(0)) == 5 and first.steps("committed"))
    (committed,) = first.steps("committed")
    assert committed["worked"]
    assert committed["acked"] == 0, "Faust counts records as acknowledged: it would commit them behind our back"
    assert committed["assignment"] == [0, 1, 2, 3]
    assert bench.committed() == 3
    assert first.end() < 5, "records that nobody acknowledged must not hold up the end"
    assert bench.committed() == 3, "nothing else is committed at the end"
    second = bench.worker()
    second.until(lambda: second.values(0))
    assert second.values(0) == ["c", "d"]
    assert second.steps("record")[0]["offset"] == 3


def test_faust_reads_what_the_other_client_writes(bench: Bench) -> None:
    """Compressed, with headers, and as large as a record may be."""
    value = random.Random(7).randbytes(2 << 20).hex().encode()[: (4 << 20) - 1024]
    headers = [("ce_type", b"city.readings.v1"), ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    bench.producer.send(bench.topic, value, partition=1, headers=headers).get(30)
    worker = bench.worker()
    worker.until(lambda: worker.values(1))
    (record,) = worker.steps("record")
    assert (record["bytes"], record["value"]) == (len(value), value[:100].decode())
    assert record["headers"] == {name: text.decode() for name, text in headers}


def test_an_exception_in_the_agent_ends_the_process_and_commits_nothing(bench: Bench) -> None:
    bench.send("a", "commit", "b", "fail", "c")
    worker = bench.worker()
    assert worker.process.wait(30) == 1
    assert worker.values(0)[-1] == "fail"
    assert bench.committed() <= 2
    again = bench.worker()
    assert again.process.wait(30) == 1
    assert again.values(0)[-2:] == ["b", "fail"], "the record that failed comes again"


def test_two_workers_share_the_partitions_and_one_inherits_from_the_other(bench: Bench) -> None:
    one = bench.worker()
    one.until(lambda: one.owns() == {0, 1, 2, 3})
    two = bench.worker()
    two.until(lambda: len(one.owns()) == len(two.owns()) == 2)
    assert one.owns() | two.owns() == {0, 1, 2, 3}
    two.process.send_signal(signal.SIGKILL)
    one.until(lambda: one.owns() == {0, 1, 2, 3}, HELD_S)
    for partition in range(4):
        bench.send("after", partition=partition)
    one.until(lambda: all(one.values(partition) == ["after"] for partition in range(4)))


def test_a_worker_outlives_a_cut_and_a_broker_that_was_killed(tmp_path: Path) -> None:
    with KafkaCluster(routes=("far",)) as cluster, benched(cluster.url, tmp_path) as bench:
        near, far = bench.worker(), bench.worker(cluster.routes["far"].url)
        near.until(lambda: len(near.owns()) == len(far.owns()) == 2)
        cluster.routes["far"].cut()
        near.until(lambda: near.owns() == {0, 1, 2, 3}, HELD_S)
        cluster.routes["far"].heal()
        near.until(lambda: len(near.owns()) == len(far.owns()) == 2 and not near.owns() & far.owns(), 20)
        cluster.kill()
        cluster.restart()
        for partition in range(4):
            bench.send("commit", partition=partition)
        near.until(lambda: all(bench.committed(partition) == 1 for partition in range(4)), 40)
        assert near.process.poll() is far.process.poll() is None
