"""Every example message of real device files through its profile, where such files are at hand (for evaluation only).

What must come out is written here by hand. The project's own messages of the same devices are the cases in `profiles/`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.ids import shard_of
from citybrain.kernel.model import Asset, Device, Flag, Reading
from citybrain.kernel.register import Register
from ingest.decode import Decoded, Decoder
from ingest.registry import load_profiles
from rules.engine import Engine
from rules.load import load

FOLDER = Path(__file__).parents[4] / "shared" / "devices"
FOUND = sorted(FOLDER.glob("*.json"))
EUI = "0101010101010101"
RECEIVED_MS = 1_772_450_466_000
YEARS_S = 20 * 366 * 86400
PROFILES = load_profiles()

Values = dict[str, Any]
DINGTEK: Values = {
    "distance_mm": 1700,
    "level_alarm": False,
    "tilt_alarm": False,
    "tilt_deg": 0,
    "battery_low": False,
    "temperature_cel": 22,
    "level_mm": 1300,
    "freeboard_mm": 1900,
}
DARK: Values = {"dim_pct": 25, "lamp_on": False, "lamp_failure": False, "gear_failure": False}
WANTED: dict[str, tuple[str, list[list[Values]]]] = {
    "01_dingtek_dc410_manhole": ("dingtek_dc410", [[DINGTEK], []]),
    "02_dingtek_dc413_manhole": ("dingtek_dc413", [[DINGTEK], []]),
    "03_milesight_em310_tilt": (
        "milesight_em310_tilt",
        [[{"angle_x_deg": 0, "angle_y_deg": 0, "angle_z_deg": 90, "tilt_alarm": True}]],
    ),
    "05_milesight_em400_mud": (
        "milesight_em400_mud",
        [
            [
                {"distance_mm": 2116, "level_mm": 884, "freeboard_mm": 2316}
                | {"tilt_alarm": True, "temperature_cel": 25.7, "battery_pct": 92}
            ],
            [{"distance_mm": 1601, "level_mm": 1399, "freeboard_mm": 1801, "level_alarm": True, "temperature_cel": 23.2}],
            [
                {"distance_mm": 315, "level_mm": 2685, "freeboard_mm": 515}
                | {"tilt_alarm": True, "temperature_cel": 26.7, "battery_pct": 100}
            ],
        ],
    ),
    "06_milesight_em410_rdl": (
        "milesight_em410_rdl",
        [
            [
                {"distance_mm": 300, "level_mm": 2700, "freeboard_mm": 500, "tilt_alarm": True}
                | {"temperature_cel": 27.2, "battery_pct": 100, "radar_signal_db": 8}
            ]
        ],
    ),
    "09_milesight_wts506_rain": (
        "milesight_wts506",
        [
            [{"temperature_cel": 25.5, "humidity_pct": 60.5, "battery_pct": 100}],
            [{"rain_total_mm": 1.23, "rain_counter": 1, "wind_m_s": 0.1} | {"wind_direction_deg": 121, "pressure_hpa": 1006.3}],
            [{"rain_total_mm": 50.05, "rain_counter": 2}],
            [
                {"rain_total_mm": 50.05, "wind_m_s": 5, "wind_direction_deg": 121, "pressure_hpa": 1006.3}
                | {"temperature_cel": 25.5, "humidity_pct": 60.5}
            ],
        ],
    ),
    "10_decentlab_dl_mbx": (
        "decentlab_dl_mbx",
        [
            [{"distance_mm": 1234, "level_mm": 1766, "freeboard_mm": 1434, "valid_samples": 1, "battery_v": 2.993}],
            [{"battery_v": 2.993}],
        ],
    ),
    "12_decentlab_dl_pr26": (
        "decentlab_dl_pr26",
        [
            [
                {"pressure_bar": -0.01171875, "level_mm": 0, "freeboard_mm": 3200}
                | {"temperature_cel": 25.671875, "battery_v": 3.199}
            ]
        ],
    ),
    "14_nas_ul20xx_luminaire": (
        "nas_ul20xx",
        [
            [{"temperature_cel": 22, "illuminance_lx": 299.9, "relay_closed": True}, DARK, DARK],
            [{"power_w": 42, "energy_wh": 234567, "voltage_v": 229, "power_factor": 0.93, "lamp_hours_h": 5533}],
            [{"power_w": 0, "energy_wh": 30, "lamp_on_time_s": 17}],
            [{"lamp_on": False, "lamp_failure": True, "gear_failure": False}],
            [{"over_current": True, "lamp_failure": False, "power_w": 89, "voltage_v": 229, "power_factor": 0.86}],
            [{"boot": True}],
            [],
        ],
    ),
}
"""File -> profile and, for each example, the values of each of its readings; none: a frame that brings no measure.

The ranger hangs 3000 mm above the floor and 200 mm below the rim.
"""
OWN: dict[str, list[dict[str, Any]]] = {
    "own_manhole": [
        {"kind": "alarm", "decoded": {"level": "240 mm", "full": True, "motion": False, "battery": True, "angle": "3 °"}},
        {"kind": "configuration", "decoded": {"motion_alarm_threshold": "20 °"}},
    ],
    "own_luminaire": [
        {
            "kind": "usage",
            "decoded": {
                "packet_type": "usage_packet",
                "consumption": [{"address": "dali_single_2", "active_power__W": 51, "mains_voltage__V": 234}],
            },
        }
    ],
}
WANTED["own_manhole"] = (
    "dingtek_dc410",
    [
        [
            {"distance_mm": 240, "level_mm": 2760, "freeboard_mm": 440}
            | {"level_alarm": True, "tilt_alarm": False, "tilt_deg": 3, "battery_low": True}
        ],
        [],
    ],
)
WANTED["own_luminaire"] = ("nas_ul20xx", [[{"power_w": 51, "voltage_v": 234}]])
FILES = OWN | {file.stem: json.loads(file.read_text(encoding="utf-8"))["examples"] for file in FOUND if file.stem in WANTED}
EXAMPLES = [(stem, number, example) for stem, examples in FILES.items() for number, example in enumerate(examples)]
KINDS = {"rain": "rain_gauge", "luminaire": "streetlight", "manhole": "manhole"}
"""Kind of asset by a word in the name; else a drain."""


def decoder(profile: str, kind: str, rated_w: float | None = None) -> Decoder:
    asset = Asset("A-1", kind, lat=46.3, lon=23.1, install_height_mm=3000, depth_mm=3200, rated_power_w=rated_w, interval_s=900)
    register = Register(assets={asset.id: asset})
    register.devices[EUI] = [Device(EUI, asset.id, profile)]
    return Decoder(PROFILES, register, city="demo", auto_register=True, max_future_s=600, max_age_s=YEARS_S)


def through_chirpstack(profile: str, kind: str, number: int, example: dict[str, Any]) -> Decoded:
    event = {
        "time": "2026-03-02T11:20:00Z",
        "deviceInfo": {"devEui": EUI, "deviceProfileName": "x"},
        "fCnt": number + 1,
        "fPort": example.get("fPort", 85),
        "object": example["decoded"],
    }
    topic = f"application/1/device/{EUI}/event/up"
    return decoder(profile, kind).decode(topic, orjson.dumps(event), received_ms=RECEIVED_MS, retained=False, dup=False)


@pytest.mark.parametrize(("stem", "number", "example"), EXAMPLES, ids=[f"{stem}-{n}" for stem, n, _ in EXAMPLES])
def test_an_example_gives_these_values(stem: str, number: int, example: dict[str, Any]) -> None:
    profile, wanted = WANTED[stem]
    kind = (
        "rain_gauge"
        if "rain" in stem
        else "streetlight"
        if "luminaire" in stem
        else "manhole"
        if "manhole" in stem
        else "drain"
    )
    found = through_chirpstack(profile, kind, number, example)
    assert [reading.values for reading in found.readings] == [pytest.approx(values) for values in wanted[number]]
    assert found.ignored == (None if wanted[number] else "no_data")
    assert all(bool(reading.flags & Flag.HISTORY) is ("history" in example["kind"]) for reading in found.readings)


@pytest.mark.parametrize("stem", sorted({stem for stem, _, _ in EXAMPLES}))
def test_no_example_is_left_out(stem: str) -> None:
    assert [number for name, number, _ in EXAMPLES if name == stem] == list(range(len(WANTED[stem][1])))


def test_the_captured_event_of_an_older_server() -> None:
    for file in FOUND:
        if file.stem == "15_nas_lcu_chirpstack_v3_capture":
            event = json.loads(file.read_text(encoding="utf-8"))["message"]["payload"]
            topic = "application/430/device/70b3d5b020073208/event/up"
            found = decoder("nas_ul20xx", "streetlight").decode(
                topic, orjson.dumps(event), received_ms=RECEIVED_MS, retained=False, dup=False
            )
            assert [reading.values for reading in found.readings] == [
                {"temperature_cel": 26, "relay_closed": False, "rssi_dbm": -57, "snr_db": 9.75},
                {"dim_pct": 0, "lamp_on": False, "lamp_failure": False, "gear_failure": False},
            ]


OWN_FLEET: list[tuple[str, Values]] = [
    ("healthy", {"activePower": 45.1, "supplyVoltage": 240.2, "supplyCurrent": 0.208, "powerFactor": 0.904, "state": 75}),
    ("low", {"activePower": 34.6, "supplyVoltage": 240.5, "supplyCurrent": 0.171, "powerFactor": 0.86, "state": 75}),
    ("dead meter", {"activePower": 0, "supplyVoltage": 0, "supplyCurrent": 0, "powerFactor": 0, "state": 75}),
    ("supply lost at dawn", {"activePower": 0, "supplyVoltage": 0, "supplyCurrent": 0, "powerFactor": 0, "state": 0}),
]
FLEET_WANTED = {"healthy": [], "low": ["SL-LOW"], "dead meter": [], "supply lost at dawn": []}


def fleet() -> list[tuple[str, str, dict[str, Any]]]:
    """(name, what it is, the record as the platform sends it)."""
    records = [
        (
            f"own {what}",
            what,
            {
                "failures": {"lampFailure": {"value": 0}, "controlGearFailure": {"value": 0}},
                "metering": {
                    **{name: {"value": value} for name, value in given.items() if name != "state"},
                    "actualLightState": {"value": given["state"]},
                    "controllerTemperature": {"value": 65.9},
                },
            },
        )
        for what, given in OWN_FLEET
    ]
    words = {"healthy": "healthy", "lampPowerTooLow": "low", "powerFactorTooLow": "dead meter", "supplyLoss": OWN_FLEET[3][0]}
    for file in FOUND:
        if file.stem.startswith("16_"):
            for example in json.loads(file.read_text(encoding="utf-8"))["examples"]:
                what = next(meant for word, meant in words.items() if example["kind"].startswith(word))
                records.append((f"real {what}", what, example["record"]))
    return records


@pytest.mark.parametrize(("what", "record"), [one[1:] for one in fleet()], ids=[one[0] for one in fleet()])
def test_of_a_fleet_only_the_low_lamp_is_low(what: str, record: dict[str, Any]) -> None:
    """Each record is repeated through a night and a day. A low lamp is one by the power of its inventory: 64 W, not 48 W."""
    for rated_w, wanted in ((64.0, FLEET_WANTED[what]), (48.0, [])):
        own = decoder("exedra_owlet", "streetlight", rated_w)
        found = own.decode(f"exedra/{EUI}/state", orjson.dumps(record), received_ms=RECEIVED_MS, retained=False, dup=False)
        (reading,) = found.readings
        assert reading.values["power_w"] == pytest.approx(record["metering"]["activePower"]["value"])
        # A lamp that still burns at dawn is another matter: the night only, where it is lit.
        hours = range(19, 27) if reading.values["dim_pct"] else range(19, 43)
        assert conditions(own.register.assets["A-1"], reading, hours) == wanted


def conditions(asset: Asset, reading: Reading, hours: range) -> list[str]:
    """What a reading that repeats each quarter of an hour raises, from 25 May, 0:00 UTC."""
    midnight = 1_779_667_200_000
    engine = Engine(shard_of(asset.id), load(None), {asset.id: asset}.get)
    events = []
    for minute in range(hours.start * 60, hours.stop * 60, 15):
        at = midnight + minute * 60_000
        events += engine.step([reading._replace(observed_ms=at, received_ms=at, key=at)]).events
    return sorted({one.condition for one in events})


def test_a_device_without_a_profile_is_refused() -> None:
    with pytest.raises(PayloadError):
        through_chirpstack("no_such_profile", "drain", 0, {"decoded": {"distance": 30}})
