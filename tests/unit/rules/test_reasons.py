"""The closed set of reasons: every code has a text, and no code is made up elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import rules
from citybrain.text import LANGUAGES, table
from forecast.life import REASONS as FORECAST_REASONS
from rules.reasons import REASONS

FOLDER = Path(rules.__file__).parent


def test_every_reason_has_a_text_in_every_language() -> None:
    for language in LANGUAGES:
        # the alerts of forecasts bring reasons of their own, which stand in the same table
        assert set(table("reasons", language)) == set(REASONS) | set(FORECAST_REASONS)


def test_every_reason_is_given_somewhere() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.py") if path.name != "reasons.py")
    composed = {"above_raise", "below_raise", "rises_too_fast", "falls_too_fast", "above_band", "below_band"}
    missing = {code for code in REASONS if f'"{code}"' not in source}
    assert missing == composed
    assert set(re.findall(r'f"\{(?:word|verb|side)\}_(\w+)"', source)) == {"raise", "too_fast", "band"}
