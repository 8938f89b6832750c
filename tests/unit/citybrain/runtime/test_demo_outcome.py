from datetime import timedelta
from typing import Any

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.times import from_ms
from citybrain.runtime.demo import outcome
from simulators.ledger import Ledger, key_of, mark_of
from simulators.truth import Fault
from simulators.world import Emission

T0 = 1_772_463_600_000
HOUR = 3_600_000
CASEWORK = outcome.Casework(cases=3, children_grouped=60, messages_sent=5, on_time_rate=0.75, forecast_orders=2)
OPEN = ConditionInfo("MH-OPEN", "manhole", "critical", "cover_open", "MH-MISSING", 1800)
OUT = ConditionInfo("SL-OUT", "streetlight", "minor", "lamp_dark", "SL-OUT", 1800, group_by="feeder", group_wait_s=300)


def _first(**changes: Any) -> dict[str, Any]:
    return {
        "asset": "MH-1", "condition": "MH-OPEN", "raised_at": from_ms(T0 + 5), "committed_ms": 940.0,
        "evidence": [[T0, "tilt_deg", 2.0], [T0 + 5, "tilt_deg", 60.0]], **changes,
    }  # fmt: skip


def test_the_delay_runs_from_the_last_reading_of_the_evidence() -> None:
    published = {("MH-1", T0): 100, ("MH-1", T0 + 5): 900}
    assert outcome.publish_to_order_ms([_first()], published, {"MH-OPEN": OPEN}) == [40.0]


def test_what_does_not_measure_the_program_does_not_count() -> None:
    published = {("MH-1", T0 + 5): 900}
    rows = [
        _first(raised_at=from_ms(T0 + 60_000)),  # a dwell that ran out: the clock raised it
        _first(evidence=[]),  # silence
        _first(asset="MH-2"),  # a message that was not about a fault
        _first(committed_ms=None),  # a server without commit times
        _first(condition="SL-OUT"),  # waits for siblings
    ]
    assert outcome.publish_to_order_ms(rows, published, {"MH-OPEN": OPEN, "SL-OUT": OUT}) == []


def _order(n: int, minutes: float, **changes: Any) -> dict[str, Any]:
    at = from_ms(T0) + timedelta(minutes=minutes)
    return {
        "id": f"o{n}", "number": n, "asset": "MH-1", "condition": "MH-OPEN", "cause": "cover_open", "dispatched_at": at,
        "closed_at": None, "state": "dispatched", "overdue_at": None, "assets": ["MH-1"], "raised_at": at, **changes,
    }  # fmt: skip


def _alert(minutes: float, **changes: Any) -> dict[str, Any]:
    at = from_ms(T0) + timedelta(minutes=minutes)
    return {
        "id": f"a{minutes}", "asset": "MH-1", "condition": "MH-OPEN", "severity": "critical", "onset_at": at, "raised_at": at,
        "end_at": None, "withdrawn": False, **changes,
    }  # fmt: skip


def _summary(alerts: list[dict[str, Any]], orders: list[dict[str, Any]], lost: bool = False) -> dict[str, Any]:
    ledger = Ledger()
    emissions = [Emission(T0, "t", b"1", "MH-1", T0, "f"), Emission(T0, "t", b"2", "MH-1", T0 + 1, None)]
    for mid, one in enumerate([*emissions, emissions[0]]):
        ledger.sending(mid, one, 0)
        ledger.acknowledged(mid)
    truth = [Fault("f", "cover_stolen", "MH-1", ("MH-1",), ("MH-OPEN",), T0, T0 + HOUR)]
    truth.append(Fault("g", "cover_stolen", "MH-9", ("MH-9",), ("MH-OPEN",), T0 + 9 * HOUR, T0 + 10 * HOUR))
    return outcome.summary(
        truth=truth, alerts=alerts, orders=orders, firsts=[], stored={mark_of(key_of(one)) for one in emissions[lost:]},
        counters={"duplicates": 1}, escalated=1, casework=CASEWORK, ledger=ledger, infos={"MH-OPEN": OPEN},
        now_ms=T0 + 2 * HOUR,
    )  # fmt: skip


def test_a_good_day() -> None:
    found = _summary([_alert(1)], [_order(1, 1, state="closed", closed_at=from_ms(T0 + HOUR))])
    expected = {
        "messages_published": 3, "readings_published": 2, "readings_stored": 2, "readings_lost": 0, "duplicates_ignored": 1,
        "faults_injected": 1, "faults_detected": 1, "faults_missed": 0, "false_alerts": 0, "false_critical_alerts": 0,
        "orders_opened": 1, "orders_closed": 1, "orders_duplicate": 0, "orders_escalated": 1,
        "cases": 3, "children_grouped": 60, "messages_sent": 5, "on_time_rate": 0.75, "forecast_orders": 2,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert [row["outcome"] for row in found["faults"]] == ["detected"], "what is still to come is not told"
    assert found["publish_to_order_ms"] == {"p50": None, "p99": None, "orders": 0}


def test_planned_orders_are_neither_false_alarms_nor_orders_for_a_fault() -> None:
    planned = {"asset": "MH-7", "condition": "PLAN-SILT"}
    found = _summary([_alert(1), _alert(2, **planned)], [_order(1, 1), _order(2, 2, **planned)])
    assert (found["orders_opened"], found["false_alerts"]) == (1, 0)


def test_a_lost_reading_a_missed_fault_and_a_false_alarm_show() -> None:
    found = _summary([_alert(1, asset="MH-5")], [], lost=True)
    assert (found["readings_lost"], found["faults_missed"], found["false_critical_alerts"]) == (1, 1, 1)
    assert [row["outcome"] for row in found["faults"]] == ["missed"]


def test_what_was_raised_after_the_devices_fell_silent_does_not_count() -> None:
    found = _summary(
        [_alert(1), _alert(121, asset="MH-7", condition="DEV-SILENT")], [_order(1, 1), _order(2, 121, asset="MH-7")]
    )
    assert (found["orders_opened"], found["false_alerts"]) == (1, 0)


def test_what_was_there_before_the_demo_is_not_its_doing() -> None:
    ledger = Ledger()
    ledger.sending(1, Emission(T0, "t", b"1", "MH-1", T0, None), 0)
    ledger.acknowledged(1)
    truth = [Fault("f", "cover_stolen", "MH-1", ("MH-1",), ("MH-OPEN",), T0, T0 + HOUR)]
    mark = mark_of(key_of(Emission(T0, "t", b"1", "MH-1", T0, None)))
    found = outcome.summary(
        truth=truth,
        alerts=[_alert(-60), _alert(5)],
        orders=[_order(1, -60), _order(2, 5)],
        firsts=[],
        stored={mark, mark + 1, mark + 2},
        counters={"duplicates": 7, "stored": 3},
        escalated=2,
        before=outcome.Before(T0, {"duplicates": 5, "stored": 2}, 2),
        casework=CASEWORK,
        ledger=ledger,
        infos={},
        now_ms=T0 + HOUR,
    )
    assert (found["orders_opened"], found["orders_escalated"], found["duplicates_ignored"]) == (1, 0, 2)
    assert (found["readings_published"], found["readings_stored"], found["readings_lost"]) == (1, 1, 0)
    assert (found["false_alerts"], found["orders_duplicate"]) == (0, 0)
