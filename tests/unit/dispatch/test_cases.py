"""Where an alert goes, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Asset
from dispatch.board import Board, OpenCase
from dispatch.cases import Action, gravest, place, release, wait_over
from dispatch.causes import EXPLAINS, Surroundings, cause_of, group_key, parent_of, parents
from dispatch.grouping_file import load_grouping
from dispatch.network import network_of
from tests.dispatch_kit import INFOS, register

REGISTER = register()
ASSETS = REGISTER.assets
AROUND = Surroundings(ASSETS, network_of(REGISTER), load_grouping())
DARK, SILENT, TRIP, DAY = INFOS["SL-OUT"], INFOS["DEV-SILENT"], INFOS["CAB-TRIP"], INFOS["SL-DAY"]


def case(
    asset: str,
    cause: str,
    *,
    state: str = "open",
    condition: str = "X",
    key: str | None = None,
    filing: str | None = "SL-GROUP",
) -> OpenCase:
    kind = ASSETS[asset].kind if asset in ASSETS else "cabinet"
    below = parents(ASSETS[asset], AROUND) if state == "gathering" and asset in ASSETS else ()
    return OpenCase(f"{asset}/{cause}", asset, kind, cause, condition, state, "minor", filing, key, below)


def waiting(asset: str, info: ConditionInfo) -> OpenCase:
    together = AROUND.waits(info, ASSETS[asset])
    key = group_key(together, ASSETS[asset]) if together else None
    return case(asset, info.cause, state="gathering", condition=info.id, key=key, filing=info.filing)


def where(asset: str, info: ConditionInfo, *cases: OpenCase) -> tuple[Action, str]:
    found = place(ASSETS[asset], info, Board.of(cases), AROUND)
    return found.action, found.reason


@pytest.mark.parametrize(
    ("asset", "info", "cases", "wanted"),
    [
        ("mh-1", INFOS["MH-OPEN"], (), (Action.OPEN, "alone")),
        ("dr-1", INFOS["DR-HIGH"], (), (Action.OPEN, "no_order_by_rule")),
        ("mh-1", INFOS["MH-GONE"], (case("mh-1", "cover_open"),), (Action.JOIN, "same_asset_and_cause")),
        ("mh-1", INFOS["MH-ROCK"], (case("mh-1", "cover_open"),), (Action.OPEN, "alone")),
        ("sl-1", DARK, (), (Action.GATHER, "waits_for_siblings")),
        ("sl-1", DARK, (case("cab-1", "feeder_trip"),), (Action.CHILD, "child_of_cabinet")),
        ("sl-1", SILENT, (case("cab-1", "feeder_trip"),), (Action.CHILD, "child_of_cabinet")),
        ("sl-1", DAY, (case("cab-1", "feeder_trip"),), (Action.GATHER, "waits_for_siblings")),
        ("tail-1", DARK, (case("cab-1", "feeder_trip"),), (Action.GATHER, "waits_for_siblings")),
        ("tail-1", DARK, (case("f-9", "feeder_trip"),), (Action.CHILD, "child_of_feeder")),
        ("sl-1", INFOS["SL-GEAR"], (case("cab-1", "feeder_trip"),), (Action.OPEN, "alone")),
        ("pit-1", SILENT, (case("gw-1", "gateway_out"),), (Action.CHILD, "child_of_gateway")),
        ("sl-1", DARK, (case("gw-1", "gateway_out"),), (Action.GATHER, "waits_for_siblings")),
        ("sl-1", DARK, (case("cab-1", "feeder_trip", state="gathering"),), (Action.GATHER, "waits_for_siblings")),
        ("sl-1", DARK, (case("cab-1", "feeder_trip", filing=None),), (Action.GATHER, "waits_for_siblings")),
        ("sl-3", DARK, (waiting("sl-1", DARK), waiting("sl-2", DARK)), (Action.GROUP, "group_formed")),
        ("sl-3", DARK, (waiting("sl-1", DARK), waiting("tail-1", DARK)), (Action.GATHER, "waits_for_siblings")),
        ("sl-3", DARK, (waiting("sl-1", SILENT), waiting("sl-2", SILENT)), (Action.GATHER, "waits_for_siblings")),
        ("pit-3", SILENT, (waiting("pit-1", SILENT), waiting("pit-2", SILENT)), (Action.GATHER, "waits_for_siblings")),
        ("mh-2", SILENT, (), (Action.OPEN, "alone")),
    ],
)  # fmt: skip
def test_place(asset: str, info: ConditionInfo, cases: tuple[OpenCase, ...], wanted: tuple[Action, str]) -> None:
    assert where(asset, info, *cases) == wanted


def test_electrical_comes_before_the_gateway() -> None:
    found = place(ASSETS["sl-1"], SILENT, Board.of([case("gw-1", "gateway_out"), case("cab-1", "feeder_trip")]), AROUND)
    assert found.reason == "child_of_cabinet"


def test_a_trip_takes_only_what_it_explains() -> None:
    board = Board.of([waiting("sl-1", DARK), waiting("sl-2", SILENT), waiting("sl-3", DAY), waiting("tail-1", DARK)])
    found = place(ASSETS["cab-1"], TRIP, board, AROUND)
    assert found.action is Action.OPEN
    assert set(found.takes) == {"sl-1/lamp_dark", "sl-2/device_silent"}


def test_a_group_takes_its_siblings_and_what_else_it_explains() -> None:
    board = Board.of([waiting("sl-1", DARK), waiting("sl-2", DARK), waiting("sl-4", SILENT), waiting("tail-1", DARK)])
    found = place(ASSETS["sl-3"], DARK, board, AROUND)
    assert (found.action, found.parent) == (Action.GROUP, "cab-1")
    assert set(found.takes) == {"sl-1/lamp_dark", "sl-2/lamp_dark", "sl-4/device_silent"}


def test_a_parent_with_another_kind_of_case_under_the_same_cause_is_left_alone() -> None:
    board = Board.of([waiting("sl-1", DARK), waiting("sl-2", DARK), case("cab-1", "feeder_trip", filing=None)])
    assert place(ASSETS["sl-3"], DARK, board, AROUND).action is Action.GATHER


def test_one_asset_is_one_sibling() -> None:
    twice = [waiting("sl-1", DARK), waiting("sl-1", INFOS["SL-OUT"])._replace(id="other", cause="x")]
    assert place(ASSETS["sl-2"], DARK, Board.of(twice), AROUND).action is Action.GATHER


@pytest.mark.parametrize(
    ("others", "wanted"),
    [
        ((), (Action.OPEN, "wait_over")),
        ((waiting("pit-2", SILENT),), (Action.OPEN, "wait_over")),
        ((waiting("pit-2", SILENT), waiting("pit-3", SILENT)), (Action.GROUP, "group_formed")),
        ((case("gw-1", "gateway_out"),), (Action.CHILD, "child_of_gateway")),
    ],
)
def test_wait_over(others: tuple[OpenCase, ...], wanted: tuple[Action, str]) -> None:
    own = waiting("pit-1", SILENT)
    found = wait_over(own, ASSETS["pit-1"], SILENT, Board.of([own, *others]), AROUND)
    assert (found.action, found.reason) == wanted
    if found.action is Action.GROUP:
        assert (found.parent, set(found.takes)) == (
            "gw-1",
            {"pit-1/device_silent", "pit-2/device_silent", "pit-3/device_silent"},
        )


def test_release() -> None:
    lamp = ASSETS["sl-1"]
    assert release(lamp, DARK, Board(), AROUND).reason == "parent_cleared"
    assert release(lamp, DARK, Board.of([case("cab-1", "feeder_trip")]), AROUND).action is Action.CHILD
    assert release(lamp, DARK, Board.of([case("sl-1", "lamp_dark")]), AROUND).action is Action.JOIN


def test_parents_of_what_is_not_in_the_register_are_made_up_from_the_child() -> None:
    made = parent_of(ASSETS["tail-1"], "feeder", ASSETS)
    assert (made.id, made.kind, made.district) == ("f-9", "cabinet", "d1")
    narrow = {**ASSETS, "cab-1": replace(ASSETS["cab-1"], feeder="f-2")}
    assert parent_of(ASSETS["sl-1"], "feeder", narrow).id == "f-1", "the cabinet of another feeder is not the parent"
    assert parent_of(Asset("x", "manhole", gateway="gw-7"), "gateway", {}).kind == "gateway"
    assert parents(ASSETS["sl-1"], AROUND) == ("cab-1", "f-1", "gw-1")


def test_a_silent_gateway_is_a_gateway_out() -> None:
    assert cause_of(SILENT, ASSETS["gw-1"]) == "gateway_out"
    assert cause_of(SILENT, ASSETS["pit-1"]) == "device_silent"


def test_every_group_is_explained_by_its_own_cause() -> None:
    for cause in ("lamp_dark", "lamp_electric", "lamp_schedule", "device_silent"):
        together = AROUND.together(replace(DARK, cause=cause), ASSETS["sl-1"])
        assert together is not None
        assert cause in EXPLAINS[together.cause]
    odd = replace(DARK, cause="odd", filing="SL-POLE")
    group = AROUND.together(odd, ASSETS["sl-1"])
    assert group is not None
    assert (group.cause, group.filing) == ("odd_group", "SL-POLE")
    child = place(ASSETS["sl-1"], odd, Board.of([case("cab-1", "odd_group")]), AROUND)
    assert child.action is Action.CHILD


def test_who_waits() -> None:
    lamp, cover = ASSETS["sl-1"], ASSETS["mh-1"]
    assert AROUND.waits(DARK, lamp)
    assert not AROUND.waits(replace(DARK, group_wait_s=0), lamp)
    assert not AROUND.waits(replace(DARK, filing=None), lamp), "information waits for nothing"
    assert not AROUND.waits(INFOS["MH-OPEN"], cover)


def test_gravest() -> None:
    assert gravest("minor", "critical") == gravest("critical", "warning") == "critical"
    assert gravest("minor", "unheard") == "minor"
