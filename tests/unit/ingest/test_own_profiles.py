"""What a profile can say, each in a small profile of its own."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from citybrain import yamlfile
from citybrain.kernel.errors import PayloadError
from citybrain.kernel.model import Asset, Device, Flag, Reading
from citybrain.kernel.register import Register
from ingest.decode import Decoded, Decoder
from ingest.registry import Profiles, parse_profile

_NOW = 1_772_450_466_000
_HEAD = "name: own\ntitle: Own\nkind: drain\nenvelopes: [json]\ntopics: [own/+/up]\ndevice: '@topic1'\n"


def decode(text: str, payload: bytes, register: Register | None = None, topic: str = "own/dev/up") -> Decoded:
    profile, faults = parse_profile(yamlfile.parse(text, "own.yml"), "own")
    assert profile is not None, faults
    decoder = Decoder(
        Profiles([profile]), register or Register(), city="demo", auto_register=True, max_future_s=600, max_age_s=86400
    )
    return decoder.decode(topic, payload, received_ms=_NOW)


def read(text: str, message: dict[str, Any], register: Register | None = None) -> Reading:
    found = decode(_HEAD + text, orjson.dumps(message), register)
    (reading,) = found.readings
    return reading


def test_raw_bytes_through_a_decoder() -> None:
    text = "name: own\ntitle: Own\nkind: drain\nenvelopes: [raw]\ntopics: [own/+/up]\ndevice: '@topic1'\n"
    text += "decoder: unquoted_object\nvalues: {level_mm: 'T[0]'}\n"
    found = decode(text, b"{T:[812]}")
    assert (found.readings[0].device, found.readings[0].values) == ("dev", {"level_mm": 812})
    assert found.new_devices == (Device("dev", "dev", "own"),)
    assert found.readings[0].flags == Flag.NO_DEVICE_TIME
    with pytest.raises(PayloadError, match="undecodable"):
        decode(text, b"\x00\x01")
    with pytest.raises(PayloadError, match="too_large"):
        decode(text, b"x" * 300_000)
    assert decode(text, b"").ignored == "no_data"


@pytest.mark.parametrize(
    ("values", "message", "want"),
    [
        ("{level_mm: {path: l, unit: cm}}", {"l": 81.2}, {"level_mm": 812}),
        ("{level_mm: {path: l, unit: cm}}", {"l": "0.812 m"}, {"level_mm": 812}),
        ("{level_mm: {path: l, unit: V, scale: 100, offset: -50}}", {"l": "3500 mV"}, {"level_mm": 300}),
        ("{battery_v: {path: b, scale: 0.001}}", {"b": 3590}, {"battery_v": 3.59}),
        ("{tilt_alarm: {path: closed, invert: true}}", {"closed": True}, {"tilt_alarm": False}),
        ("{tilt_alarm: {path: closed, invert: true}}", {"closed": "0"}, {"tilt_alarm": True}),
        ("{level_mm: l, level_alarm: {path: a, absent: false}}", {"l": 1}, {"level_mm": 1, "level_alarm": False}),
        ("{level_mm: [new.l, l]}", {"l": 1, "new": {"l": 2}}, {"level_mm": 2}),
        ("{level_mm: [new.l, l]}", {"l": 1, "new": {"l": None}}, {"level_mm": 1}),
        ("{level_mm: 'list[-1].l'}", {"list": [{"l": 1}, {"l": 7}]}, {"level_mm": 7}),
        ("{power_w: {path: s, map: {off: 0, eco: 20.5, 7: null}}, level_mm: l}", {"s": 7, "l": 1}, {"level_mm": 1}),
        ("{power_w: {path: s, map: {'off': 0, eco: 20.5}}}", {"s": "ECO "}, {"power_w": 20.5}),
        ("{lamp_on: {path: s, map: {dark: false}, others: true}}", {"s": "bright"}, {"lamp_on": True}),
        ("{note: n, level_mm: l}", {"n": "text", "l": 1}, {"note": "text", "level_mm": 1}),
    ],
)
def test_values(values: str, message: dict[str, Any], want: dict[str, Any]) -> None:
    assert read(f"values: {values}\n", message).values == want


def test_what_is_dropped_by_a_server_counts_only_beside_another_value() -> None:
    text = _HEAD + "values: {level_mm: l, level_alarm: {path: a, absent: false}}\n"
    assert decode(text, b"{}").ignored == "no_data"


@pytest.mark.parametrize(
    ("values", "message", "code"),
    [
        ("{level_mm: l, battery_v: b}", {"l": 1, "b": "full"}, "wrong_type"),
        ("{level_mm: l, battery_v: b}", {"l": 1, "b": "3 mm"}, "bad_unit"),
        ("{level_mm: l, battery_v: b}", {"l": 1, "b": {"value": 3, "unit": "mm"}}, "bad_unit"),
        ("{level_mm: l, battery_v: b}", {"l": 1, "b": [3]}, "wrong_type"),
        ("{level_mm: l, battery_v: b}", {"l": 1, "b": True}, "wrong_type"),
        ("{level_mm: l, battery_v: b}", {"l": 1, "b": 61}, "out_of_range"),
        ("{level_mm: l, battery_v: {path: b, sentinels: [255, n/a]}}", {"l": 1, "b": 255.0}, "sentinel"),
        ("{level_mm: l, battery_v: {path: b, sentinels: [255, n/a]}}", {"l": 1, "b": "N/A"}, "sentinel"),
        ("{level_mm: l, tilt_alarm: {path: b, map: {a: true}}}", {"l": 1, "b": "z"}, "unknown_code"),
    ],
)
def test_notes(values: str, message: dict[str, Any], code: str) -> None:
    found = decode(f"{_HEAD}values: {values}\n", orjson.dumps(message))
    assert found.readings[0].values == {"level_mm": 1}
    assert [note.code for note in found.notes] == [code]


def test_template_time_sequence_and_test_mark() -> None:
    reading = read(
        "asset: 'DR-{@topic1}-{site}'\ntime: [when, clock]\nseq: n\nsimulated: test\nvalues: {level_mm: l}\n",
        {"site": 4, "clock": "2026-03-02T11:00:00Z", "n": 9, "test": True, "l": 1},
    )
    assert (reading.asset, reading.observed_ms, reading.seq) == ("DR-dev-4", 1_772_449_200_000, 9)
    assert reading.flags == Flag.SIMULATED


def test_levels_come_from_the_register() -> None:
    register = Register(assets={"D": Asset("D", "drain", install_height_mm=3000)}, devices={"dev": [Device("dev", "D")]})
    assert read("values: {distance_mm: d}\n", {"d": 1000}, register).values == {"distance_mm": 1000, "level_mm": 2000}
    # a sensor further from the surface than the register allows: the height is wrong, no level is made up
    assert read("values: {distance_mm: d}\n", {"d": 9000}, register).values == {"distance_mm": 9000}


def test_two_profiles_on_one_topic_are_told_apart_by_nobody() -> None:
    made = []
    for name in ("one", "two"):
        profile, _ = parse_profile(
            yamlfile.parse(_HEAD.replace("own", name, 1) + "values: {level_mm: l}\n", f"{name}.yml"), name
        )
        assert profile is not None
        made.append(profile)
    decoder = Decoder(Profiles(made), Register(), city="demo", auto_register=True, max_future_s=600, max_age_s=86400)
    with pytest.raises(PayloadError, match="2 profiles read this topic"):
        decoder.decode("own/dev/up", b'{"l": 1}', received_ms=_NOW)
