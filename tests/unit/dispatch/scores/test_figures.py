"""Figures: what is counted, what is left out, and what stands beside a mean."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from dispatch.scores.figures import Figure, Scores, score, to_json
from dispatch.scores.history import histories
from dispatch.scores.predicates import PREDICATES
from dispatch.scores.rules import load_rules
from dispatch.scores.spread import spread
from tests.dispatch_kit import NOON
from tests.unit.dispatch.scores.town import LIMIT, Ledger

RULES = load_rules()
LATER = NOON + timedelta(days=10)


def scored(ledger: Ledger, hours: float | None = None, **more: object) -> Scores:
    asof = LATER if hours is None else NOON + timedelta(hours=hours)
    return score(histories(ledger.entries), RULES, asof=asof, **more)  # type: ignore[arg-type]  # the tests give what fits


def figure(scores: Scores, name: str) -> Figure:
    return next(one for one in scores.figures if one.id == name)


def share(scores: Scores, name: str) -> tuple[int, int]:
    whole = figure(scores, name).whole
    return whole.n, whole.of


def test_in_time_and_late() -> None:
    ledger = Ledger()
    ledger.case("c1", fix=60)
    ledger.case("c2", fix=150)
    ledger.case("c3", fix=None)
    found = scored(ledger)
    assert share(found, "on_time_closing_rate") == (1, 3)
    assert share(found, "closing_rate") == (2, 3)
    assert share(found, "handling_rate") == (2, 3)
    assert share(found, "filing_rate") == (3, 3)
    assert figure(found, "closed_late").whole.value == 1
    assert figure(found, "open_late").whole.value == 1
    assert figure(found, "lateness").spread == spread([1800, (LATER - NOON - LIMIT).total_seconds()])


def test_what_is_not_due_yet_is_not_held_against_anybody() -> None:
    ledger = Ledger()
    ledger.case("c1", fix=None)
    assert share(scored(ledger, hours=1), "on_time_closing_rate") == (0, 0)
    assert figure(scored(ledger, hours=1), "on_time_closing_rate").whole.value is None
    assert share(scored(ledger, hours=3), "on_time_closing_rate") == (0, 1)


def test_fixed_in_time_and_shown_later_is_in_time() -> None:
    ledger = Ledger()
    ledger.case("c1", fix=119, close=300)
    assert share(scored(ledger), "on_time_closing_rate") == (1, 1)


def test_what_was_sent_back_counts_when_it_was_done_in_the_end() -> None:
    ledger = Ledger()
    ledger.case("c1", fix=150, steps=[(30, "fix"), (90, "rework")])
    found = scored(ledger)
    assert share(found, "on_time_closing_rate") == (0, 1)
    assert share(found, "rework_rate") == (1, 1)


def clock(state: str, due: float) -> dict[str, object]:
    return {"clocks": [{"clock": "repair", "value": 2, "unit": "urgent_hour", "from": NOON,
                        "due": NOON + timedelta(minutes=due), "state": state}]}  # fmt: skip


def test_a_pause_moves_the_limit_and_a_suspension_waits() -> None:
    ledger = Ledger()
    ledger.case("c1", fix=170, steps=[(60, "pause", clock("paused", 120)), (120, "resume", clock("running", 180))])
    ledger.case("c2", fix=None, steps=[(60, "suspend", clock("suspended", 120))])
    found = scored(ledger)
    assert share(found, "on_time_closing_rate") == (1, 1)
    assert figure(found, "open_late").whole.value == 0
    stop = histories(ledger.entries)[0].order
    assert stop is not None
    assert [(one.kind, one.end) for one in stop.stops] == [("paused", NOON + timedelta(minutes=120))]


def test_what_is_done_while_the_clock_stands_is_in_time() -> None:
    ledger = Ledger()
    steps = [(60, "pause", clock("paused", 120)), (200, "fix", clock("met", 120))]
    ledger.case("c1", fix=None, steps=steps)  # type: ignore[arg-type]  # a list of tuples of that form
    for event in ("verify", "close"):
        ledger.add("c1", "o-c1", event, NOON + timedelta(minutes=230))
    ledger.add("c1", None, "ended", NOON + timedelta(minutes=230), outcome="verified")
    assert share(scored(ledger), "on_time_closing_rate") == (1, 1)


def test_an_approved_appeal_leaves_the_rates_and_keeps_its_trace() -> None:
    ledger = Ledger()
    ledger.case("c1", fix=200)
    ledger.case("c2", fix=60)
    assert share(scored(ledger), "on_time_closing_rate") == (1, 2)
    ledger.add("c1", None, "appeal_asked", NOON + timedelta(days=1))
    assert share(scored(ledger), "on_time_closing_rate") == (1, 2)
    ledger.add("c1", None, "appeal_approved", NOON + timedelta(days=2))
    found = scored(ledger)
    assert share(found, "on_time_closing_rate") == (1, 1)
    assert found.left_out["on_time_closing_rate"]["appealed"] == 1
    assert share(found, "closing_rate") == (2, 2), "it was closed all the same"


def test_what_is_excluded_is_counted_beside_the_figures() -> None:
    ledger = Ledger()
    ledger.case("c1", fix=None)
    ledger.add("c1", "o-c1", "cancel", NOON + timedelta(minutes=5), "withdrawn")
    ledger.add("c1", None, "ended", NOON + timedelta(minutes=5), outcome="withdrawn")
    ledger.case("c2", fix=None, filing_item="PL-SILT")
    ledger.case("c3")
    found = scored(ledger)
    assert found.excluded == {"grouped": 0, "merged": 0, "withdrawn": 1, "planned": 1}
    assert share(found, "filing_rate") == (1, 1)


def test_closed_is_not_fixed() -> None:
    """Cities quote 办结率; beside it stands how much of it was gone by the sensor and stayed away."""
    ledger = Ledger()
    ledger.case("c1", asset="mh-1")
    ledger.case("c2", asset="mh-1", at=NOON + timedelta(hours=30))
    ledger.case("c3", fix=None)
    ledger.add("c3", "o-c3", "cancel", NOON + timedelta(minutes=5), "done by phone")
    ledger.add("c3", None, "ended", NOON + timedelta(minutes=5), outcome="cancelled")
    ledger.case("c4", asset="mh-4")
    ledger.case("c5", asset="mh-4", at=NOON + timedelta(days=5))
    found = scored(ledger)
    assert share(found, "ended_rate") == (5, 5)
    assert share(found, "solving_rate") == (3, 5)
    assert share(found, "back_rate") == (1, 4)
    assert share(found, "cancel_rate") == (1, 5)


def test_repeated_and_frequent() -> None:
    ledger = Ledger()
    for n in range(4):
        ledger.case(f"c{n}", asset="mh-1", at=NOON + timedelta(hours=20 * n))
    found = scored(ledger)
    assert share(found, "repeat_rate") == (3, 4)
    assert share(found, "frequent_share") == (2, 4)


def test_units_districts_items_and_months_stand_beside_the_whole() -> None:
    ledger = Ledger()
    for n in range(6):
        ledger.case(f"good-{n}", unit="good")
        ledger.case(f"bad-{n}", unit="bad", fix=60 if n else 150, district="d2")
    ledger.case("few", unit="few", fix=150)
    rate = figure(scored(ledger), "on_time_closing_rate")
    assert rate.whole == (11 / 13, 11, 13)
    assert rate.groups["unit"]["bad"] == (5 / 6, 5, 6)
    assert rate.groups["unit"]["few"] == (0.0, 0, 1)
    assert rate.worst["unit"] == "bad", "one case makes nobody the worst"
    assert rate.worst["district"] == "d2"
    assert rate.spread is not None
    assert (rate.spread.n, rate.spread.p50, rate.spread.worst) == (3, 5 / 6, 0)


def test_the_month_is_that_of_the_city() -> None:
    ledger = Ledger()
    at = NOON.replace(day=30, hour=17)
    ledger.case("c1", at=at)
    assert list(figure(scored(ledger), "filing_rate").groups["month"]) == ["2026-06"]
    shanghai = scored(ledger, zone=ZoneInfo("Asia/Shanghai"))
    assert list(figure(shanghai, "filing_rate").groups["month"]) == ["2026-07"]


def test_a_case_belongs_to_the_period_of_its_moment() -> None:
    ledger = Ledger()
    ledger.case("c1", fix=None, at=NOON)
    end = NOON + timedelta(minutes=90)
    assert share(scored(ledger, end=end), "filing_rate") == (1, 1)
    assert share(scored(ledger, end=end), "on_time_closing_rate") == (0, 0)
    assert share(scored(ledger, begin=end), "on_time_closing_rate") == (0, 1)


def test_first_dispatch_returns_and_supervisors() -> None:
    ledger = Ledger()
    steps = [
        (5, "return", {"code": "not_ours", "unit": "u1"}),
        (6, "redispatch", {"from": "u1", "to": "u2"}),
        (70, "escalated", {"to": ["supervisor"]}),
    ]
    ledger.case("c1", steps=steps)  # type: ignore[arg-type]  # a list of tuples of that form
    ledger.case("c2")
    found = scored(ledger)
    assert share(found, "dispatch_accuracy") == (1, 2)
    assert share(found, "return_rate") == (1, 2)
    assert share(found, "supervised_rate") == (1, 2)
    assert set(figure(found, "closing_rate").groups["unit"]) == {"u1", "u2"}


def test_a_spread_says_the_worst() -> None:
    assert spread([]) is None
    found = spread([5, 1, 2, 3, 4, 6, 7, 8, 9, 100])
    assert found is not None
    assert (found.n, found.mean, found.p50, found.p90, found.p95, found.worst) == (10, 14.5, 5, 9, 100, 100)


def test_scores_are_plain_data() -> None:
    ledger = Ledger()
    ledger.case("c1")
    plain = to_json(scored(ledger))
    assert plain["figures"]["on_time_closing_rate"]["value"] == 1
    assert plain["rules"] == RULES.name


@pytest.mark.parametrize("name", sorted(PREDICATES))
def test_every_predicate_can_be_asked_of_a_case_without_an_order(name: str) -> None:
    ledger = Ledger()
    ledger.add("c1", None, "opened", NOON, asset="a", kind="drain", cause="drain_high", severity="warning")
    found = score(histories(ledger.entries), RULES, asof=LATER)
    assert share(found, "filing_rate") == (0, 1)
    assert PREDICATES[name][0]
