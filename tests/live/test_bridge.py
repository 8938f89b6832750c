"""The bridge against a real broker: nothing acknowledged comes again, nothing unacknowledged is lost."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from citybrain.config import Settings
from ingest.bridge import Bridge, Delivery

pytestmark = pytest.mark.live

_CONFIG = """
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 2000
max_segment_size = 104857600
max_segment_count = 10
[v4.1]
name = "v4"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = 2000000
max_inflight_count = 1000
dynamic_filters = true
[v5.1]
name = "v5"
listen = "127.0.0.1:{port5}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 2000000
max_inflight_count = 1000
dynamic_filters = true
"""
WINDOW = 100
"""rumqttd hands out at most so many unacknowledged messages, whatever its max_inflight_count says"""
_PROGRAM = """
import logging, sys
logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
from iotcore import IotCoreBroker
IotCoreBroker(config_path=sys.argv[1]).run_forever()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """A real broker that can be killed and started again on the same ports."""

    def __init__(self, folder: Path) -> None:
        self.port, self.port5 = free_port(), free_port()
        self._config = folder / "broker.toml"
        self._config.write_text(_CONFIG.format(port=self.port, port5=self.port5))
        self._process: subprocess.Popen[bytes] | None = None

    def extend(self, text: str) -> None:
        """Add to the configuration."""
        self._config.write_text(self._config.read_text() + text)

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(lambda: _answers(self.port) and _answers(self.port5), "the broker does not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2):
            return True
    except OSError:
        return False


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    server = Broker(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def bridges() -> Iterator[list[Bridge]]:
    made: list[Bridge] = []
    yield made
    for bridge in made:
        bridge.stop(0)


def connect(bridges: list[Bridge], broker: Broker, *, client: str = "bridge", v5: bool = False, **options: object) -> Bridge:
    settings = Settings(
        mqtt_url=f"mqtt://127.0.0.1:{broker.port5 if v5 else broker.port}", mqtt_protocol="5" if v5 else "3.1.1"
    )
    given: Any = {"subscriptions": ["city/#"], **options}
    bridge = Bridge(settings, client_id=client, wait_s=(0.05, 0.2), **given)
    bridges.append(bridge)
    bridge.start()
    wait_for(lambda: bridge.connected, "the bridge does not connect")
    return bridge


def publish(
    broker: Broker, payloads: list[bytes], topic: str = "city/demo/drain/D-1/telemetry", *, retain: bool = False
) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(500)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    for info in [client.publish(topic, payload, qos=1, retain=retain) for payload in payloads]:
        info.wait_for_publish(15)
    client.disconnect()
    client.loop_stop()


def numbers(count: int, start: int = 0) -> list[bytes]:
    return [f"m{number}".encode() for number in range(start, start + count)]


def take(bridge: Bridge, count: int, seconds: float = 15) -> list[Delivery]:
    got: list[Delivery] = []
    end = time.monotonic() + seconds
    while len(got) < count and time.monotonic() < end:
        got += bridge.take(count - len(got), 0.2)
    return got


def nothing_more(bridge: Bridge, seconds: float = 0.7) -> bool:
    return bridge.take(10, seconds) == []


@pytest.mark.parametrize("v5", [False, True], ids=["3.1.1", "5"])
def test_unacknowledged_messages_come_again_and_acknowledged_ones_do_not(
    broker: Broker, bridges: list[Bridge], v5: bool
) -> None:
    first = connect(bridges, broker, v5=v5)
    publish(broker, numbers(100))
    got = take(first, 100)
    assert [item.payload for item in got] == numbers(100)
    first.ack([item.token for item in got[:60]])
    first.stop(0.3)
    second = connect(bridges, broker, v5=v5)
    assert [item.payload for item in take(second, 40)] == numbers(40, 60)
    assert nothing_more(second)


def test_what_is_published_while_the_bridge_is_away_waits_in_the_session(broker: Broker, bridges: list[Bridge]) -> None:
    connect(bridges, broker).stop(0)
    publish(broker, numbers(50))
    assert [item.payload for item in take(connect(bridges, broker), 50)] == numbers(50)


def test_acknowledgements_of_an_older_connection_are_let_go(broker: Broker, bridges: list[Bridge]) -> None:
    bridge = connect(bridges, broker)
    publish(broker, numbers(10))
    old = take(bridge, 10)
    broker.kill()
    wait_for(lambda: not bridge.connected, "the bridge does not notice")
    broker.start()
    wait_for(lambda: bridge.connected, "the bridge does not come back")
    publish(broker, numbers(10, 100))
    fresh = take(bridge, 10)
    assert {item.token for item in old}.isdisjoint(item.token for item in fresh)
    # the same packet ids are in use again: these must not acknowledge the new messages
    bridge.ack([item.token for item in old])
    bridge.stop(0.3)
    again = connect(bridges, broker)
    assert [item.payload for item in take(again, 10)] == numbers(10, 100)


def test_it_comes_back_and_subscribes_after_the_broker_was_killed(broker: Broker, bridges: list[Bridge]) -> None:
    connections: list[int] = []
    bridge = connect(bridges, broker, on_connect_metric=lambda: connections.append(1))
    for round_number in range(3):
        broker.kill()
        wait_for(lambda: not bridge.connected, "the bridge does not notice")
        time.sleep(0.3)
        broker.start()
        wait_for(lambda: bridge.connected, "the bridge does not come back")
        publish(broker, numbers(20, 1000 * round_number))
        got = take(bridge, 20)
        assert [item.payload for item in got] == numbers(20, 1000 * round_number)
        bridge.ack([item.token for item in got])
    assert len(connections) == 4


@pytest.mark.parametrize("v5", [False, True], ids=["3.1.1", "5"])
def test_a_full_queue_holds_the_broker_back(broker: Broker, bridges: list[Bridge], v5: bool) -> None:
    bridge = connect(bridges, broker, v5=v5, queue_size=20)
    publish(broker, numbers(3000))
    wait_for(lambda: bridge.backlog() >= 20, "nothing arrives")
    time.sleep(0.5)
    assert bridge.backlog() == 20
    seen: list[bytes] = []
    while len(seen) < 3000:
        got = take(bridge, 15)
        assert got, f"only {len(seen)} arrived"
        assert bridge.backlog() <= 20
        seen += [item.payload for item in got]
        bridge.ack([item.token for item in got])
    assert seen == numbers(3000)


def test_a_queue_that_is_full_of_bytes_holds_the_broker_back(
    broker: Broker, bridges: list[Bridge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.bridge.QUEUE_BYTES", 5000)
    bridge = connect(bridges, broker)
    publish(broker, [b"%04d" % number + b"x" * 2000 for number in range(30)])
    wait_for(lambda: bridge.backlog() >= 3, "nothing arrives")
    time.sleep(0.5)
    assert bridge.backlog() == 3
    seen: list[bytes] = []
    while len(seen) < 30:
        got = take(bridge, 2)
        seen += [item.payload[:4] for item in got]
        bridge.ack([item.token for item in got])
    assert seen == [b"%04d" % number for number in range(30)]


def test_a_megabyte_passes(broker: Broker, bridges: list[Bridge]) -> None:
    bridge = connect(bridges, broker)
    payload = bytes(range(256)) * 4096
    publish(broker, [payload, b"small"])
    got = take(bridge, 2)
    assert got[0].payload == payload
    assert got[1].payload == b"small"


def test_retained_messages_are_marked(broker: Broker, bridges: list[Bridge]) -> None:
    publish(broker, [b"old"], "city/demo/drain/D-9/telemetry", retain=True)
    bridge = connect(bridges, broker)
    publish(broker, [b"new"], "city/demo/drain/D-9/telemetry")
    got = {item.payload: item.retained for item in take(bridge, 2)}
    assert got == {b"old": True, b"new": False}


def test_a_session_whose_window_is_full_goes_on(broker: Broker, bridges: list[Bridge]) -> None:
    """rumqttd answers to a subscription only when something of the redelivered window is acknowledged."""
    first = connect(bridges, broker)
    publish(broker, numbers(500))
    wait_for(lambda: first.backlog() >= WINDOW, "nothing arrives")
    first.stop(0)
    second = connect(bridges, broker)
    seen: list[bytes] = []
    while len(seen) < 500:
        got = take(second, WINDOW, 3)
        assert got, f"only {len(seen)} arrived"
        seen += [item.payload for item in got]
        second.ack([item.token for item in got])
    assert seen == numbers(500)


def test_two_workers_share_the_messages_of_every_filter(broker: Broker, bridges: list[Bridge]) -> None:
    filters = ["city/#", "application/+/device/+/event/+", "v3/#"]
    workers = [
        connect(bridges, broker, client=f"worker-{number}", v5=True, shared="ingest", subscriptions=filters)
        for number in range(2)
    ]
    publish(broker, numbers(200))
    publish(broker, numbers(100, 200), "application/1/device/24e1/event/up")
    publish(broker, numbers(100, 300), "v3/app/devices/d/up")
    got: list[list[bytes]] = [[], []]
    end = time.monotonic() + 15
    while sum(map(len, got)) < 400 and time.monotonic() < end:
        for number, worker in enumerate(workers):
            batch = worker.take(100, 0.05)
            got[number] += [item.payload for item in batch]
            worker.ack([item.token for item in batch])
    assert sorted(got[0] + got[1]) == sorted(numbers(400))
    assert all(got)


def test_stop_sends_the_last_acknowledgements(broker: Broker, bridges: list[Bridge]) -> None:
    bridge = connect(bridges, broker)
    publish(broker, numbers(100))
    bridge.ack([item.token for item in take(bridge, 100)])
    began = time.monotonic()
    bridge.stop(5)
    assert time.monotonic() - began < 2
    assert nothing_more(connect(bridges, broker))
