"""Recorded uplinks through a real broker into a real database: what came twice or late leaves no trace in the end."""

from __future__ import annotations

import json
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from citybrain.kernel.times import from_ms
from citybrain.runtime.replay import replay

pytestmark = pytest.mark.live
START_MS = 1_700_000_000_000
REAL = Path(__file__).parents[3] / "shared" / "data" / "lorawan_sewer_icra"


def _line(device: str, at_ms: int, text: str) -> str:
    payload = text.encode().hex() if text.startswith("{") else text
    return json.dumps({"recvTime": at_ms, "endDevice": {"devEui": device, "devAddr": "0"}, "payload": payload, "fPort": 3})


def _own_file(folder: Path, seed: int = 5) -> tuple[Path, dict[str, int]]:
    """Uplinks of two detectors and a stranger over a day: overflows, repeats, a silence, counters that reset."""
    rng = random.Random(seed)
    lines: list[tuple[int, str]] = []
    said = {"messages": 0, "repeats": 0, "strange": 0}
    for device, wet in (("00000000000000A1", (120, 300)), ("00000000000000B2", (600, 660))):
        minute, counter = 0, 0
        while minute < 1440:
            wet_now = wet[0] <= minute < wet[1]
            at_ms = START_MS + minute * 60_000 + rng.randrange(30_000)
            temps = ",".join(f"{rng.uniform(8, 20):.1f}" for _ in range(3))
            text = (
                f'{{wid:"{device[-4:].lower()}",T:[{temps}],cso:{int(wet_now)},d:{0 if wet_now else 115},bat:88,tx:{counter}}}'
            )
            lines.append((at_ms, _line(device, at_ms, text)))
            if rng.random() < 0.4:
                later = at_ms + rng.randrange(2_000, 11_000)
                lines.append((later, _line(device, later, text)))
                said["repeats"] += 1
            counter = 0 if rng.random() < 0.02 else counter + 1
            minute += 2 if wet_now else 30
            if device.endswith("B2") and 700 < minute < 1000:
                minute = 1100
    for minute in range(0, 1440, 200):
        at_ms = START_MS + minute * 60_000
        lines.append((at_ms, _line("00000000000000C3", at_ms, rng.randbytes(11).hex())))
        said["strange"] += 1
    lines.sort()
    said["messages"] = len(lines)
    file = folder / "uplinks.jsonl"
    file.write_text("\n".join(line for _, line in lines) + "\n")
    return file, said


def _alerts(result: dict[str, Any], condition: str) -> list[tuple[str, str, str | None]]:
    return [(a["asset"], a["onset"], a["end"]) for a in result["alerts"] if a["condition"] == condition]


def test_own_uplinks_in_order_and_shuffled(tmp_path: Path) -> None:
    file, said = _own_file(tmp_path)
    ordered = replay(file, "icra_overflow")
    assert ordered["messages"] == said["messages"]
    assert ordered["duplicates"] == said["repeats"]
    assert sum(ordered["quarantined"].values()) == said["strange"]
    assert ordered["readings"] == said["messages"] - said["repeats"] - said["strange"]
    assert ordered["late"] == 0
    assert [asset for asset, _, _ in _alerts(ordered, "DR-OVERFLOW")] == ["00000000000000A1", "00000000000000B2"]
    assert all(end is not None for _, _, end in _alerts(ordered, "DR-OVERFLOW"))
    assert "00000000000000B2" in {asset for asset, _, _ in _alerts(ordered, "DEV-SILENT")}
    shuffled = replay(file, "icra_overflow", shuffle_ms=600_000, seed=3)
    assert shuffled["late"] > 0
    assert shuffled["alerts"] == ordered["alerts"]
    for key in ("messages", "readings", "duplicates", "quarantined"):
        assert shuffled[key] == ordered[key]


def _own_truth(folder: Path) -> Path:
    """The own uplinks in a folder of their own, with their truth as `truth_per_device.json`."""
    file, said = _own_file(folder)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    truth: dict[str, dict[str, Any]] = {}
    for row in rows:
        device = truth.setdefault(row["endDevice"]["devEui"], {"messages": 0, "decodable": 0, "wet": []})
        text = bytes.fromhex(row["payload"])
        device["messages"] += 1
        device["decodable"] += text.startswith(b"{")
        if b"cso:1" in text:
            device["wet"].append(from_ms(row["recvTime"]).isoformat(timespec="milliseconds"))
    for device in truth.values():
        wet = device.pop("wet")
        device["cso_episodes"] = [{"first": wet[0], "last": wet[-1]}] if wet else []
    (folder / "truth_per_device.json").write_text(json.dumps(truth))
    assert said["messages"] == len(rows)
    return folder


@pytest.mark.parametrize("which", ["own", *(["real"] if REAL.is_dir() else [])])
def test_uplinks_against_their_truth(which: str, tmp_path: Path) -> None:
    """The real uplinks are for evaluation only and are no part of the project: they are checked too where they are at hand."""
    folder = REAL if which == "real" else _own_truth(tmp_path)
    truth = json.loads((folder / "truth_per_device.json").read_text())
    ordered = replay(folder / "uplinks.jsonl", "icra_overflow")
    assert ordered["messages"] == sum(device["messages"] for device in truth.values())
    assert ordered["quarantined"] == {"undecodable": sum(device["messages"] - device["decodable"] for device in truth.values())}
    assert ordered["readings"] + ordered["duplicates"] == sum(device["decodable"] for device in truth.values())
    for device, said in truth.items():
        episodes = [(onset, end) for asset, onset, end in _alerts(ordered, "DR-OVERFLOW") if asset == device]
        for wet in said["cso_episodes"]:
            first, last = (datetime.fromisoformat(wet[key].replace("Z", "+00:00")) for key in ("first", "last"))
            times = [(datetime.fromisoformat(onset), end and datetime.fromisoformat(end)) for onset, end in episodes]
            assert [1 for onset, end in times if onset <= first and (not end or last <= end)], f"{device} {wet}"
    shuffled = replay(folder / "uplinks.jsonl", "icra_overflow", shuffle_ms=600_000, seed=11)
    assert shuffled["alerts"] == ordered["alerts"]
