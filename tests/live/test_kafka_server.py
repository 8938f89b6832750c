"""The Kafka that tests start: what is acknowledged stays, through SIGKILL of a node and of a partition's leader."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from tests.servers.kafka import KafkaCluster

pytestmark = pytest.mark.live


def make_topic(cluster: KafkaCluster, name: str, partitions: int = 2) -> None:
    copies = len(cluster.ports)
    with cluster.admin() as admin:
        admin.create_topics([NewTopic(name, partitions, copies)], wait_for_metadata=True)


@contextmanager
def producing(bootstrap: list[str]) -> Iterator[KafkaProducer]:
    producer = KafkaProducer(
        bootstrap_servers=bootstrap, acks="all", compression_type="lz4", linger_ms=0, delivery_timeout_ms=60_000
    )
    try:
        yield producer
    finally:
        producer.close(timeout=10)


def read_all(bootstrap: list[str], topic: str, partitions: int = 2) -> list[bytes]:
    """Every value in the topic, up to its end as it is now."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    try:
        places = [TopicPartition(topic, partition) for partition in range(partitions)]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        found: list[bytes] = []
        deadline = time.monotonic() + 30
        while any(consumer.position(place) < ends[place] for place in places):
            assert time.monotonic() < deadline, "the topic cannot be read to its end"
            for records in consumer.poll(500).values():
                found += [record.value for record in records]
        return found
    finally:
        consumer.close()


def test_a_node_comes_back_with_what_it_acknowledged() -> None:
    with KafkaCluster() as cluster:
        make_topic(cluster, "kept")
        sent = [b"%d" % number for number in range(500)]
        with producing(cluster.bootstrap) as producer:
            for future in [producer.send("kept", value, partition=index % 2) for index, value in enumerate(sent)]:
                future.get(30)
            cluster.kill()
            assert cluster.pids == {1: None}
            cluster.restart()
            producer.send("kept", b"after", partition=0).get(60)
        assert sorted(read_all(cluster.bootstrap, "kept")) == sorted([*sent, b"after"])


class Stream:
    """Sends numbers one after the other from a thread of its own, and notes which were acknowledged and when."""

    def __init__(self, producer: KafkaProducer, topic: str) -> None:
        self._producer, self._topic = producer, topic
        self.acknowledged: list[bytes] = []
        self.longest_s = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        for number in itertools.count():
            if self._end.is_set():
                return
            value, began = b"%d" % number, time.monotonic()
            try:
                self._producer.send(self._topic, value, partition=0).get(60)
            except KafkaError:
                continue
            self.acknowledged.append(value)
            self.longest_s = max(self.longest_s, time.monotonic() - began)

    def __enter__(self) -> Stream:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def wait_more(self, count: int, seconds: float = 30) -> None:
        """Until `count` more are acknowledged."""
        want, deadline = len(self.acknowledged) + count, time.monotonic() + seconds
        while len(self.acknowledged) < want:
            assert time.monotonic() < deadline, "nothing more is acknowledged"
            time.sleep(0.02)


def test_three_nodes_go_on_without_the_leader() -> None:
    with KafkaCluster(3) as cluster:
        make_topic(cluster, "led")
        with producing(cluster.bootstrap) as producer, Stream(producer, "led") as stream:
            stream.wait_more(20)
            leader = cluster.leader("led")
            cluster.kill(leader)
            stream.wait_more(20)
            assert cluster.leader("led") not in (leader, -1)
            cluster.restart(leader)
            stream.wait_more(20)
        found = read_all(cluster.bootstrap, "led")
        assert [value for value in found if value in set(stream.acknowledged)] == stream.acknowledged
        assert stream.longest_s < 15
