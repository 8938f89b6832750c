"""The health check of a container: yes, no with the reason, and no answer at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from citybrain.health import Check, Health
from citybrain.probe import probe


@pytest.fixture
def health() -> Iterator[Health]:
    """A service that lives and is not ready."""
    server = Health(
        "127.0.0.1", 0, CollectorRegistry(), alive=lambda: True, checks=lambda: [Check("kafka", False, "is away")]
    ).start()
    yield server
    server.stop()


def test_a_service_that_is_well_and_one_that_is_not(health: Health) -> None:
    environment = {"CITYBRAIN_HTTP_PORT": str(health.port)}
    assert probe(["/healthz"], environment) == (True, '{"alive": true}')
    well, said = probe([], environment)
    assert not well
    assert "is away" in said


def test_nobody_answers() -> None:
    well, said = probe([], {"CITYBRAIN_HTTP_PORT": "1"})
    assert not well
    assert said.startswith("http://127.0.0.1:1/readyz: ")
