"""What the sensor says about a case, as a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dispatch.verification import NIGHT_S, SETTLE_S, AlertFact, Verdict, judge, patience_s
from tests.dispatch_kit import INFOS, NOON

VERIFY, PATIENCE = 1800.0, 3600.0


def alert(phase: str, minute: float = 0, asset: str = "a") -> AlertFact:
    return AlertFact(asset, phase, NOON + timedelta(minutes=minute))


@pytest.mark.parametrize(
    ("alerts", "state", "fixed", "minute", "wanted"),
    [
        ([], "dispatched", None, 0, (Verdict.CLOSE, "nothing_left")),
        ([alert("firing")], "dispatched", None, 900, (Verdict.NOTHING, "still_firing")),
        ([alert("clearing")], "on_site", None, 900, (Verdict.NOTHING, "still_firing")),
        ([alert("resolved", 5)], "dispatched", None, 34.9, (Verdict.WAIT, "not_yet_stable")),
        ([alert("resolved", 5)], "dispatched", None, 35, (Verdict.CLOSE, "cleared_by_sensor")),
        ([alert("resolved", 5)], "fixed", 3, 35, (Verdict.CLOSE, "sensor_verified")),
        ([alert("resolved", 5)], None, None, 35, (Verdict.CLOSE, "cleared_by_sensor")),
        ([alert("resolved", 5), alert("resolved", 20)], "fixed", 3, 35, (Verdict.WAIT, "not_yet_stable")),
        ([alert("resolved", 5), alert("firing", 6)], "fixed", 3, 35, (Verdict.WAIT, "sensor_may_still_show_it")),
        ([alert("firing")], "fixed", 3, 62.9, (Verdict.WAIT, "sensor_may_still_show_it")),
        ([alert("firing")], "fixed", 3, 63, (Verdict.REWORK, "sensor_disagrees")),
        ([alert("clearing")], "fixed", 3, 63, (Verdict.NOTHING, "clearing")),
        ([alert("clearing"), alert("firing")], "fixed", 3, 63, (Verdict.REWORK, "sensor_disagrees")),
        # children do not keep the parent's case open
        ([alert("resolved", 5), alert("firing", 0, "child")], "fixed", 3, 35, (Verdict.CLOSE, "sensor_verified")),
    ],
)
def test_judge(
    alerts: list[AlertFact], state: str | None, fixed: float | None, minute: float, wanted: tuple[Verdict, str]
) -> None:
    found = judge(
        "a", alerts, order_state=state, fixed_at=None if fixed is None else NOON + timedelta(minutes=fixed), verify_s=VERIFY,
        patience=PATIENCE, group_min=3, now=NOON + timedelta(minutes=minute),
    )  # fmt: skip
    assert (found.verdict, found.reason) == wanted
    assert (found.at is not None) == (found.verdict is Verdict.WAIT)
    assert found.at is None or found.at > NOON + timedelta(minutes=minute)


@pytest.mark.parametrize(
    ("dark", "total", "gone"), [(3, 3, False), (2, 3, False), (1, 3, True), (0, 3, True), (2, 30, True), (3, 30, False)]
)
def test_a_group_is_gone_when_few_of_its_children_are_left(dark: int, total: int, gone: bool) -> None:
    alerts = [alert("firing" if n < dark else "resolved", 1, f"lamp-{n}") for n in range(total)]
    found = judge(
        "feeder", alerts, order_state="dispatched", fixed_at=None, verify_s=VERIFY, patience=PATIENCE, group_min=3,
        now=NOON + timedelta(hours=2),
    )  # fmt: skip
    assert (found.verdict is Verdict.CLOSE) == gone


def test_patience() -> None:
    assert patience_s(INFOS["SL-OUT"]) == NIGHT_S
    assert patience_s(replace(INFOS["SL-OUT"], cause="pole", verify_s=60)) == SETTLE_S, "a leaning pole is seen by day"
    assert patience_s(INFOS["MH-OPEN"]) == 1800
    assert patience_s(replace(INFOS["SL-OUT"], verify_s=2 * NIGHT_S)) == 2 * NIGHT_S
