"""Texts for people, in English and Simplified Chinese, from `citybrain/strings/{en,zh}/{area}.yml`.

`text("orders.overdue", "zh", minutes=5)` takes the key `overdue` of `strings/zh/orders.yml`. A test holds both
languages to the same keys and the same placeholders.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml

LANGUAGES = ("en", "zh")


@cache
def table(area: str, language: str) -> dict[str, str]:
    """All texts of one area in one language."""
    source = files("citybrain").joinpath("strings", language, f"{area}.yml").read_text(encoding="utf-8")
    return {str(key): str(value) for key, value in (yaml.safe_load(source) or {}).items()}


def code_text(prefix: str, code: str, language: str = "en") -> str:
    """The text of `prefix` + `code` (`console.state_` + `fixed`). A code that a newer program wrote stands for itself."""
    try:
        return text(f"{prefix}{code}", language)
    except KeyError:
        return code


def text(key: str, language: str = "en", **values: object) -> str:
    """The text of `area.name` with its placeholders filled. Raises KeyError for an unknown key."""
    area, name = key.split(".", 1)
    return table(area, language)[name].format(**values)
