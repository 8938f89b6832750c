"""Both languages have the same texts with the same placeholders."""

from __future__ import annotations

import re
import string

import pytest

from citybrain.text import LANGUAGES, table
from tests.docs.markdown import ROOT

FOLDER = ROOT / "citybrain" / "strings"
AREAS = sorted({path.stem for path in FOLDER.glob("*/*.yml")})


def placeholders(text: str) -> list[str]:
    """The names in a text, sorted."""
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def test_every_area_is_in_every_language() -> None:
    assert {
        language: sorted(path.stem for path in (FOLDER / language).glob("*.yml")) for language in LANGUAGES
    } == dict.fromkeys(LANGUAGES, AREAS)


@pytest.mark.parametrize("area", AREAS)
def test_keys_and_placeholders_are_the_same(area: str) -> None:
    english, chinese = ({key: placeholders(text) for key, text in table(area, language).items()} for language in LANGUAGES)
    assert english == chinese


@pytest.mark.parametrize("area", AREAS)
def test_no_text_is_empty_or_left_in_english(area: str) -> None:
    for key, text in table(area, "zh").items():
        bare = re.sub(r"\{[^}]*\}", "", text)
        assert not re.search(r"[a-z]{4,} [a-z]{4,}", bare), (key, text)
        assert text.strip()
