"""The table of grouping: what it says of an alert, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from citybrain.kernel.errors import ConfigError
from citybrain.kernel.model import Asset
from citybrain.kernel.register import Register
from dispatch.board import Board, OpenCase
from dispatch.cases import Action, place, wait_over
from dispatch.causes import Surroundings, group_key, parent_of
from dispatch.grouping_file import check_grouping, load_grouping
from dispatch.network import network_of
from tests.dispatch_kit import INFOS, NOON

DARK, SILENT, GEAR = INFOS["SL-OUT"], INFOS["DEV-SILENT"], INFOS["SL-GEAR"]
RULE = """
groups:
  - name: wet
    matchers: ['cause=~"drain_.*"', 'district="d1"']
    group_by: catchment
    group_wait: 5m
    group_interval: 1m
    at_least: {count: 3}
    within: 2m
    parent: {cause: catchment_flood, filing: RD-FLOOD}
"""


def around(*assets: Asset, table: Path | None = None) -> Surroundings:
    register = Register(1, {one.id: one for one in assets})
    return Surroundings(register.assets, network_of(register), load_grouping(table))


def lamps(count: int, **more: float) -> list[Asset]:
    return [Asset(f"l{n}", "streetlight", feeder="F", **more) for n in range(count)]


def waiting(lamp: Asset, look: Surroundings, seconds: float) -> OpenCase:
    together = look.waits(DARK, lamp)
    assert together is not None
    key = group_key(together, lamp)
    return OpenCase(
        lamp.id, lamp.id, lamp.kind, "lamp_dark", "SL-OUT", "gathering", "major", "SL-OUT", key, ("F",),
        NOON + timedelta(seconds=seconds),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("of", "times", "interval_s", "wanted"),
    [
        (60, [0, 10], 0, Action.GROUP),  # the third of sixty
        (60, [0], 0, Action.GATHER),
        (60, [-290, 10], 0, Action.GROUP),
        (60, [-299, 299], 0, Action.GATHER),  # each within five minutes of this one, all three are not
        (60, [-301, 10], 0, Action.GATHER),
        (60, [-900, 10], 900, Action.GROUP),  # who reports every quarter of an hour may have seen it so much later
        (5, [0], 0, Action.GROUP),  # two of five are 40 %
        (6, [0], 0, Action.GROUP),  # 30 % of six are two
        (7, [0], 0, Action.GATHER),  # and of seven three
        (1, [], 0, Action.GATHER),  # a single lamp is no group, though it is the whole circuit
    ],
)
def test_three_lamps_or_thirty_percent_within_five_minutes(
    of: int, times: list[int], interval_s: float, wanted: Action
) -> None:
    some = lamps(of, **({"interval_s": interval_s} if interval_s else {}))
    look = around(*some)
    board = Board.of(waiting(lamp, look, seconds) for lamp, seconds in zip(some[1:], times, strict=False))
    assert place(some[0], DARK, board, look, NOON).action is wanted


def test_what_a_rule_leaves_out_the_condition_says() -> None:
    look = around()
    gateway = look.together(SILENT, Asset("p", "manhole", gateway="g"))
    assert gateway is not None
    assert (gateway.count, gateway.wait_s, gateway.at_once) == (3, 900, False)
    feeder = look.together(DARK, Asset("l", "streetlight", feeder="F"))
    assert feeder is not None
    assert (feeder.count, feeder.share, feeder.within_s, feeder.wait_s) == (3, 0.3, 300, 600)
    assert look.together(GEAR, Asset("l", "streetlight", feeder="F")) is None, "a condition that waits for nobody"


def test_a_city_groups_by_catchment(tmp_path: Path) -> None:
    table = tmp_path / "grouping.yml"
    table.write_text(RULE, encoding="utf-8")
    drains = [Asset(f"d{n}", "drain", 31.0 + n, 121.0, district="d1", catchment="c1") for n in range(3)]
    look = around(*drains, table=table)
    full = INFOS["DR-FULL"]
    together = look.waits(full, drains[0])
    assert together is not None
    assert group_key(together, drains[0]) == "catchment:c1/wet"
    assert look.together(full, replace(drains[0], district="d2")) is None, "the matchers look at the asset as well"
    cases = [
        OpenCase(
            one.id, one.id, "drain", "drain_high", full.id, "gathering", filing="RD-FLOOD", group_key="catchment:c1/wet",
            raised_at=NOON,
        )
        for one in drains[1:]
    ]  # fmt: skip
    found = place(drains[0], full, Board.of(cases), look, NOON)
    assert (found.action, found.parent) == (Action.GROUP, "c1")
    made = parent_of(drains[0], "catchment", look.assets)
    assert (made.id, made.kind, made.district, made.provisional) == ("c1", "drain", "d1", True)
    parent = OpenCase("c", "c1", "drain", "catchment_flood", full.id, "open", filing="RD-FLOOD")
    child = place(drains[0], full, Board.of([parent]), look, NOON)
    assert (child.action, child.reason) == (Action.CHILD, "child_of_catchment")
    alone = wait_over(cases[0], drains[1], full, Board.of(cases[:1]), look)
    assert alone.action is Action.OPEN


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("group_interval: 1m", "group_interval: 5s", "groups[0].group_interval", "greater than or equal to 30"),
        ("group_wait: 5m", "group_wait: 1s", "groups[0].group_wait", "greater than or equal to 10"),
        ("group_wait: 5m", "group_wait: 2d", "groups[0].group_wait", "less than or equal to 86400"),
        ("group_wait: 5m", "group_wait: soon", "groups[0].group_wait", "write a time as"),
        ("group_wait: 5m", "group_wait: 300", "groups[0].group_wait", "write a time as"),
        ("within: 2m", "within: 10m", "groups[0]", "within is longer than group_wait"),
        ("{count: 3}", "{count: 1}", "groups[0].at_least.count", "greater than or equal to 2"),
        ("{count: 3}", "{share: 0.01}", "groups[0].at_least.share", "greater than or equal to 0.05"),
        ("{count: 3}", "{}", "groups[0].at_least", "give count, share or both"),
        ("group_by: catchment", "group_by: street", "groups[0].group_by", "catchment"),
        ("cause=~", "couse=~", "groups[0].matchers[0]", "no label 'couse'"),
        ("filing: RD-FLOOD", "filing: RD-FLUD", "groups[0].parent.filing", "not in the table of limits"),
        ("name: wet", "name: wet\n    colour: blue", "groups[0].colour", "unknown key"),
        ("groups:", "same_place: {within_m: 5000}\ngroups:", "same_place.within_m", "less than or equal to 500"),
        ("groups:", "same_place: {within: 1s}\ngroups:", "same_place.within", "greater than or equal to 60"),
    ],
)
def test_unsafe_numbers_are_refused_by_file_line_and_key(tmp_path: Path, old: str, new: str, key: str, words: str) -> None:
    assert old in RULE
    table = tmp_path / "grouping.yml"
    table.write_text(RULE.replace(old, new), encoding="utf-8")
    (fault,) = check_grouping(table, filings=["RD-FLOOD"])
    assert fault.key == key
    assert words in str(fault)
    assert str(fault).startswith(f"{table}:")


def test_a_name_stands_once(tmp_path: Path) -> None:
    table = tmp_path / "grouping.yml"
    table.write_text(RULE + RULE.split("groups:\n")[1], encoding="utf-8")
    with pytest.raises(ConfigError, match="wet stands twice"):
        load_grouping(table)


def test_the_shipped_table_is_sound() -> None:
    assert check_grouping(filings=["SL-GROUP", "SL-SCHEDULE", "DEV-REPAIR"]) == []
    assert check_grouping(Path("/nowhere/grouping.yml"))[0].message.startswith("cannot be read")
