"""The bridge over TLS with user and password."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from citybrain.config import Settings
from ingest.bridge import Bridge
from tests.live.test_bridge import Broker, free_port, numbers, publish, take, wait_for

pytestmark = pytest.mark.live

_LISTENER = """
[v4.2]
name = "tls"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v4.2.tls]
capath = "{folder}/authority.pem"
certpath = "{folder}/certificate.pem"
keypath = "{folder}/key.pem"
[v4.2.connections]
connection_timeout_ms = 60000
max_payload_size = 2000000
max_inflight_count = 1000
dynamic_filters = true
[v4.2.connections.auth]
city = "p@ss word"
"""


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for localhost, its key, and the authority that signed it, made for these tests."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(folder / "authority.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    for position, part in enumerate(issued.cert_chain_pems):
        part.write_to_path(folder / "certificate.pem", append=position > 0)
    return folder


@pytest.fixture
def secure(tmp_path: Path, tls: Path) -> Iterator[tuple[Broker, int]]:
    server, port = Broker(tmp_path), free_port()
    server.extend(_LISTENER.format(port=port, folder=tls))
    server.start()
    yield server, port
    server.kill()


def _bridge(url: str) -> Bridge:
    bridge = Bridge(Settings(mqtt_url=url), client_id="secure", subscriptions=["city/#"], wait_s=(0.05, 0.2))
    bridge.start()
    return bridge


def test_messages_over_tls(secure: tuple[Broker, int], tls: Path) -> None:
    broker, port = secure
    bridge = _bridge(f"mqtts://city:p%40ss%20word@localhost:{port}?ca={tls}/authority.pem")
    try:
        wait_for(lambda: bridge.connected, "the bridge does not connect")
        payloads = [*numbers(500), b"x" * 1_000_000]
        publish(broker, payloads)
        seen: list[bytes] = []
        while len(seen) < len(payloads):
            got = take(bridge, 1)
            assert got
            seen += [item.payload for item in got]
            bridge.ack([item.token for item in got])
        assert seen == payloads
    finally:
        bridge.stop(1)


@pytest.mark.parametrize(
    "url",
    [
        "mqtts://city:wrong@localhost:{port}?ca={ca}",
        "mqtts://localhost:{port}?ca={ca}",
        "mqtts://city:p%40ss%20word@localhost:{port}",
        "mqtt://city:p%40ss%20word@localhost:{port}",
    ],
    ids=["wrong password", "no password", "unknown certificate", "no encryption"],
)
def test_no_way_in(secure: tuple[Broker, int], tls: Path, url: str, caplog: pytest.LogCaptureFixture) -> None:
    _, port = secure
    with caplog.at_level(logging.WARNING, "ingest.bridge"):
        bridge = _bridge(url.format(port=port, ca=tls / "authority.pem"))
        time.sleep(0.8)
        connected = bridge.connected
        bridge.stop(0)
    assert not connected
    assert "p@ss" not in caplog.text
    assert "wrong" not in caplog.text
