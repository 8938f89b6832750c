"""Messages as they come, and what must become of them: one folder a trap, one file a case."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.model import Asset, Device, Flag, Reading
from citybrain.kernel.register import Register
from citybrain.kernel.times import iso, to_ms
from ingest.decode import Decoded, Decoder
from ingest.quarantine import IGNORED, NOTES, REASONS
from ingest.registry import load_profiles

_FOLDER = Path(__file__).parent
_CASES = sorted(_FOLDER.glob("*/*.yml"))
_PROFILES = load_profiles()
_RECEIVED = "2026-03-02T11:21:06Z"


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _register(spec: dict[str, Any]) -> Register:
    register = Register(assets={row["id"]: Asset(**row) for row in spec.get("assets", [])})
    for row in spec.get("devices", []):
        device = Device(
            row["id"], row["asset"], row.get("profile"), _moment(row.get("valid_from")), _moment(row.get("valid_to"))
        )
        register.devices.setdefault(device.id, []).append(device)
    return register


def _payload(message: dict[str, Any]) -> bytes:
    if "payload" in message:
        return orjson.dumps(message["payload"])
    if "hex" in message:
        return bytes.fromhex(message["hex"])
    if "repeat" in message:
        spec = message["repeat"]
        times = spec["times"]
        numbered = "".join(spec["numbered"] % number for number in range(times)) if "numbered" in spec else ""
        opened, closed = spec["open"] * times, spec["close"] * times
        return f"{spec['before']}{numbered}{opened}{spec['middle']}{closed}{spec['after']}".encode()
    return str(message["text"]).encode()


def _ms(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))


def _check_reading(got: Reading, want: dict[str, Any]) -> None:
    facts: dict[str, Any] = {
        "asset": got.asset,
        "kind": got.kind,
        "device": got.device,
        "observed": iso(got.observed_ms),
        "values": got.values,
        "seq": got.seq,
        "window_s": got.window_ms / 1000,
    }
    holds = want.get("holds", {})
    assert {key: got.values.get(key) for key in holds} == holds
    want = {key: value for key, value in want.items() if key != "holds"}
    if "observed" in want:
        want = {**want, "observed": iso(_ms(want["observed"]))}
    assert {key: facts[key] for key in want if key != "flags"} == {key: value for key, value in want.items() if key != "flags"}
    assert got.flags == sum(Flag[name] for name in want.get("flags", []))


def _check(found: Decoded, want: dict[str, Any]) -> None:
    if "ignored" in want:
        assert found == Decoded(ignored=want["ignored"])
        assert want["ignored"] in IGNORED
        return
    assert found.ignored is None
    if "readings" in want:
        assert len(found.readings) == len(want["readings"])
        for got, expected in zip(found.readings, want["readings"], strict=True):
            _check_reading(got, expected)
    if "notes" in want:
        assert [list(note) for note in found.notes] == want["notes"]
    if "new_assets" in want:
        assert [asset.id for asset in found.new_assets] == want["new_assets"]
    if "new_devices" in want:
        assert [[device.id, device.asset] for device in found.new_devices] == want["new_devices"]
    assert [[one.reason, one.detail] for one in found.refused] == want.get("refused", [])
    assert {one.reason for one in found.refused} <= set(REASONS)
    assert {note.code for note in found.notes} <= set(NOTES)


def _same(first: Reading, second: Reading) -> bool:
    """Whether the rules will take the second for a repeat of the first (see Reading.key)."""
    apart = abs(first.observed_ms - second.observed_ms)
    return (first.device, first.key) == (second.device, second.key) and apart <= max(first.window_ms, second.window_ms)


def _reading(decoded: list[Decoded | None], which: int | list[int]) -> Reading:
    """The first reading of a message, or another one: [message, reading]."""
    message, number = (which, 0) if isinstance(which, int) else which
    found = decoded[message]
    assert found is not None
    return found.readings[number]


@pytest.mark.parametrize("path", _CASES, ids=[f"{path.parent.name}-{path.stem}" for path in _CASES])
def test_case(path: Path) -> None:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    decoder = Decoder(
        _PROFILES,
        _register(case.get("register", {})),
        city="demo",
        auto_register=case.get("auto_register", True),
        max_future_s=600,
        max_age_s=366 * 86400,
    )
    decoded: list[Decoded | None] = []
    for message in case["messages"]:
        want = message["want"]
        arguments = {"retained": message.get("retained", False), "dup": message.get("dup", False)}
        received_ms = _ms(message.get("received", _RECEIVED))
        if "reason" in want:
            with pytest.raises(PayloadError) as caught:
                decoder.decode(message["topic"], _payload(message), received_ms=received_ms, **arguments)
            assert caught.value.reason == want["reason"]
            assert want["reason"] in REASONS
            decoded.append(None)
            continue
        found = decoder.decode(message["topic"], _payload(message), received_ms=received_ms, **arguments)
        _check(found, want)
        decoded.append(found)
    for pairs, expected in ((case.get("same", []), True), (case.get("different", []), False)):
        for one, two in pairs:
            assert _same(_reading(decoded, one), _reading(decoded, two)) is expected


def test_the_traps_have_cases() -> None:
    assert {path.parent.name for path in _CASES} >= {
        "proto_json_drops_zeros",
        "gateway_repeats",
        "late_history",
        "partial_frames",
        "simulated",
        "retained",
        "bad_json",
        "large",
        "values",
        "times",
        "packs",
    }
