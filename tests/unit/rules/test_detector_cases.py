"""Every case file of every detector folder: readings in a table, and the verdict that each must give."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from citybrain.kernel.model import Asset, Reading
from citybrain.kernel.times import to_ms
from rules.build import build
from rules.detectors import DETECTORS
from rules.detectors.base import NAN, UNSURE, Bad, Verdict
from rules.rain import RainHistory
from rules.reasons import REASONS

FOLDER = Path(DETECTORS["threshold"].__file__ or "").parents[1]
CASES = sorted(FOLDER.glob("*/cases/*.yml"))
START = "2026-06-12T00:00:00+00:00"
MINUTE = 60_000


def detector_name(path: Path) -> str:
    return path.parents[1].name


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{detector_name(path)}-{path.stem}")
def test_case(path: Path) -> None:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert case["what"]
    detector = DETECTORS[detector_name(path)]
    faults: list[str] = []
    params = build(detector.Params, case["params"], (), lambda loc, said: faults.append(f"{loc}: {said}"))
    assert not faults
    asset = Asset("a", **{"kind": "manhole", **case.get("asset", {})})
    start = to_ms(datetime.fromisoformat(str(case.get("start", START))))
    rain = RainHistory()
    for one in case.get("rain", ()):
        at = start + one["min"] * MINUTE
        rain.hear(asset.district, Reading("g", "rain_gauge", "g", at, at, one["values"], None, at))
    base = 2  # as if another condition came before it
    fixed = detector.fixed(params, asset)
    memory = array("d", [7.5, 7.5, *fixed, *[NAN] * detector.cells(params), 9.5])
    judge = detector.compile(params, asset, rain, base)
    for number, (minute, one) in enumerate(moments(case)):
        try:
            verdict = judge(one["values"], start + minute * MINUTE, memory)
        except TypeError:
            verdict = None
        where = f"reading {number} at minute {minute}: {verdict}"
        if one["expect"] != "any":
            assert word_of(verdict) == one["expect"], where
        if isinstance(verdict, Bad) and verdict is not UNSURE:
            assert verdict.reason in REASONS
            assert one.get("reason", verdict.reason) == verdict.reason, where
            assert one.get("detail", verdict.detail) == verdict.detail, where
    assert (memory[0], memory[1], memory[-1]) == (7.5, 7.5, 9.5)
    assert tuple(memory[base : base + len(fixed)]) == pytest.approx(fixed, nan_ok=True)


def moments(case: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each reading with its minute; `times` repeats one at the case's `every` minutes."""
    minute = 0
    for one in case["readings"]:
        for _ in range(one.get("times", 1)):
            yield one.get("min", minute), one
            minute += case.get("every", 0)


def word_of(verdict: Verdict) -> str:
    if verdict is None:
        return "none"
    if verdict is False:
        return "good"
    return "unsure" if verdict is UNSURE else "bad"


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_a_detector_is_a_folder_with_readme_and_cases(name: str) -> None:
    folder = FOLDER / name
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"# {name}\n")
    assert any(detector_name(path) == name for path in CASES)
    for field in DETECTORS[name].Params.__dataclass_fields__:
        assert f"`{field.rstrip('_')}" in readme, f"{field} is not in the README"


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_texts_where_numbers_belong_give_no_verdict_or_type_error(name: str) -> None:
    """The engine turns the TypeError into "no verdict"."""
    path = next(path for path in CASES if detector_name(path) == name)
    detector, case = DETECTORS[name], yaml.safe_load(path.read_text(encoding="utf-8"))
    params = build(detector.Params, case["params"], (), lambda loc, said: None)
    asset = Asset("a", **{"kind": "manhole", **case.get("asset", {})})
    memory = array("d", [*detector.fixed(params, asset), *[NAN] * detector.cells(params)])
    judge = detector.compile(params, asset, RainHistory(), 0)
    for value in ("text", "", "true", float("nan")):
        try:
            verdict = judge(dict.fromkeys(detector.measures(params), value), 1_780_000_000_000, memory)
        except TypeError:
            continue
        assert not isinstance(verdict, Bad)
