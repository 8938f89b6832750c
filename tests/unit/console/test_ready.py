import json
import socket
from pathlib import Path

import pytest

from console import ready

NOW = 1_800_000_000_000


def _beat(folder: Path, **content: object) -> Path:
    file = folder / "pipeline.json"
    file.write_text(json.dumps({"updated": NOW - 1000, "backlog": 0, "connected": True, **content}))
    return file


@pytest.mark.parametrize(
    ("content", "ok", "says"),
    [
        ({}, True, "alive"),
        ({"backlog": 99}, True, "99 messages wait"),
        ({"updated": NOW - 11_000}, False, "11 s old"),
        ({"connected": False}, False, "not connected"),
        ({"lag_s": 31}, False, "31 s behind"),
        ({"backlog": 100}, False, "full"),
        ({"updated": "yesterday"}, False, "cannot be read"),
        ({"backlog": []}, True, "alive"),
    ],
)
def test_the_heartbeat_of_the_pipeline(tmp_path: Path, content: dict[str, object], ok: bool, says: str) -> None:
    check = ready.pipeline(_beat(tmp_path, **content), NOW, full=100)
    assert (check.name, check.ok) == ("pipeline", ok)
    assert says in check.detail


def test_no_heartbeat_and_a_torn_one(tmp_path: Path) -> None:
    assert ready.pipeline(tmp_path / "none.json", NOW, full=1).detail == "has not started yet"
    file = tmp_path / "torn.json"
    file.write_text('{"updated": 12')
    assert not ready.pipeline(file, NOW, full=1).ok
    file.write_text("[1]")
    assert not ready.pipeline(file, NOW, full=1).ok


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://127.0.0.1:1884", ("127.0.0.1", 1884)),
        ("mqtt://user:secret@broker.example", ("broker.example", 1883)),
        ("mqtts://broker.example", ("broker.example", 8883)),
        ("mqtt://[::1]:1", ("::1", 1)),
    ],
)
def test_the_address_of_the_broker(tmp_path: Path, url: str, address: tuple[str, int]) -> None:
    assert ready.broker_address(url, tmp_path / "none") == address
    run = tmp_path / "run.json"
    run.write_text(json.dumps({"mqtt": url}))
    assert ready.broker_address(None, run) == address


def test_no_address_yet(tmp_path: Path) -> None:
    assert ready.broker_address(None, tmp_path / "none") is None
    assert not ready.broker(lambda: None).ok


def test_a_port_that_nobody_listens_on(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    check = ready.broker(lambda: ("127.0.0.1", port))
    assert (check.ok, str(port) in check.detail) == (False, True)
