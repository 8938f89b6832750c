"""The shell of a service: its loop, its end, what it says about its health."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from citybrain.config import Settings, default_id
from citybrain.kernel.errors import UnavailableError
from citybrain.metrics import Metrics
from citybrain.runtime.cluster.service import Service
from citybrain.runtime.process import Signals


class Flags(Signals):
    """Signals without signals: tests run in any thread."""

    def __init__(self) -> None:
        self.stop = False
        self._reload = False


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service("test", Settings(http_port=0, service_id="one"), Metrics(), signals=Flags())
    yield made
    made.health.stop()


def _get(service: Service, path: str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen("http://{}:{}".format(*service.address()) + path, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_turns_until_asked_to_stop_then_closes(service: Service) -> None:
    done: list[str] = []

    def turn() -> None:
        done.append("turn")
        service.signals.stop = len(done) == 3

    assert service.run(turn, lambda: done.append("close")) == 0
    assert done == ["turn", "turn", "turn", "close"]


@pytest.mark.parametrize("error", [UnavailableError("no server"), KeyError("a bug")])
def test_an_error_ends_it_without_close(service: Service, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    def turn() -> None:
        raise error

    def close() -> None:
        raise AssertionError("close after an error")

    assert service.run(turn, close) == 1
    assert "one ends" in caplog.text
    assert str(error) in caplog.text


def test_a_failure_of_another_thread_ends_it(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    def turn() -> None:
        service.fail(UnavailableError("the first"))
        service.fail(UnavailableError("the second"))

    assert service.run(turn) == 1
    assert "the first" in caplog.text
    assert "the second" not in caplog.text


def test_a_failure_while_closing_counts(service: Service) -> None:
    def turn() -> None:
        service.signals.stop = True

    assert service.run(turn, lambda: service.fail(UnavailableError("not handed on"))) == 1


def test_health_and_readiness(service: Service) -> None:
    found: dict[str, tuple[int, dict[str, Any]]] = {}
    service.check("kafka", lambda: (False, "not there"))
    service.check("broken", lambda: (1 // 0 == 0, "never"))

    def turn() -> None:
        found["live"], found["ready"] = _get(service, "/healthz"), _get(service, "/readyz")
        service.signals.stop = True

    assert service.run(turn) == 0
    assert found["live"] == (200, {"alive": True})
    status, body = found["ready"]
    assert status == 503
    assert body["checks"]["loop"]["ok"] is True
    assert body["checks"]["kafka"] == {"ok": False, "detail": "not there"}
    assert "ZeroDivisionError" in body["checks"]["broken"]["detail"]


def test_its_name_is_that_of_the_host_unless_given(service: Service) -> None:
    assert service.id == "one"
    assert default_id("ingest").startswith("ingest-")
