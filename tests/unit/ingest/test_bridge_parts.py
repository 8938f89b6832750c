"""The parts of the bridge that need no broker: address, tokens, buffers, session options."""

from __future__ import annotations

import inspect
import ssl
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from citybrain.config import Settings
from citybrain.kernel.errors import ConfigError
from ingest.address import Address
from ingest.bridge import Bridge
from ingest.delivery import acknowledgements, connection_of, make_token
from ingest.session import EXPIRY_S, filters_of, session_options
from ingest.wire import Wire


class FakeSocket:
    """Gives its pieces one by one, and takes only a few bytes at once."""

    def __init__(self, pieces: list[bytes], takes: list[int]) -> None:
        self.pieces, self.takes, self.sent, self.reads = pieces, takes, b"", 0

    def recv(self, size: int) -> bytes:
        self.reads += 1
        if not self.pieces:
            raise BlockingIOError
        return self.pieces.pop(0)

    def send(self, data: bytes | bytearray) -> int:
        if not self.takes:
            raise BlockingIOError
        count = min(self.takes.pop(0), len(data))
        self.sent += bytes(data[:count])
        return count


def test_the_wire_reads_in_large_pieces() -> None:
    sock = FakeSocket([b"abcdef", b"gh"], [])
    wire = Wire(sock)
    assert [wire.recv(1), wire.recv(3), wire.recv(10)] == [b"a", b"bcd", b"ef"]
    assert wire.pending() == 0
    assert sock.reads == 1
    assert wire.recv(1) == b"g"
    assert wire.pending() == 1
    wire.recv(5)
    with pytest.raises(BlockingIOError):
        wire.recv(1)


def test_the_wire_keeps_what_the_socket_does_not_take() -> None:
    sock = FakeSocket([], [2])
    wire = Wire(sock)
    assert wire.send(b"hello") == 5
    wire.flush()
    assert (sock.sent, wire.unsent()) == (b"he", 3)
    sock.takes = [1, 9]
    wire.flush()
    assert (sock.sent, wire.unsent()) == (b"hello", 0)


def test_paho_still_has_the_private_parts_that_we_use() -> None:
    assert "_create_socket" in vars(mqtt.Client)
    source = inspect.getsource(mqtt.Client)
    for name in (
        "_create_socket_connection",
        "_ssl_context",
        "_host",
        "_send_pingreq",
        "_last_msg_out",
        "_last_bytes_received",
        "_ping_t",
    ):
        assert name in source


def test_tokens_acknowledge_only_their_connection() -> None:
    mine = [make_token(3, 1, 1), make_token(3, 65535, 1)]
    other = make_token(2, 7, 1)
    assert acknowledgements([*mine, other, make_token(3, 0, 0)], 3) == b"\x40\x02\x00\x01\x40\x02\xff\xff"
    assert connection_of(other) == 2


@pytest.mark.parametrize(
    ("url", "want"),
    [
        ("mqtt://broker", Address("broker", 1883)),
        ("mqtts://broker", Address("broker", 8883, True)),
        ("mqtt://u:p%40ss@broker:1884/", Address("broker", 1884, False, "u", "p@ss")),
        ("mqtt://[::1]:1885", Address("::1", 1885)),
    ],
)
def test_addresses(url: str, want: Address) -> None:
    assert Address.parse(url) == want


@pytest.mark.parametrize(
    "url", ["http://x", "mqtt://", "mqtt://x:99999", "mqtt://x/path", "mqtt://x?foo=1", "mqtts://x?ca=/none"]
)
def test_wrong_addresses(url: str) -> None:
    with pytest.raises(ConfigError, match="mqtt_url"):
        Address.parse(url)


def test_a_password_is_in_no_text() -> None:
    address = Address.parse("mqtt://user:secret@broker")
    assert "secret" not in f"{address} {address!r}"
    with pytest.raises(ConfigError) as caught:
        Address.parse("mqtt://user:secret@broker:port")
    assert "secret" not in str(caught.value)


def test_certificates_are_verified(tmp_path: Path) -> None:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    Address.parse("mqtts://broker").prepare(client)
    context = client._ssl_context
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_the_session_lives_on() -> None:
    assert session_options(False, 20_000) == {}
    options = session_options(True, 20_000)
    assert options["clean_start"] is False
    assert options["properties"].SessionExpiryInterval == EXPIRY_S
    assert options["properties"].ReceiveMaximum == 20_000
    assert session_options(True, 10**6)["properties"].ReceiveMaximum == 65_535


def test_each_filter_of_a_group_has_a_name_of_its_own_that_stays() -> None:
    filters = ["city/demo/+/+/telemetry", "v3/+/devices/+/#"]
    assert filters_of(filters, None) == filters
    first, second = filters_of(filters, "ingest")
    assert first.startswith("$share/ingest-")
    assert first.endswith("/city/demo/+/+/telemetry")
    assert first.split("/")[1] != second.split("/")[1]
    assert filters_of(["new", *filters], "ingest")[1:] == [first, second]


def test_a_shared_subscription_needs_mqtt_5() -> None:
    with pytest.raises(ConfigError, match="MQTT 5"):
        Bridge(Settings(), client_id="x", subscriptions=["a"], shared="group")


def test_a_bridge_that_was_never_started_can_be_stopped() -> None:
    bridge = Bridge(Settings(), client_id="x", subscriptions=["a"])
    assert bridge.take(10, 0) == []
    assert not bridge.connected
    bridge.stop(0)
