"""Topics in a real Kafka: made, changed, refused; and the register followed through one of them."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from citybrain.config import Settings
from citybrain.kernel.errors import ConfigError, UnavailableError
from citybrain.kernel.model import Asset, Device
from citybrain.kernel.register import Register
from citybrain.runtime.process import child_environment
from citybrain.topics import admin
from citybrain.topics.changes import RulebookText
from citybrain.topics.follower import Follower
from citybrain.topics.following import follow
from citybrain.topics.producer import Producer, delivered
from citybrain.topics.publisher import publish_register, publish_rulebook
from citybrain.topics.spec import MAX_RECORD_BYTES, READINGS, REGISTER, TOPICS
from tests.cluster_kit import environment, settings

pytestmark = pytest.mark.live
AT = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def given(kafka_url: str) -> Settings:
    """Settings with a prefix of their own, without topics."""
    return settings(kafka_url, "postgresql://127.0.0.1/nobody")


def _cli(given: Settings, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "citybrain.cli", *words],
        env=child_environment(**environment(given)),
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


def test_topics_are_made_and_changed_back(given: Settings) -> None:
    assert {one.state for one in admin.look(given)} == {"missing"}
    with pytest.raises(UnavailableError, match=f"no topic {given.kafka_prefix}readings; `citybrain topics apply` makes it"):
        admin.end_offsets(given, READINGS)
    assert [(one.topic, one.outcome, one.detail) for one in admin.apply(given)] == [
        (given.kafka_prefix + topic.name, "created", f"{topic.partitions} x 1") for topic in TOPICS
    ]
    code, out, err = _cli(given, "topics", "apply", "-o", "json")
    assert (code, err) == (0, "")
    assert {one["outcome"] for one in json.loads(out)} == {"same"}
    _alter(given, READINGS, {"retention.ms": "1000"})
    code, out, err = _cli(given, "topics", "list", "-o", "json")
    found = {one["name"]: one for one in json.loads(out)}
    assert (found["readings"]["state"], found["readings"]["partitions"]) == ("config_differs", 32)
    assert found["readings"]["differs"] == {"retention.ms": ["1000", "604800000"]}
    assert found["register"]["state"] == "ok"
    by_name = {one.topic: one for one in admin.apply(given)}
    changed = by_name[f"{given.kafka_prefix}readings"]
    assert (changed.outcome, changed.detail) == ("changed", "retention.ms: 1000 -> 604800000")
    assert {one.state for one in admin.look(given)} == {"ok"}


def _alter(given: Settings, topic: str, config: dict[str, str]) -> None:
    client = KafkaAdminClient(bootstrap_servers=(given.kafka_url or "").removeprefix("kafka://"))
    client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, given.kafka_prefix + topic, config)])
    client.close()


def test_a_wrong_number_of_partitions_is_refused_with_the_remedy_and_nothing_is_made(given: Settings) -> None:
    client = KafkaAdminClient(bootstrap_servers=(given.kafka_url or "").removeprefix("kafka://"))
    name = f"{given.kafka_prefix}readings"
    client.create_topics({name: {"num_partitions": 4, "replication_factor": 1}}, wait_for_metadata=True)
    client.close()
    with pytest.raises(ConfigError, match="has 4 partitions and must have 32"):
        admin.apply(given)
    code, out, err = _cli(given, "topics", "apply")
    assert (code, out) == (1, "")
    for words in (name, "fixed for life", "CITYBRAIN_KAFKA_PREFIX", "citybrain migrate", "delete the topic"):
        assert words in err
    assert [one.state for one in admin.look(given)] == ["wrong_partitions", "missing", "missing", "missing"]
    code, _, err = _cli(given, "ingest", "--http-port", "0")
    assert code == 1
    assert "has 4 partitions and must have 32" in err


def test_lag_is_what_a_group_has_not_done(given: Settings) -> None:
    admin.apply(given)
    producer = Producer(given, "test")
    delivered([producer.send(READINGS, b"{}", partition=partition) for partition in (3, 3, 3, 5)])
    assert producer.partitions(READINGS) == 32
    with pytest.raises(UnavailableError, match="MessageSizeTooLarge"):
        producer.send(READINGS, b"x" * (MAX_RECORD_BYTES + 20_000), partition=3)
    producer.close()
    waiting = admin.lag(given, "rules", READINGS)
    assert (len(waiting), waiting[3], waiting[5], waiting[7]) == (32, 3, 1, 0)
    name = f"{given.kafka_prefix}readings"
    consumer = KafkaConsumer(
        bootstrap_servers=(given.kafka_url or "").removeprefix("kafka://"), group_id=f"{given.kafka_prefix}rules",
        enable_auto_commit=False,
    )  # fmt: skip
    consumer.assign([TopicPartition(name, 3)])
    consumer.commit({TopicPartition(name, 3): OffsetAndMetadata(2, "", -1)})
    consumer.close()
    assert admin.lag(given, "rules", READINGS)[3] == 1
    assert admin.end_offsets(given, READINGS)[3] == 3


def test_the_register_is_followed(given: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(UnavailableError, match="there is no topic"):
        Follower(given)
    admin.apply(given)
    register = Register()
    follower = Follower(given)
    assert follower.catch_up() == []
    assert follower.published == -1
    producer = Producer(given, "test")
    source: dict[str, Any] = {"source": "citybrain/dispatch/d1", "at": AT}
    assets = [Asset(f"A-{n}", "drain", install_height_mm=n) for n in range(7000)]
    devices = {"d:1": [Device("d:1", "A-1", None, AT)]}
    assert publish_register(producer, version=7, assets=assets, devices=devices, **source) == 7002
    changes = follower.catch_up()
    found = follow(register, changes)
    assert (len(found.assets), follower.published, register.version) == (7000, 7, 7)
    assert register.devices == devices
    # a record of a newer program, or of nobody, harms only itself
    delivered([producer.send(REGISTER, b"garbage", key=b"asset:X", partition=0)])
    delivered([producer.send(REGISTER, None, key=b"asset:A-1", partition=0)])
    assert publish_rulebook(producer, RulebookText("abc", (("a.yml", "x: 1"),)), **source) == 1
    publish_register(producer, version=8, assets=[Asset("A-1", "drain", 1.0, 2.0)], devices={}, **source)
    with caplog.at_level(logging.ERROR):
        found = follow(register, follower.catch_up())
    assert found.assets == ["A-1"]
    assert found.rulebook is not None
    assert found.rulebook.version == "abc"
    assert follower.published == 8
    assert "bad_record" in caplog.text
    assert follower.poll() == []
    # who comes later hears the same
    late = Follower(given)
    other = Register()
    follow(other, late.catch_up())
    assert (other.assets, other.devices, late.published) == (register.assets, register.devices, 8)
    producer.close()
    follower.close()
    late.close()


def test_without_kafka_the_error_says_what_to_set() -> None:
    with pytest.raises(ConfigError, match="CITYBRAIN_KAFKA_URL=kafka://"):
        Producer(Settings(), "test")
    code, _, err = _cli(Settings(), "topics", "list")
    assert code == 1
    assert "set CITYBRAIN_KAFKA_URL" in err
