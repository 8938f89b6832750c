"""Whatever stands in a rulebook file: it is taken, or every fault has a file, a line and a sentence. Nothing else is raised."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.yamlfile import parse
from rules.load import from_files, shipped

SHIPPED = shipped()
TEXT = "\n".join(yaml.safe_dump(file.value, allow_unicode=True) for file in SHIPPED)
BODIES: dict[str, Any] = yaml.safe_load(TEXT)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a tree, the inner ones included."""
    here = [path] if path else []
    if isinstance(value, dict):
        return here + [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]
    if isinstance(value, list):
        return here + [leaf for number, item in enumerate(value) for leaf in leaves(item, (*path, number))]
    return here


PLACES = leaves(BODIES)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["MH-OPEN", "tilt_deg"])
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=6
)


def outcome(text: str) -> None:
    """Loads a file that stands over nothing; holds what must hold."""
    book, faults = from_files([parse(text, "city.yml")])
    assert (book is None) == bool(faults)
    for fault in faults:
        assert fault.file == "city.yml"
        assert fault.line >= 1
        assert fault.message


@settings(max_examples=150, deadline=None)
@given(place=st.sampled_from(PLACES), value=ANYTHING)
def test_any_value_in_any_place(place: tuple[str | int, ...], value: Any) -> None:
    bodies = {str(place[0]): yaml.safe_load(yaml.safe_dump(BODIES[str(place[0])]))}
    inner: Any = bodies
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value
    outcome(yaml.safe_dump(bodies, allow_unicode=True))


@settings(max_examples=100, deadline=None)
@given(place=st.sampled_from(PLACES))
def test_any_key_missing(place: tuple[str | int, ...]) -> None:
    bodies = {str(place[0]): yaml.safe_load(yaml.safe_dump(BODIES[str(place[0])]))}
    inner: Any = bodies
    for part in place[:-1]:
        inner = inner[part]
    del inner[place[-1]]
    outcome(yaml.safe_dump(bodies, allow_unicode=True))


@settings(max_examples=150, deadline=None)
@given(start=st.integers(0, len(TEXT)), length=st.integers(0, 40), patch=st.text(max_size=12))
def test_any_damage_to_the_text(start: int, length: int, patch: str) -> None:
    from_files([parse(TEXT[:start] + patch + TEXT[start + length :], "city.yml")])
