"""A decision looks at what an asset hangs on, not at every open case."""

from __future__ import annotations

import time

from citybrain.kernel.model import Asset
from dispatch.board import Board, OpenCase
from dispatch.cases import Action, place
from dispatch.causes import Surroundings
from dispatch.grouping_file import load_grouping
from dispatch.network import Network
from tests.dispatch_kit import INFOS, NOON


def test_a_decision_does_not_grow_with_the_board() -> None:
    assets = {f"l{n}": Asset(f"l{n}", "streetlight", feeder=f"F{n // 60}") for n in range(12_000)}
    around = Surroundings(assets, Network(assets.values()), load_grouping())
    board = Board.of(
        OpenCase(f"c{n}", f"F{n}", "cabinet", "feeder_trip", "CAB-TRIP", "open", filing="SL-GROUP") for n in range(200)
    )
    began = time.process_time()
    found = [place(asset, INFOS["SL-OUT"], board, around, NOON) for asset in assets.values()]
    assert {one.action for one in found} == {Action.CHILD}
    assert time.process_time() - began < 10


def test_the_indexes_follow_what_is_put_and_dropped() -> None:
    board = Board()
    waits = OpenCase(
        "a", "l1", "streetlight", "lamp_dark", "X", "gathering", group_key="k", parents=("F", "C"), lat=31.0, lon=121.0
    )
    board.put(waits)
    assert [one.id for one in board.waiting_for("k")] == [one.id for one in board.waiting_below("C")] == ["a"]
    assert board.around("lamp_dark", 31.0, 121.0, 50) == [], "what waits is nobody's neighbour yet"
    board.put(waits._replace(state="open", group_key=None, parents=()))
    assert list(board.waiting()) == list(board.waiting_for("k")) == list(board.waiting_below("C")) == []
    assert [one.id for one in board.around("lamp_dark", 31.0004, 121.0, 50)] == ["a"]
    assert board.around("lamp_dark", 31.0005, 121.0, 50) == board.around("other", 31.0, 121.0, 50) == []
    board.drop("a")
    board.drop("a")
    assert board.at("l1", "lamp_dark") is None
    assert not board.cases
