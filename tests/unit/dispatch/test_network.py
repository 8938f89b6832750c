"""The network of the register: poles in their order, water on its way, what is shared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citybrain.kernel.model import Asset
from citybrain.kernel.register import Register
from dispatch.account import account
from dispatch.grouping_file import load_grouping
from dispatch.network import Network, Span, network_of

POLES = [f"p{n}" for n in range(1, 7)]
FEEDER = [Asset(name, "streetlight", feeder="F1", cabinet="C1", feeder_pos=float(n)) for n, name in enumerate(POLES, 1)]
WATER = [
    Asset("d1", "drain", downstream="d2", catchment="c1"),
    Asset("d2", "drain", downstream="d3", catchment="c1"),
    Asset("d3", "drain", catchment="c2"),
    Asset("d4", "drain", downstream="d3"),
    Asset("r1", "rain_gauge", catchment="c1", attributes={"catchments": "c2; c3"}),
    Asset("C1", "cabinet", feeder="F1"),
]
NETWORK = Network([*reversed(FEEDER), Asset("p9", "streetlight", feeder="F1"), *WATER])


def test_poles_stand_in_their_order() -> None:
    assert NETWORK.poles("F1") == POLES, "one without a place is in no order"
    assert NETWORK.size("feeder", "F1", "streetlight") == 7
    assert set(NETWORK.members("cabinet", "C1")) == set(POLES)
    assert NETWORK.feeding("F1") == ["C1"]
    assert NETWORK.neighbours(FEEDER[0]) == ["p2"]
    assert NETWORK.neighbours(FEEDER[2]) == ["p2", "p4"]


def test_water_goes_downstream() -> None:
    assert NETWORK.downstream_of("d1") == ["d2", "d3"]
    assert NETWORK.upstream_of("d3") == ["d2", "d4", "d1"]
    assert NETWORK.neighbours(WATER[1]) == ["d1", "d3"]
    assert NETWORK.members("catchment", "c1") == ["d1", "d2"]
    assert [NETWORK.gauges(name) for name in ("c1", "c2", "c3", "c4")] == [["r1"], ["r1"], ["r1"], []]


def test_a_ring_of_drains_ends_where_it_began() -> None:
    ring = Network(
        [Asset("a", "drain", downstream="b"), Asset("b", "drain", downstream="a"), Asset("c", "drain", downstream="a")]
    )
    assert ring.downstream_of("a") == ["b"]
    assert ring.downstream_of("c") == ["a", "b"]
    assert set(ring.upstream_of("a")) == {"b", "c"}


@pytest.mark.parametrize(
    ("dead", "unknown", "span"),
    [
        ("p5 p6", "", ("p4", "p5", 2)),
        ("p2 p3 p4 p5 p6", "", ("p1", "p2", 5)),
        ("p1 p2 p3 p4 p5 p6", "", None),  # the whole feeder: the cabinet
        ("p6", "", None),  # one lamp: the lamp
        ("p3 p4", "", None),  # p5 and p6 live behind them
        ("p2 p5 p6", "", None),  # p3 lives
        ("p4 p6", "p5", ("p3", "p4", 2)),
        ("p5 p6", "p4", ("p3", "p5", 2)),
        ("", "", None),
    ],
)
def test_the_span_before_a_dead_tail(dead: str, unknown: str, span: tuple[str, str, int] | None) -> None:
    found = NETWORK.tail("F1", set(dead.split()), set(unknown.split()))
    assert found == (None if span is None else Span("F1", *span))


@given(st.sets(st.sampled_from(POLES)))
def test_a_span_is_a_tail_and_nothing_else(dead: set[str]) -> None:
    span = NETWORK.tail("F1", dead)
    tail = len(dead) >= 2 and len(dead) < len(POLES) and set(POLES[-len(dead) :]) == dead
    assert (span is not None) is tail
    if span is not None:
        assert POLES.index(span.first_dead) == POLES.index(span.last_live) + 1 == len(POLES) - len(dead)


def test_an_order_that_is_not_known_names_no_span() -> None:
    assert Network([Asset(f"x{n}", "streetlight", feeder="F") for n in range(4)]).tail("F", {"x2", "x3"}) is None


def test_the_network_follows_the_register() -> None:
    register = Register(1, {one.id: one for one in FEEDER})
    assert network_of(register).poles("F1") == POLES
    assert network_of(register) is network_of(register)
    register.assets["p7"] = Asset("p7", "streetlight", feeder="F1", feeder_pos=0.5)
    assert network_of(register).poles("F1")[0] == "p7"
    register.assets["p7"] = Asset("p7", "streetlight", feeder="F1", feeder_pos=9.0)
    register.version = 2
    assert network_of(register).poles("F1")[-1] == "p7"


def test_the_account_of_a_group() -> None:
    assets = {one.id: one for one in FEEDER}
    facts = account("feeder_trip", {"p5", "p6"}, assets, NETWORK, load_grouping())
    span = {"feeder": "F1", "last_live": "p4", "first_dead": "p5", "dead": 2}
    assert facts == {"rule": "feeder_dark", "fallen": 2, "of": 7, "span": span}
    assert account("drain_high", {"d1"}, assets, NETWORK, load_grouping()) == {"fallen": 1}
