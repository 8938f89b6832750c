"""What silences cover, and how one of many is found."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

from citybrain.kernel.errors import StateError
from citybrain.kernel.model import Asset
from dispatch.cases import Action, Placement
from dispatch.hiding import hidden_key, is_hidden, shown_key
from dispatch.matchers import parse
from dispatch.silences import (
    NOWHERE,
    OPENING_APPROVED,
    TABLE,
    Quiet,
    Scope,
    Silence,
    all_muted,
    if_silenced,
    named_assets,
    turn,
)
from tests.dispatch_kit import INFOS, NOON

SQUARE = {"type": "Polygon", "coordinates": [[[120.0, 31.0], [120.1, 31.0], [120.1, 31.1], [120.0, 31.1], [120.0, 31.0]]]}
LAMP = Asset(
    "sl-1", "streetlight", lat=31.05, lon=120.05, district="d1", cell="c7", cabinet="cab-1", feeder="f-1", gateway="gw-1",
    attributes=MappingProxyType({"street": "Long Street"}),
)  # fmt: skip
ELSEWHERE = Asset("sl-2", "streetlight", lat=40.0, lon=120.05, district="d2", feeder="f-2")
OUT = INFOS["SL-OUT"]


def silence(*matchers: str, number: int = 1, hours: float | None = 2, sort: str = "silence", scope: Scope = NOWHERE) -> Silence:
    end = None if hours is None else NOON + timedelta(hours=hours)
    return Silence(f"id-{number}", number, sort, "Li", "why", NOON, end, tuple(parse(one) for one in matchers), scope)


def test_the_table_of_a_silence() -> None:
    assert (turn("planned", "begin"), turn("active", "end"), turn("active", "turn")) == ("active", "ended", "planned")
    for state, moves in TABLE.items():
        for event in {"begin", "end", "turn", "drop"} - moves.keys():
            with pytest.raises(StateError):
                turn(state, event)


@pytest.mark.parametrize(
    "covering",
    [
        silence('asset="sl-1"'),
        silence('asset=~"sl-1|sl-7"', 'condition="SL-OUT"'),
        silence('asset=~"sl-[0-9]"', 'district="d1"'),
        silence('cause="lamp_dark"', 'district!="d2"'),
        silence('attr_street="Long Street"'),
        silence('severity=~"maj.*"', 'cell="c7"'),
        *(silence(scope=one, sort="works") for one in (
            Scope(asset="sl-1"), Scope(asset="cab-1"), Scope(asset="gw-1"), Scope(asset="f-1"), Scope(feeder="f-1"),
            Scope(street="long STREET"), Scope(district="d1"), Scope(cell="c7"), Scope(polygon=SQUARE),
            Scope(district="d1", street="Long Street", polygon=SQUARE),
        )),
    ],
    ids=lambda one: f"{[str(each) for each in one.matchers]} {one.scope.facts().keys()}",
)  # fmt: skip
def test_it_is_found_among_many(covering: Silence) -> None:
    others = [silence(f'asset="x-{n}"', number=n) for n in range(10, 200)]
    quiet = Quiet([*others, covering])
    assert quiet.of_alert(LAMP, OUT, "major") == covering
    assert quiet.of_alert(ELSEWHERE, OUT, "major") is None


def test_nothing_silences_nothing() -> None:
    assert Quiet().of_alert(LAMP, OUT, "major") is None
    assert Quiet([silence('asset="x"')]).of_alert(LAMP, OUT, "major") is None


def test_of_several_the_one_that_ends_last_and_of_several_alerts_the_first() -> None:
    short, long, endless = silence('district="d1"', hours=1), silence('asset="sl-1"', number=2, hours=9), None
    assert Quiet([short, long]).of_alert(LAMP, OUT, "major") == long
    endless = silence('feeder="f-1"', number=3, hours=None)
    assert Quiet([short, long, endless]).of_alert(LAMP, OUT, "major") == endless
    assert all_muted([long, endless, short]) == short
    assert all_muted([long, None]) is None
    assert all_muted([]) is None


def test_it_holds_from_its_beginning_until_before_its_end() -> None:
    one = silence('asset="sl-1"')
    assert one.in_force(NOON)
    assert one.in_force(NOON + timedelta(minutes=119))
    assert not one.in_force(NOON - timedelta(seconds=1))
    assert not one.in_force(NOON + timedelta(hours=2))
    assert replace(one, ends_at=None).in_force(NOON + timedelta(days=900))


@pytest.mark.parametrize("action", list(Action))
def test_only_what_would_get_an_order_of_its_own_is_hidden(action: Action) -> None:
    found = Placement(action, "why", takes=("w",) if action is Action.OPEN else ())
    hidden = if_silenced(found, OUT, silence('asset="sl-1"'))
    if action in {Action.JOIN, Action.CHILD}:
        assert hidden == found
    else:
        assert (hidden.action, hidden.reason, hidden.takes) == (Action.GATHER, "silenced", found.takes)
    assert if_silenced(found, OUT, None) == found
    assert if_silenced(found, INFOS["DR-HIGH"], silence('kind="drain"')) == found, "what asks for no order needs no silence"


def test_an_approved_opening_is_a_case_and_no_order() -> None:
    found = if_silenced(Placement(Action.OPEN, "alone"), INFOS["MH-OPEN"], silence('asset="mh-1"', sort="opening"))
    assert found == Placement(Action.OPEN, OPENING_APPROVED)


def test_the_key_of_what_is_hidden() -> None:
    assert is_hidden(hidden_key("feeder:f-1/x"))
    assert is_hidden(hidden_key(None))
    assert shown_key(hidden_key("feeder:f-1/x")) == "feeder:f-1/x"
    assert shown_key(hidden_key(None)) is None
    assert not is_hidden(None)
    assert not is_hidden("feeder:f-1/x")


def test_assets_that_silences_are_about() -> None:
    assert named_assets([silence('asset="b"'), silence(scope=Scope(asset="a"))]) == ["a", "b"]
    assert named_assets([silence('asset="b"'), silence('district="d1"')]) is None


def test_a_thousand_silences_do_not_slow_ten_thousand_alerts() -> None:
    made: list[Any] = [silence(f'asset="mh-{n}"', 'condition=~"MH-.*"', number=n) for n in range(700)]
    made += [silence(scope=Scope(feeder=f"x-{n}"), number=n, sort="works") for n in range(700, 900)]
    made += [silence(f'cell="q-{n}"', 'severity!="critical"', number=n) for n in range(900, 1000)]
    quiet = Quiet(made)
    assets = [replace(LAMP, id=f"mh-{n}", kind="manhole", feeder=f"x-{n % 1000}") for n in range(10_000)]
    began = time.process_time()
    found = sum(quiet.of_alert(asset, INFOS["MH-OPEN"], "critical") is not None for asset in assets)
    taken = time.process_time() - began
    assert found == 700 + 200 * 10, "700 by their asset, and what hangs on 200 feeders"
    assert taken < 1.0, f"{taken:.2f} s of the processor"
