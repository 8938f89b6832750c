"""Both languages have the same texts with the same placeholders."""

from __future__ import annotations

import re
import string

import pytest

from citybrain.text import LANGUAGES, table
from dispatch import responsibility
from forecast import life
from ingest import quarantine
from rules import reasons
from simulators.world.faults import TYPES
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


CODES = {
    "quarantine": {
        **{f"reason_{code}": what for code, what in quarantine.REASONS.items()},
        **{f"ignored_{code}": what for code, what in quarantine.IGNORED.items()},
        **{f"note_{code}": what for code, what in quarantine.NOTES.items()},
    },
    "routes": responsibility.REASONS,
    "reasons": {**reasons.REASONS, **life.REASONS},
}
"""Area -> the codes that the program shows to people, with what each means."""


@pytest.mark.parametrize("area", CODES)
def test_every_code_has_its_meaning_as_in_the_code(area: str) -> None:
    english = table(area, "en")
    assert {code: english[code] for code in CODES[area]} == CODES[area]


def test_every_fault_of_the_simulated_city_has_a_name() -> None:
    assert {key.removeprefix("fault_") for key in table("demo", "en") if key.startswith("fault_")} == set(TYPES)
