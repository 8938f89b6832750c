"""Settings and clock: what is wrong is said in one line, by key, and no secret is in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from citybrain import app, clock
from citybrain.config import settings
from citybrain.kernel.errors import ConfigError


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CITYBRAIN_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"- city\n", ":1: must be a mapping"),
        (b"a: [\n", ":2: not YAML"),
        (b"city: \xff\n", "not UTF-8 at byte 6"),
        (b"citty: x\n", "citty"),
    ],
)
def test_a_settings_file_that_is_none_is_named_in_one_line(
    content: bytes, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.yml"
    file.write_bytes(content)
    monkeypatch.setenv("CITYBRAIN_CONFIG", str(file))
    with pytest.raises(ConfigError) as found:
        settings()
    assert says in str(found.value)
    assert str(file) in str(found.value)
    assert "\n" not in str(found.value)


def test_an_empty_variable_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYBRAIN_DATABASE_URL", "")
    monkeypatch.setenv("CITYBRAIN_HTTP_PORT", "")
    assert (settings().database_url, settings().http_port) == (None, 8080)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mqtt_url", "http://u:hunter2@broker"),
        ("mqtt_url", "mqtt://"),
        ("mqtt_url", "mqtt://u:hunter2@broker:99999"),
        ("mqtt_url", "mqtt://u:hunter2/@broker:1883"),
        ("database_url", "mysql://u:hunter2@db/x"),
        ("database_url", "hunter2"),
        ("smtp_url", "u:hunter2@mail"),
        ("smtp_url", "smtp://:25"),
    ],
)
def test_a_url_that_is_none_is_refused_without_its_password(key: str, value: str) -> None:
    with pytest.raises(ConfigError) as found:
        settings(**{key: value})
    assert key in str(found.value)
    assert "hunter2" not in str(found.value)


def test_several_workers_on_an_own_broker_need_mqtt_5() -> None:
    with pytest.raises(ConfigError, match="mqtt_protocol"):
        settings(ingest_workers=2, mqtt_url="mqtt://broker")
    assert settings(ingest_workers=2, mqtt_url="mqtt://broker", mqtt_protocol="5").ingest_workers == 2
    assert settings(ingest_workers=2).ingest_workers == 2


@pytest.mark.parametrize("key", ["rulebook", "profiles", "limits", "calendars"])
def test_run_names_a_faulty_file_before_anything_is_started(key: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing-here"):
        app.run(settings(data_dir=tmp_path / "city", **{key: tmp_path / "nothing-here"}))
    assert not (tmp_path / "city").exists()


def test_a_database_may_be_named_by_its_socket_folder() -> None:
    url = "postgresql://postgres:@/postgres?host=/srv/city/pg"
    assert settings(database_url=url).database_url == url


@pytest.mark.parametrize(
    "spec",
    ["fast", "speed=0,origin=0", "speed=-5,origin=0", "speed=nan,origin=0", "speed=inf,origin=0", "speed=600",
     "speed=5,origin=2026-06-12T14:00:00", "speed=5,origin=99999999999999999999"],
)  # fmt: skip
def test_a_clock_that_is_none_is_refused(spec: str) -> None:
    with pytest.raises(ConfigError, match="clock"):
        clock.parse(spec)
