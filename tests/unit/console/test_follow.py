from datetime import UTC, datetime, timedelta

import pytest

from citybrain.kernel.errors import UnavailableError
from console.follow import RemoteTime, sse

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_events_out_of_lines() -> None:
    lines = [
        "retry: 2000", "id: a1.o0", "event: hello", 'data: {"now":1}', "", ": still here", "",
        "id: a2.o0", "event: alert", "data: 1", "data:2", "", "event: half",
    ]  # fmt: skip
    assert list(sse(iter(lines))) == [
        {"retry": "2000", "id": "a1.o0", "event": "hello", "data": '{"now":1}'},
        {"id": "a2.o0", "event": "alert", "data": "1\n2"},
    ]


def test_the_time_of_a_fast_city_is_reckoned_between_answers() -> None:
    time = RemoteTime()
    with pytest.raises(UnavailableError):
        time.now(0.0)
    time.heard(NOW, 100.0)
    assert time.now(101.0) == NOW + timedelta(seconds=1)
    time.heard(NOW + timedelta(seconds=1200), 102.0)
    assert time.now(103.0) == NOW + timedelta(seconds=1800)
    time.heard(NOW + timedelta(seconds=1206), 102.01)
    assert time.now(103.01) == NOW + timedelta(seconds=1806), "two answers at once say nothing about the speed"
