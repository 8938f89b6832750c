from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from citybrain.kernel.conditions import ConditionInfo
from console.view import SEVERITY, STATE, View, plain, render, span, time_left
from console.watching import Watching, gravest_first, urgent_first
from dispatch.orders import STATES

NOW = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)


OPEN = ConditionInfo("MH-OPEN", "manhole", "critical", "cover_open", None, 0, title_en="Cover open", title_zh="井盖打开")


def alert_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """An event of an alert as the stream tells it."""
    return {
        "alert": f"alert-{number}", "at": NOW, "change": "raised", "asset": f"MH-{number}", "kind": "manhole",
        "condition": "MH-OPEN", "severity": "critical", "phase": "firing", "onset_at": NOW - timedelta(minutes=3),
        "detail": "tilt 45 deg > 10 deg", "reason": "tilt_above_raise", "withdrawn": False, "past": False, "flapping": False,
        **changes,
    }  # fmt: skip


def order_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """An event of an order as the stream tells it."""
    return {
        "order": f"order-{number}", "number": number, "at": NOW, "event": "dispatch", "asset": f"MH-{number}",
        "condition": "MH-OPEN", "severity": "critical", "state": "dispatched", "unit": "drainage-1", "children": 0,
        "dispatched_at": NOW - timedelta(minutes=30), "due_at": NOW + timedelta(minutes=90), "reason": "new",
        **changes,
    }  # fmt: skip


def _drawn(view: View, width: int = 140) -> str:
    console = Console(file=StringIO(), width=width, force_terminal=False, color_system=None)
    console.print(render(view))
    text = console.file
    assert isinstance(text, StringIO)
    return text.getvalue()


def _view(watching: Watching, **changes: Any) -> View:
    infos = {
        "MH-OPEN": ConditionInfo(
            "MH-OPEN", "manhole", "critical", "cover_open", None, 0, title_en="Cover open", title_zh="井盖打开"
        )
    }
    return View(watching, NOW, **{"infos": infos, "units": {"drainage-1": "Drainage Service 1"}, **changes})


def test_a_row_tells_what_where_since_when_who_and_by_when() -> None:
    watching = Watching()
    watching.apply("alert", alert_row())
    watching.apply("order", order_row())
    text = _drawn(_view(watching))
    for word in ("◆", "Cover open", "MH-1", "Drainage Service 1", "dispatched", "1h 30m", "3m", "tilt 45 deg > 10 deg", "#1"):
        assert word in text, word


def test_chinese() -> None:
    watching = Watching()
    watching.apply("order", order_row())
    text = _drawn(_view(watching, language="zh", units={"drainage-1": "排水服务中心1"}))
    for word in ("井盖打开", "排水服务中心1", "已派遣", "工单"):
        assert word in text, word


def test_an_overdue_order_says_so_in_words() -> None:
    view = _view(Watching())
    left = time_left(order_row(due_at=NOW - timedelta(minutes=61)), view)
    assert left.plain == "■ overdue 1h 01m"


def test_what_is_over_leaves_the_view() -> None:
    watching = Watching()
    watching.begin([{**alert_row(), "id": "alert-1"}], [{**order_row(), "id": "order-1"}])
    watching.apply("order", order_row(event="close", state="closed"))
    watching.apply("alert", alert_row(change="resolved", phase="resolved"))
    assert (watching.alerts, watching.orders, watching.closed, watching.seen) == ({}, {}, 1, 2)
    assert "no open order" in _drawn(_view(watching))


@pytest.mark.parametrize("changes", [{"withdrawn": True}, {"past": True, "phase": "resolved"}])
def test_what_did_not_happen_or_is_history_is_not_live(changes: dict[str, Any]) -> None:
    watching = Watching()
    watching.apply("alert", alert_row())
    watching.apply("alert", alert_row(**changes))
    assert watching.alerts == {}


def test_order_of_the_rows() -> None:
    orders = [order_row(1), order_row(2, due_at=NOW), order_row(3, severity="minor", due_at=NOW)]
    assert [row["number"] for row in urgent_first(orders)] == [2, 3, 1]
    alerts = [alert_row(1, severity="minor"), alert_row(2), alert_row(3, onset_at=NOW)]
    assert [row["alert"] for row in gravest_first(alerts)] == ["alert-3", "alert-2", "alert-1"]


def test_the_view_stays_within_the_screen_with_thousands_of_rows() -> None:
    watching = Watching()
    for number in range(3000):
        watching.apply("alert", alert_row(number))
        watching.apply("order", order_row(number))
    for rows in (12, 24, 50):
        assert len(_drawn(_view(watching, rows=rows)).splitlines()) <= rows
    assert len(watching.lines) == 200


def test_times_may_be_text_as_http_gives_them() -> None:
    watching = Watching()
    row = {key: value.isoformat() if isinstance(value, datetime) else value for key, value in order_row().items()}
    line = watching.apply("order", {**row, "title": {"en": "Cover open", "zh": "井盖打开"}})
    assert "Cover open" in _drawn(_view(watching, infos={}))
    assert plain(line, _view(watching)).startswith("2026-03-02T23:30:00+00:00  ORDER  dispatch  critical  MH-1  #1  drainage-1")


def test_plain_lines_have_no_colours() -> None:
    line = Watching().apply("alert", alert_row())
    assert plain(line, _view(Watching())) == (
        "2026-03-02T23:30:00+00:00  ALERT  raised  critical  MH-1  MH-OPEN  Cover open  tilt 45 deg > 10 deg"
    )


def test_a_line_of_the_past_shows_the_state_of_then() -> None:
    line = Watching().apply("order", order_row(event="ack", to_state="acknowledged", state="closed"))
    assert "  acknowledged  left 1h 30m  " in plain(line, _view(Watching()))


def test_text_of_devices_is_never_markup() -> None:
    watching = Watching()
    watching.apply("alert", alert_row(detail="[red]x[/red] [/]", asset="[bold]"))
    watching.apply("order", order_row(reason="[/]", unit="[link=x]"))
    text = _drawn(_view(watching, rows=40), width=200)
    assert "[red]x[/red] [/]" in text
    assert "[bold]" in text


def test_devices_cannot_move_the_cursor() -> None:
    watching = Watching()
    line = watching.apply("alert", alert_row(detail="a\x1b[2Jb\r\nc", asset="MH\x07"))
    view = _view(watching, rows=40)
    for text in (_drawn(view), plain(line, view)):
        assert not {"\x1b", "\r", "\x07"} & set(text)
    assert "\n" not in plain(line, view)


def test_a_shape_for_each_state_and_severity() -> None:
    assert set(STATE) == set(STATES)
    assert len({shape for shape, _ in STATE.values()}) == len(STATE)
    assert len({shape for shape, _ in SEVERITY.values()}) == len(SEVERITY)


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "0m"), (12, "12m"), (65, "1h 05m"), (1440 + 65, "1d 1h"), (-65, "-1h 05m"), (-0.5, "-0m")]
)
def test_spans(minutes: float, text: str) -> None:
    assert span(timedelta(minutes=minutes)) == text
