"""Records of the topic `register`, and what becomes of them in a register."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.model import Asset, Device
from citybrain.kernel.register import Register
from citybrain.topics.changes import Changed, RulebookText, of_register, of_rulebook, of_version, read
from citybrain.topics.following import follow

ASSET = Asset("MH-1", "manhole", 52.1, 4.3, install_height_mm=3000, attributes={"contract": "c7"})
DEVICE = Device("d:1", "MH-1", "milesight", datetime(2026, 1, 1, tzinfo=UTC), None)
BOOK = RulebookText("abc", (("a.yml", "x: 1"), ("b.yml", "y: ü")))


def test_there_and_back() -> None:
    records = list(of_register(7, [ASSET], {"d:1": [DEVICE], "gone": []}))
    assert [key for key, _ in records] == [b"asset:MH-1", b"device:d:1", b"device:gone"]
    assert [read(*record) for record in records] == [
        Changed(7, asset=ASSET),
        Changed(7, devices=("d:1", (DEVICE,))),
        Changed(7, devices=("gone", ())),
    ]
    assert read(*of_rulebook(BOOK)) == Changed(0, rulebook=BOOK)
    assert read(*of_version(7)) == Changed(7)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"asset:X", b"not json"),
        (b"asset:X", b"[]"),
        (b"asset:X", orjson.dumps({"v": 2, "version": 1, "asset": {"id": "X", "kind": "drain"}})),
        (b"asset:X", orjson.dumps({"v": 1, "version": 1})),
        (b"asset:X", orjson.dumps({"v": 1, "version": 1, "asset": {"id": "X", "kind": "drain", "news": 1}})),
        (b"device:X", orjson.dumps({"v": 1, "version": 1, "devices": [{"id": "X", "asset": "A", "valid_from": "then"}]})),
        (b"unit:X", orjson.dumps({"v": 1, "version": 1})),
        (b"", orjson.dumps({"v": 1, "version": 1})),
        (b"\xff", orjson.dumps({"v": 1, "version": 1})),
        (b"rulebook", orjson.dumps({"v": 1, "version": 1, "rulebook": "x", "files": [1]})),
    ],
)
def test_what_cannot_be_read_has_a_reason(key: bytes, value: bytes) -> None:
    with pytest.raises(PayloadError, match="bad_record"):
        read(key, value)


def test_follow_says_what_is_new_or_different() -> None:
    register = Register(version=3, assets={"MH-1": ASSET, "X": Asset("X", "drain", provisional=True)})
    same = register.assets
    moved = Asset("X", "drain", 1.0, 2.0)
    other = RulebookText("def", ())
    found = follow(
        register,
        [
            Changed(7, asset=ASSET),
            Changed(7, asset=moved),
            Changed(8, asset=Asset("NEW", "drain")),
            Changed(8, asset=Asset("NEW", "drain", 1.0, 1.0)),
            Changed(8, devices=("d:1", (DEVICE,))),
            Changed(0, rulebook=BOOK),
            Changed(0, rulebook=other),
            Changed(8),
        ],
    )
    assert found.assets == ["X", "NEW"]
    assert found.rulebook == other
    assert register.version == 8
    assert register.assets is same
    assert register.assets["X"] == moved
    assert register.devices == {"d:1": [DEVICE]}
    assert follow(register, []) == ([], None)
