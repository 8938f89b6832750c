"""A demo in a city that somebody else started: what it needs to be told, and that both have the same time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from citybrain.config import Settings
from citybrain.kernel.errors import ConfigError
from citybrain.runtime.demo import running
from citybrain.runtime.demo.running import RunningCity

URL = "http://console:8080"


def city(**more: str) -> RunningCity:
    given = {"database_url": "postgresql://citybrain:x@db/citybrain", "mqtt_url": "mqtt://simulator:x@broker", "api_token": "t"}
    return RunningCity(Settings(**{**given, **more}), URL)


def test_it_must_know_the_broker_and_the_database() -> None:
    with pytest.raises(ConfigError, match="--mqtt-url"):
        RunningCity(Settings(database_url="postgresql://db/x"), URL)
    with pytest.raises(ConfigError, match="database"):
        RunningCity(Settings(mqtt_url="mqtt://broker"), URL)


def test_its_speed_is_that_of_the_clock() -> None:
    assert city().speed == 1
    assert city(clock="speed=60,origin=2026-03-02T15:00:00+00:00").speed == pytest.approx(60)


@pytest.mark.parametrize(("speed", "apart_s"), [(1, 2.0), (720, 1800.0)])
def test_a_clock_that_is_nearly_the_same_is_the_same(monkeypatch: pytest.MonkeyPatch, speed: int, apart_s: float) -> None:
    here = city(clock=f"speed={speed},origin=2026-03-02T15:00:00+00:00")
    answer(monkeypatch, here.clock.now() + timedelta(seconds=apart_s))
    here._wait_ready()


def test_a_city_with_another_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    here = city()
    answer(monkeypatch, datetime(2026, 3, 2, 15, tzinfo=UTC))
    with pytest.raises(ConfigError, match="give the clock of the city's services"):
        here._wait_ready()


def answer(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    """The API says that it is so late."""

    def get(url: str, *, headers: dict[str, str], timeout: float) -> httpx.Response:
        assert (url, headers) == (f"{URL}/api/stats", {"Authorization": "Bearer t"})
        return httpx.Response(200, json={"now": now.isoformat()})

    monkeypatch.setattr(running.httpx, "get", get)
