"""There always is a unit, the same one whatever the order of the rules, and the trail ends with the step that found it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Area, Ownership, Register, Responsibility
from dispatch.owners import Survey
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


@given(rules, st.lists(assets, max_size=12), units, st.integers(1, 5))
def test_a_survey_of_the_city_says_of_each_asset_what_asking_says(
    found: list[Responsibility], several: list[Asset], known: dict[str, Unit], step: int
) -> None:
    city = {f"x{n}": replace(asset, id=f"x{n}") for n, asset in enumerate(several)}
    register = Register(assets=city, units=known, responsibilities=tuple(found), areas=AREAS)
    at = datetime(2026, 6, 12, tzinfo=UTC)
    survey = Survey(register, at)
    while not survey.step(step):
        pass
    answers = {asset.id: find_unit(asset, None, register, at) for asset in city.values()}
    assert survey.levels == Counter(answer.level for answer in answers.values())
    unowned = {asset: (one.level, one.unit.id) for asset, one in answers.items() if one.level in {"guardian", "unassigned"}}
    assert {one.asset: (one.level, one.unit) for one in survey.unowned} == unowned


ZONES = {"u": "Asia/Shanghai", "v": "America/St_Johns"}
moments = st.integers(0, 6 * 86400).map(lambda seconds: datetime(2026, 6, 9, tzinfo=UTC) + timedelta(seconds=seconds))
owners = st.lists(st.tuples(st.sampled_from(["u", "v"]), dates, dates), max_size=5, unique_by=lambda one: one[1])


@given(owners, moments)
def test_the_owner_is_who_the_calendar_on_the_wall_of_the_unit_says(
    given_: list[tuple[str, date | None, date | None]], at: datetime
) -> None:
    ordered = sorted(given_, key=lambda one: one[1] or date.min)
    known = {name: Unit(name, name, timezone=zone) for name, zone in ZONES.items()}
    register = Register(units=known, ownerships={"x": [Ownership("x", *one) for one in ordered]})
    answer = find_unit(Asset("x", "drain"), None, register, at)
    wanted = None
    for unit, first, last in ordered:
        # the slow way: from midnight to midnight on the clock of the unit, as moments
        zone = ZoneInfo(ZONES[unit])
        begins = datetime(first.year, first.month, first.day, tzinfo=zone) if first else datetime.min.replace(tzinfo=UTC)
        after = last + timedelta(days=1) if last else None
        ends = datetime(after.year, after.month, after.day, tzinfo=zone) if after else datetime.max.replace(tzinfo=UTC)
        if begins <= at < ends:
            wanted = unit
    assert (answer.unit.id if answer.level == "own" else None) == wanted
