"""Time goes on to the earliest of the bridges that are alive, and never back."""

from __future__ import annotations

from citybrain.topics.records import Tick
from rules.watermark import GONE_MS, Watermark


def test_one_bridge_gives_the_time() -> None:
    mark = Watermark()
    assert mark.hear(Tick(1000, 1, "a")) == 1000
    assert mark.hear(Tick(1000, 2, "a")) is None
    assert mark.hear(Tick(900, 3, "a")) is None
    assert mark.hear(Tick(2000, 4, "a")) == 2000
    assert mark.shown_ms == 2000


def test_the_slower_bridge_holds_the_time_back() -> None:
    mark = Watermark()
    mark.hear(Tick(1000, 0, "a"))
    assert mark.hear(Tick(500, 0, "b")) is None
    assert mark.hear(Tick(3000, 1000, "a")) is None
    assert mark.hear(Tick(2000, 1000, "b")) == 2000
    assert mark.hear(Tick(4000, 2000, "b")) == 3000


def test_a_bridge_that_leaves_or_is_gone_is_not_waited_for() -> None:
    mark = Watermark()
    mark.hear(Tick(1000, 0, "a"))
    mark.hear(Tick(1000, 0, "b"))
    assert mark.hear(Tick(5000, 1000, "a")) is None
    assert mark.hear(Tick(5000, 1000, "b", leaving=True)) == 5000
    mark.hear(Tick(6000, 2000, "b"))
    assert mark.hear(Tick(6000 + GONE_MS, 2000 + GONE_MS, "a")) == 6000
    assert mark.hear(Tick(7000 + GONE_MS, 2001 + GONE_MS, "a")) == 7000 + GONE_MS
    assert mark.bridges() == 1


def test_a_state_is_the_same_after_loading() -> None:
    mark, other = Watermark(), Watermark()
    mark.hear(Tick(1000, 0, "a"))
    mark.hear(Tick(500, 0, "b"))
    other.load(mark.dump())
    assert other.dump() == mark.dump()
    assert other.hear(Tick(2000, 10, "b")) == mark.hear(Tick(2000, 10, "b"))
