"""The scorer: what counts as detected, missed, late, false and doubled."""

from __future__ import annotations

import pytest

from simulators.score import AlertRow, OrderRow, percentile, score
from simulators.truth import Fault

COVER = Fault("f1", "cover_stolen", "MH-1", ("MH-1",), ("MH-OPEN",), 1000, 5000, sides=("MH-ROCK",), aftermath_ms=500)
FEEDER = Fault(
    "f2", "feeder_trip", "CB-1", ("CB-1",), ("CAB-TRIP",), 1000, 5000, sides=("DEV-SILENT",), side_assets=("SL-1", "SL-2")
)
STORM = Fault("f3", "storm_surge", "RG-1", ("RG-1",), (), 1000, 1000, 4000, False, False, ("DR-HIGH",), ("DR-1",), 2000)


def alert(
    asset: str, condition: str, raised: int, *, severity: str = "major", withdrawn: bool = False, onset: int = -1
) -> AlertRow:
    begin = onset if onset >= 0 else raised
    return AlertRow(f"{asset}{condition}{raised}", asset, condition, severity, begin, raised, None, withdrawn)


def order(
    asset: str, condition: str, cause: str, opened: int, closed: int | None = None, state: str = "dispatched"
) -> OrderRow:
    return OrderRow(f"{asset}{condition}{opened}", asset, condition, cause, opened, closed, state)


def test_detected_with_its_delay() -> None:
    result = score([COVER], [alert("MH-1", "MH-OPEN", 2500), alert("MH-1", "MH-OPEN", 4000)], [], 9000)
    assert result.detected == ("f1",)
    assert result.recall == 1.0
    assert result.by_fault["cover_stolen"].delay_p50_s == 1.5
    assert result.by_condition["MH-OPEN"].detected == 1
    assert not result.false
    assert result.orders_missing == ("f1",)


def test_missed_only_when_due_and_still_there() -> None:
    assert score([COVER], [], [], 4999).pending == ("f1",)
    assert score([COVER], [], [], 5000).missed == ("f1",)
    assert score([COVER.ended(4999)], [], [], 9000).pending == ("f1",)
    assert score([COVER], [], [], 999).injected == 0


def test_late_is_detected_but_told() -> None:
    result = score([COVER], [alert("MH-1", "MH-OPEN", 6000)], [], 9000)
    assert result.detected == result.late == ("f1",)


@pytest.mark.parametrize(
    "stray",
    [
        alert("MH-2", "MH-OPEN", 2000),
        alert("MH-1", "MH-LEVEL", 2000),
        alert("MH-1", "MH-OPEN", 900),
        alert("SL-1", "CAB-TRIP", 2000),
        alert("DR-1", "DR-BLOCK", 2000),
        alert("DR-1", "DR-HIGH", 7000),
    ],
)
def test_what_no_fault_explains_is_false(stray: AlertRow) -> None:
    result = score([COVER, FEEDER, STORM], [stray], [], 9000)
    assert result.false == (stray,)
    assert not result.false_critical
    assert not result.detected


@pytest.mark.parametrize(
    "side", [alert("MH-1", "MH-ROCK", 2000), alert("SL-1", "DEV-SILENT", 2000), alert("DR-1", "DR-HIGH", 5500)]
)
def test_consequences_are_neither_detection_nor_false(side: AlertRow) -> None:
    result = score([COVER, FEEDER, STORM], [side], [], 9000)
    assert not result.false
    assert not result.detected


def test_withdrawn_is_neither() -> None:
    alerts = [alert("MH-1", "MH-OPEN", 2000, withdrawn=True), alert("MH-9", "MH-OPEN", 2000, withdrawn=True)]
    result = score([COVER], alerts, [], 9000)
    assert result.missed == ("f1",)
    assert not result.false


def test_an_alert_from_after_the_end_is_false_but_one_that_began_before_is_not() -> None:
    ended = COVER.ended(3000)
    assert score([ended], [alert("MH-1", "MH-OPEN", 3600)], [], 9000).false
    assert score([ended], [alert("MH-1", "MH-OPEN", 3600, onset=3400)], [], 9000).detected


def test_false_critical_stand_apart() -> None:
    assert score([], [alert("MH-1", "MH-OPEN", 10, severity="critical")], [], 9000).false_critical


def test_one_order_for_one_fault() -> None:
    alerts = [alert("MH-1", "MH-OPEN", 2000)]
    one, two = order("MH-1", "MH-OPEN", "cover_open", 2000), order("MH-1", "MH-OPEN", "cover_open", 3000)
    assert not score([COVER], alerts, [one], 9000).orders_duplicate
    assert not score([COVER], alerts, [one], 9000).orders_missing
    assert score([COVER], alerts, [one, two], 9000).orders_duplicate == (two.id,)
    gone = two._replace(state="cancelled")
    assert not score([COVER], alerts, [one, gone], 9000).orders_duplicate


def test_the_same_asset_and_cause_open_twice_is_double_even_without_a_fault() -> None:
    one, two = order("MH-7", "MH-OPEN", "cover_open", 2000, 4000), order("MH-7", "MH-FLIP", "cover_open", 3000)
    result = score([], [], [one, two], 9000)
    assert result.orders_duplicate == (two.id,)
    assert result.orders_false == (one.id,)
    assert not score([], [], [one, two._replace(opened_ms=4000)], 9000).orders_duplicate


def test_an_order_for_a_lamp_of_a_dead_feeder_is_double() -> None:
    parent, child = order("CB-1", "CAB-TRIP", "feeder_trip", 2000), order("SL-1", "DEV-SILENT", "device_silent", 3000)
    assert score([FEEDER], [], [parent, child], 9000).orders_duplicate == (child.id,)


def test_an_order_for_a_storm_is_a_side_order() -> None:
    assert score([STORM], [], [order("DR-1", "DR-HIGH", "drain_high", 2000)], 9000).orders_side


def test_a_parent_order_with_children_serves_the_fault() -> None:
    gateway = Fault("f4", "gateway_out", "GW-1", ("GW-1", "MH-1", "MH-2"), ("DEV-SILENT",), 1000, 5000)
    parent = order("GW-1", "DEV-SILENT", "device_silent", 2000)._replace(children=("MH-1", "MH-2"))
    child = order("MH-1", "DEV-SILENT", "device_silent", 2500)
    alerts = [alert("MH-2", "DEV-SILENT", 2000, onset=500)]
    result = score([gateway], alerts, [parent, child], 9000)
    assert result.detected == ("f4",)
    assert result.orders_duplicate == (child.id,)


def test_the_order_of_the_input_is_free() -> None:
    alerts = [alert("MH-1", "MH-OPEN", 4000), alert("MH-1", "MH-OPEN", 2000), alert("X", "Y", 3)]
    assert score([COVER, STORM], alerts, [], 9000) == score([STORM, COVER], alerts[::-1], [], 9000)


@pytest.mark.parametrize(
    ("values", "share", "want"),
    [([], 0.5, None), ([3.0], 0.95, 3.0), ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0), ([1.0, 2.0, 3.0], 0.95, 3.0)],
)
def test_percentiles(values: list[float], share: float, want: float | None) -> None:
    assert percentile(values, share) == want
