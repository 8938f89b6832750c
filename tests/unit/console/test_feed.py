from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from citybrain.store.feed import FeedEvent, FeedPosition, merge

AT = datetime(2026, 1, 1, tzinfo=UTC)


def _rows(transactions: list[int]) -> list[dict[str, Any]]:
    """Rows of a table whose n-th row was written by the n-th of these transactions."""
    return [{"seq": n + 1, "age": 1000 - xid, "at": AT + timedelta(seconds=n)} for n, xid in enumerate(transactions)]


def _read(alerts: list[dict[str, Any]], orders: list[dict[str, Any]], limit: int, after: FeedPosition) -> list[FeedEvent]:
    """All events after a position, page by page, as a client does."""
    found: list[FeedEvent] = []
    while True:
        page = merge(
            after,
            [row for row in alerts if row["seq"] > after.alerts][:limit],
            [row for row in orders if row["seq"] > after.orders][:limit],
            limit,
        )
        if not page:
            return found
        found += page
        after = page[-1].position


def test_in_one_transaction_the_alert_comes_before_its_order() -> None:
    events = merge(FeedPosition(), _rows([5, 7]), _rows([5, 6]), 10)
    assert [str(event.position) for event in events] == ["a1.o0", "a1.o1", "a1.o2", "a2.o2"]
    assert "age" not in events[0].row


@given(
    st.lists(st.integers(0, 9), max_size=12).map(sorted),
    st.lists(st.integers(0, 9), max_size=12).map(sorted),
    st.integers(1, 5),
)
def test_pages_and_resumes_give_every_event_once_in_one_order(alerts: list[int], orders: list[int], limit: int) -> None:
    a, o = _rows(alerts), _rows(orders)
    whole = _read(a, o, 100, FeedPosition())
    assert len(whole) == len(a) + len(o)
    assert [str(event.position) for event in _read(a, o, limit, FeedPosition())] == [str(event.position) for event in whole]
    for number, event in enumerate(whole):
        assert _read(a, o, limit, event.position) == whole[number + 1 :]
