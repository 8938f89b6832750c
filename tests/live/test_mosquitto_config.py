"""The broker of compose.yaml: who gets in, who may say what, whose session is whose. A real mosquitto with the files in ops."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import pytest
import trustme
import yaml
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from citybrain.runtime.cluster.credentials import Credentials, Where
from tests.compose.project import ROOT
from tests.servers.mosquitto import Mosquitto
from tests.servers.process import free_port

pytestmark = pytest.mark.live

NOT_AUTHORISED, NOBODY_THERE = 135, 16
"""reason codes of MQTT 5"""
OWN = "city/demo/manhole/MH-1/telemetry"


class Broker(Mosquitto):
    """A mosquitto with the files of ops/mosquitto and secrets as the cluster makes them; devices come in by `devices`."""

    def __init__(self, listeners: str = "devices", certificates: Path | None = None) -> None:
        self.devices = free_port()
        super().__init__(self._config(listeners))
        self.secrets = Credentials(self.folder)
        self.secrets.make(Where("postgresql://citybrain@db/citybrain", f"mqtt://127.0.0.1:{self.port}"))
        places = {
            "/mosquitto/secrets": self.folder / "mosquitto",
            "/mosquitto/config/devices": self.folder / "listeners",
            "/mosquitto/config/acl": ROOT / "ops/mosquitto/acl",
            "/mosquitto/data": self.folder,
            "/mosquitto/certs": certificates or self.folder,
        }
        (self.folder / "listeners").mkdir()
        copies = {self.folder / "mosquitto.conf": (self.folder / "mosquitto.conf").read_text("utf-8")}
        for file in (ROOT / "ops/mosquitto" / listeners).glob("*.conf"):
            text = file.read_text("utf-8").replace("listener 1884", f"listener {self.devices}")
            copies[self.folder / "listeners" / file.name] = text.replace("listener 8883", f"listener {self.devices}")
        for file, text in copies.items():
            for path, here in places.items():
                text = text.replace(path, str(here))
            file.write_text(text, "utf-8")

    @staticmethod
    def _config(listeners: str) -> str:
        text = (ROOT / "ops/mosquitto/mosquitto.conf").read_text("utf-8")
        return text.replace("listener 1883", "listener {port}")

    def password(self, service: str) -> str:
        """That of a service."""
        settings = yaml.safe_load((self.folder / "services" / f"{service}.yml").read_text("utf-8"))
        return urlsplit(settings["mqtt_url"]).password or ""


class Client:
    """An MQTT 5 client that notes what happens to it."""

    def __init__(
        self, port: int, user: str = "", password: str = "", *, name: str = "", ca: Path | None = None, keep: bool = False
    ) -> None:
        self.reason: int | None = None
        self.ended: int | None = None
        self.answers: dict[int, int] = {}
        self.granted: list[int] = []
        self.got: list[tuple[str, bytes]] = []
        client = self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        if user:
            client.username_pw_set(user, password)
        if ca is not None:
            client.tls_set(str(ca))
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = lambda _c, _d, mid, reason, _p: self.answers.__setitem__(mid, reason.value)
        client.on_subscribe = lambda _c, _d, _m, reasons, _p: self.granted.extend(one.value for one in reasons)
        client.on_message = lambda _c, _d, message: self.got.append((message.topic, message.payload))
        properties: Any = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600 if keep else 0
        client.connect("localhost" if ca else "127.0.0.1", port, clean_start=not keep, properties=properties)
        client.loop_start()
        wait_until(lambda: self.reason is not None)

    def _on_connect(self, _client: object, _data: object, _flags: object, reason: Any, _properties: object) -> None:
        if self.reason is None:
            self.reason = reason.value

    def _on_disconnect(self, client: mqtt.Client, _data: object, _flags: object, reason: Any, _properties: object) -> None:
        self.ended = reason.value
        client.disconnect()  # and do not come again

    def publish(self, topic: str, payload: bytes = b"{}") -> int:
        """The broker's answer; 0 also for a message that nobody is there for."""
        info = self.client.publish(topic, payload, qos=1)
        wait_until(lambda: info.mid in self.answers or self.ended is not None)
        return self.answers[info.mid] if self.answers[info.mid] != NOBODY_THERE else 0

    def subscribe(self, topic: str) -> int:
        """The broker's answer."""
        self.granted.clear()
        self.client.subscribe(topic, qos=1)
        wait_until(lambda: self.granted)
        return self.granted[0]

    def close(self) -> None:
        """Go."""
        self.client.disconnect()
        self.client.loop_stop()


def wait_until(holds: Callable[[], object], wait_s: float = 10) -> None:
    deadline = time.monotonic() + wait_s
    while not holds():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.01)


@contextmanager
def clients(*all_: Client) -> Iterator[Sequence[Client]]:
    """Some clients, gone at the end."""
    try:
        yield all_
    finally:
        for one in all_:
            one.close()


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with Broker() as one:
        yield one


@pytest.fixture
def login(broker: Broker) -> str:
    """The password of device MH-1, fresh."""
    password = broker.secrets.add_devices(["MH-1"])["MH-1"]
    broker.reload()
    return password


def test_nobody_comes_in_without_a_login(broker: Broker) -> None:
    for port in (broker.port, broker.devices):
        with clients(Client(port), Client(port, "ingest", "guess"), Client(port, "MH-7", "guess")) as found:
            assert [one.reason for one in found] == [NOT_AUTHORISED] * 3


def test_a_device_speaks_below_its_own_topic_only(broker: Broker, login: str) -> None:
    bridge = Client(broker.port, "ingest", broker.password("ingest"), name="bridge")
    device = Client(broker.devices, "MH-1", login)
    with clients(bridge, device):
        assert bridge.subscribe("$share/citybrain/city/demo/+/+/telemetry") == 1
        assert bridge.subscribe("city/demo/gateway/+/pack") == 1
        assert device.publish(OWN, b"mine") == 0
        assert device.publish("city/demo/gateway/MH-1/pack", b"packed") == 0
        for foreign in (
            "city/demo/manhole/MH-2/telemetry",
            "city/demo/gateway/GW-1/pack",
            "city/demo/manhole/MH-1/telemetry/more",
            "city/demo/canary/canary/telemetry",
            "application/1/device/MH-1/event/up",
        ):
            assert device.publish(foreign, b"foreign") == NOT_AUTHORISED, foreign
        wait_until(lambda: len(bridge.got) == 2)
        time.sleep(0.2)
        assert bridge.got == [(OWN, b"mine"), ("city/demo/gateway/MH-1/pack", b"packed")]


def test_a_device_hears_nothing(broker: Broker, login: str) -> None:
    device = Client(broker.devices, "MH-1", login)
    simulator = Client(broker.port, "simulator", broker.password("simulator"))
    with clients(device, simulator):
        # mosquitto grants some subscriptions and delivers nothing that may not be read
        for topic in ("#", "city/demo/manhole/MH-2/telemetry", "$SYS/#"):
            device.subscribe(topic)
        assert simulator.publish("city/demo/manhole/MH-2/telemetry") == 0
        time.sleep(0.3)
        assert device.got == []


def test_services_have_no_more_than_they_need(broker: Broker) -> None:
    health = (broker.folder / "mosquitto/health").read_text()
    watcher, bridge = Client(broker.port, "health", health), Client(broker.port, "ingest", broker.password("ingest"))
    with clients(watcher, bridge):
        assert watcher.publish(OWN) == NOT_AUTHORISED
        watcher.subscribe("$SYS/broker/uptime")
        wait_until(lambda: watcher.got)
        assert bridge.publish(OWN) == NOT_AUTHORISED, "a bridge makes no readings"
        assert bridge.publish("city/demo/canary/canary/telemetry") == 0


def test_a_device_cannot_take_over_the_session_of_a_bridge(broker: Broker, login: str) -> None:
    name = "citybrain-demo-ingest-1"
    bridge = Client(broker.port, "ingest", broker.password("ingest"), name=name, keep=True)
    bridge.subscribe("city/demo/+/+/telemetry")
    thief = Client(broker.devices, "MH-1", login, name=name)
    with clients(bridge, thief):
        assert thief.reason == 0
        assert thief.publish(OWN) == 0
        wait_until(lambda: bridge.got)
        assert (bridge.ended, thief.got) == (None, [])


def test_a_login_that_is_revoked_ends_at_once(broker: Broker, login: str) -> None:
    device = Client(broker.devices, "MH-1", login)
    with clients(device):
        assert device.publish(OWN) == 0
        assert broker.secrets.revoke(["MH-1"]) == ["MH-1"]
        broker.reload()
        wait_until(lambda: device.ended is not None)
    with clients(Client(broker.devices, "MH-1", login)) as (again,):
        assert again.reason == NOT_AUTHORISED


def test_what_waits_for_a_bridge_outlives_a_restart_of_the_broker() -> None:
    with Broker() as broker:
        password = broker.password("ingest")
        bridge = Client(broker.port, "ingest", password, name="citybrain-demo-ingest-1", keep=True)
        assert bridge.subscribe("$share/citybrain/city/demo/+/+/telemetry") == 1
        bridge.close()
        simulator = Client(broker.port, "simulator", broker.password("simulator"))
        with clients(simulator):
            # more than the 100 that mosquitto keeps by default, and unacknowledged more than its 20
            assert {simulator.publish(f"city/demo/manhole/MH-{n}/telemetry", b"%d" % n) for n in range(500)} == {0}
        broker.restart()
        bridge = Client(broker.port, "ingest", password, name="citybrain-demo-ingest-1", keep=True)
        with clients(bridge):
            wait_until(lambda: len(bridge.got) == 500)
            assert sorted(int(payload) for _, payload in bridge.got) == list(range(500))


def certificates(folder: Path, name: str) -> Path:
    """A new certificate in the place of the old one; the file of the authority that issued it."""
    authority = trustme.CA()
    server = authority.issue_cert("localhost")
    server.private_key_pem.write_to_path(folder / "server.key")
    (folder / "server.crt").write_bytes(b"".join(part.bytes() for part in server.cert_chain_pems))
    authority.cert_pem.write_to_path(folder / name)
    return folder / name


def test_devices_over_tls(tmp_path: Path) -> None:
    first = certificates(tmp_path, "first.pem")
    with Broker("tls", tmp_path) as broker:
        password = broker.secrets.add_devices(["MH-1"])["MH-1"]
        broker.reload()
        with clients(Client(broker.devices, "MH-1", password, ca=first)) as (device,):
            assert device.reason == 0
            assert device.publish(OWN) == 0
        bridge = Client(broker.port, "ingest", broker.password("ingest"))
        with clients(bridge):
            assert bridge.reason == 0, "services stay within the cluster, without TLS"
        second = certificates(tmp_path, "second.pem")
        broker.reload()
        with clients(Client(broker.devices, "MH-1", password, ca=second)) as (renewed,):
            assert renewed.reason == 0, "a renewed certificate is taken over on SIGHUP"
