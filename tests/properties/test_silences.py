"""Whatever the silences and the alert: the index finds what a look at every silence finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Asset
from dispatch.labels import labels_of
from dispatch.matchers import Matcher, parse
from dispatch.silences import NOWHERE, Quiet, Scope, Silence
from dispatch.windows import recurrence

START = datetime(2026, 1, 1, tzinfo=UTC)
_NAMES = st.sampled_from(["a", "b", "c", ""])
_PLACE = st.none() | st.sampled_from(["a", "b", "c"])

_LABELS = ("asset", "kind", "condition", "cause", "severity", "district", "cell", "feeder", "cabinet", "attr_street")
_VALUES = {"=": _NAMES, "!=": _NAMES, "=~": st.sampled_from(["a|b", "[ab]", ".*", "c"]), "!~": st.sampled_from(["a|b", "c"])}


@st.composite
def matchers(draw: st.DrawFn) -> Matcher:
    operator = draw(st.sampled_from(sorted(_VALUES)))
    return parse(f'{draw(st.sampled_from(_LABELS))}{operator}"{draw(_VALUES[operator])}"')


@st.composite
def polygons(draw: st.DrawFn) -> dict[str, object]:
    west, south = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    return {"type": "Polygon", "coordinates": [[[west, south], [west + 2, south], [west + 2, south + 2], [west, south]]]}


@st.composite
def silences(draw: st.DrawFn) -> Silence:
    scope = draw(
        st.just(NOWHERE)
        | st.builds(
            Scope, asset=_PLACE, feeder=_PLACE, street=_PLACE, district=_PLACE, cell=_PLACE, polygon=st.none() | polygons()
        )
    )
    end = draw(st.none() | st.integers(1, 5))
    return Silence(
        id=str(draw(st.uuids())),
        number=draw(st.integers(1, 1000)),
        sort="silence",
        author="Li",
        reason="why",
        begins_at=START,
        ends_at=None if end is None else START + timedelta(hours=end),
        matchers=tuple(draw(st.lists(matchers(), max_size=3))),
        scope=scope,
    )


_ASSETS = st.builds(
    Asset,
    id=st.sampled_from(["a", "b", "c"]),
    kind=st.sampled_from(["a", "b"]),
    lat=st.none() | st.sampled_from([0.0, 1.5, 3.0]),
    lon=st.none() | st.sampled_from([0.0, 1.5, 3.0]),
    district=_PLACE,
    cell=_PLACE,
    feeder=_PLACE,
    cabinet=_PLACE,
    gateway=_PLACE,
    attributes=st.just(MappingProxyType({}))
    | st.just(MappingProxyType({"street": "A"}))
    | st.just(MappingProxyType({"street": "b"})),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(silences(), max_size=12, unique_by=lambda one: one.number), _ASSETS, st.sampled_from(["a", "b"]))
def test_the_index_hides_nothing_and_invents_nothing(some: list[Silence], asset: Asset, condition: str) -> None:
    info = ConditionInfo(condition, "any", "a", cause="b", filing="X", verify_s=1)
    labels = labels_of(asset, condition=condition, cause="b", severity="a")
    covering = [one for one in some if one.covers(asset, labels)]
    found = Quiet(some).of_alert(asset, info, "a")
    assert (found is None) == (not covering)
    if found is not None:
        assert found in covering
        assert all(found.ends_at is None or (one.ends_at is not None and one.ends_at <= found.ends_at) for one in covering)


@settings(max_examples=60, deadline=None)
@given(
    rule=st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=MONTHLY;BYMONTHDAY=29", "FREQ=DAILY;INTERVAL=3"]),
    zone=st.sampled_from(["Europe/Berlin", "Asia/Shanghai", "America/New_York", "UTC", "Australia/Lord_Howe"]),
    hour=st.integers(0, 23),
    hours=st.integers(1, 40),
    minutes=st.integers(0, 400 * 24 * 60),
)
def test_a_window_is_open_or_the_next_one(rule: str, zone: str, hour: int, hours: int, minutes: int) -> None:
    window = recurrence(
        rule, start=datetime.fromisoformat(f"2025-12-01T{hour:02d}:30"), zone=zone, duration=timedelta(hours=hours)
    )
    now = START + timedelta(minutes=minutes)
    span = window.at_or_after(now)
    assert span is not None
    assert span.begins_at < span.ends_at
    assert now < span.ends_at
    assert abs((span.ends_at - span.begins_at) - timedelta(hours=hours)) <= timedelta(hours=1), "but for a change of the clocks"
    assert window.at_or_after(span.begins_at) is not None
    if span.begins_at > now:
        # nothing is open before it: a moment earlier gives the same answer
        assert window.at_or_after(now + (span.begins_at - now) / 2) == span
