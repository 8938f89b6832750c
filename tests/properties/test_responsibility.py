"""There always is a unit, the same one whatever the order of the rules, and the trail ends with the step that found it."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Area, Register, Responsibility
from dispatch.responsibility import REASONS, UNASSIGNED, find_unit

ON = date(2026, 6, 12)
names = st.sampled_from(["p", "q", "r"])
maybe = st.none() | names
dates = st.none() | st.dates(date(2026, 6, 10), date(2026, 6, 14))
rules = st.lists(
    st.builds(
        Responsibility,
        st.text("abcdef", min_size=1, max_size=3),
        st.sampled_from(["contract", "area", "guardian"]),
        st.sampled_from(["u", "v", "gone"]),
        st.sampled_from([None, "drain", "manhole"]),
        st.sampled_from([None, "DR-BLOCK"]),
        maybe,
        maybe,
        maybe,
        maybe,
        dates,
        dates,
    ),
    max_size=12,
    unique_by=lambda rule: rule.id,
)
assets = st.builds(
    Asset,
    st.just("x"),
    st.sampled_from(["drain", "manhole"]),
    st.none() | st.floats(-1, 3),
    st.none() | st.floats(-1, 3),
    st.sampled_from([None, "u", "gone"]),
    maybe,
    maybe,
    feeder=maybe,
    cabinet=maybe,
)
units = st.lists(st.lists(st.sampled_from(["p", "q", "*"]), max_size=2), min_size=2, max_size=2).map(
    lambda guards: {name: Unit(name, name, guardian_of=tuple(of)) for name, of in zip("uv", guards, strict=True)}
)
AREAS = tuple(
    Area(name, kind, "", {"type": "Polygon", "coordinates": [[[w, 0], [w + 2, 0], [w + 2, 2], [w, 2], [w, 0]]]})
    for name, kind, w in (("p", "district", 0), ("q", "district", 1), ("r", "cell", 1))
)


@given(rules, assets, units)
def test_never_none_always_the_same_and_always_explained(
    found: list[Responsibility], asset: Asset, known: dict[str, Unit]
) -> None:
    register = Register(units=known, responsibilities=tuple(found), areas=AREAS)
    answer = find_unit(asset, "DR-BLOCK", register, ON)
    assert answer.unit in (*known.values(), UNASSIGNED)
    assert [step.matched for step in answer.trail] == [False] * (len(answer.trail) - 1) + [True]
    assert {step.reason for step in answer.trail} <= REASONS.keys()
    register.responsibilities = tuple(sorted(found, key=lambda rule: rule.id, reverse=True))
    assert find_unit(asset, "DR-BLOCK", register, ON) == answer
