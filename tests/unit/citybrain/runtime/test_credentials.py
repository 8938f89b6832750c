"""Secrets of a cluster are made once, stay, and are as their readers want them."""

from __future__ import annotations

import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from citybrain.clock import ScaledClock, parse
from citybrain.config import Settings
from citybrain.kernel.errors import ConfigError, InputError
from citybrain.runtime.cluster import logins
from citybrain.runtime.cluster.credentials import Credentials, Where

WHERE = Where("postgresql://citybrain@db:5432/citybrain", "mqtt://broker:1883")


def made(folder: Path, where: Where = WHERE) -> Credentials:
    found = Credentials(folder)
    found.make(where)
    return found


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_everything_is_made_once(tmp_path: Path) -> None:
    assert len(made(tmp_path).written) == 11
    first = files(tmp_path)
    assert set(first) == {
        "services/services.yml", "services/ingest.yml", "services/simulator.yml", "mosquitto/passwords", "mosquitto/health",
        "database/postgres", "database/citybrain", "database/grafana", "grafana/admin", "grafana/database",
        "prometheus/api_token",
    }  # fmt: skip
    assert made(tmp_path).written == []
    assert files(tmp_path) == first
    assert first["grafana/database"] == first["database/grafana"]
    for name in first:
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o444


def test_no_two_cities_have_the_same_secret_and_none_has_it_twice(tmp_path: Path) -> None:
    made(tmp_path / "a")
    made(tmp_path / "b")
    a, b = files(tmp_path / "a"), files(tmp_path / "b")
    passwords = [a[name] for name in a if "/" in name and not name.endswith((".yml", "passwords", "grafana/database"))]
    assert len(set(passwords)) == len(passwords)
    assert all(len(one) >= 32 and one.isalnum() for one in passwords)
    assert not set(a.values()) & set(b.values())


def test_services_find_their_servers(tmp_path: Path) -> None:
    made(tmp_path)
    services = yaml.safe_load((tmp_path / "services/services.yml").read_text())
    settings = Settings(**services)
    assert settings.database_url is not None
    database = urlsplit(settings.database_url)
    assert (database.username, database.hostname, database.path) == ("citybrain", "db", "/citybrain")
    assert database.password == (tmp_path / "database/citybrain").read_text()
    assert settings.api_token == (tmp_path / "prometheus/api_token").read_text()
    assert settings.webhook_secret
    assert settings.link_secret, "dispatch signs the links that the console reads"
    assert settings.link_secret != settings.webhook_secret
    assert settings.mqtt_url is None, "only bridges and the simulator have a login at the broker"
    hashes = logins.read((tmp_path / "mosquitto/passwords").read_text())
    assert list(hashes) == ["ingest", "simulator", "health"]
    for name in ("ingest", "simulator"):
        url = urlsplit(yaml.safe_load((tmp_path / f"services/{name}.yml").read_text())["mqtt_url"])
        assert (url.username, url.hostname, url.port) == (name, "broker", 1883)
        assert logins.matches(url.password or "", hashes[name])
    assert "database_url" not in yaml.safe_load((tmp_path / "services/ingest.yml").read_text())


def test_a_server_that_moves_keeps_its_passwords(tmp_path: Path) -> None:
    made(tmp_path)
    before = files(tmp_path)
    moved = made(tmp_path, WHERE._replace(mqtt_url="mqtt://elsewhere:1884"))
    assert moved.written == ["services/ingest.yml", "services/simulator.yml"]
    after = files(tmp_path)
    assert after["services/ingest.yml"] == before["services/ingest.yml"].replace("broker:1883", "elsewhere:1884")


def test_a_password_that_is_missing_is_made_again(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "mosquitto/passwords").unlink()
    assert made(tmp_path).written == ["mosquitto/passwords"]
    test_services_find_their_servers(tmp_path)


def test_a_scaled_clock_begins_once(tmp_path: Path) -> None:
    asked = "speed=60,origin=2026-03-02T15:00:00+00:00"
    made(tmp_path, WHERE._replace(clock=asked))
    names = ("services", "ingest", "simulator")
    clocks = [yaml.safe_load((tmp_path / f"services/{name}.yml").read_text())["clock"] for name in names]
    first = parse(clocks[0])
    assert isinstance(first, ScaledClock)
    assert first.speed == 60
    assert len(set(clocks)) == 1
    assert made(tmp_path, WHERE._replace(clock=asked)).written == []
    assert len(made(tmp_path, WHERE._replace(clock=asked.replace("60", "120"))).written) == 3
    given = "speed=60,origin=1772463600000,started=1772000000000"
    made(tmp_path, WHERE._replace(clock=given))
    assert yaml.safe_load((tmp_path / "services/services.yml").read_text())["clock"] == given
    made(tmp_path)
    assert "clock" not in (tmp_path / "services/services.yml").read_text()


def test_devices_get_logins_and_lose_them(tmp_path: Path) -> None:
    made(tmp_path)
    found = Credentials(tmp_path)
    given = found.add_devices(["MH-1", "MH-2"])
    hashes = logins.read((tmp_path / "mosquitto/passwords").read_text())
    assert list(hashes) == ["ingest", "simulator", "health", "MH-1", "MH-2"]
    assert logins.matches(given["MH-1"], hashes["MH-1"])
    again = found.add_devices(["MH-1"])
    hashes = logins.read((tmp_path / "mosquitto/passwords").read_text())
    assert not logins.matches(given["MH-1"], hashes["MH-1"])
    assert logins.matches(again["MH-1"], hashes["MH-1"])
    assert made(tmp_path).written == [], "a start does not touch them"
    assert found.revoke(["MH-1", "MH-9"]) == ["MH-1"]
    assert list(logins.read((tmp_path / "mosquitto/passwords").read_text())) == ["ingest", "simulator", "health", "MH-2"]


@pytest.mark.parametrize("name", ["ingest", "a:b", "a/b", "+", "#", "", "a\nb"])
def test_names_that_no_device_may_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="login of a device"):
        Credentials(tmp_path).add_devices([name])
    assert files(tmp_path) == {}


def test_a_service_is_not_revoked(tmp_path: Path) -> None:
    made(tmp_path)
    with pytest.raises(InputError, match="ingest"):
        Credentials(tmp_path).revoke(["MH-1", "ingest"])


def test_a_database_without_its_user_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must name a server"):
        made(tmp_path, WHERE._replace(database_url="postgresql://db/citybrain"))


def test_a_hash_of_another_kind_matches_nothing() -> None:
    assert not logins.matches("x", "$6$AAAA$BBBB")
    assert not logins.matches("x", "$6$101$AAAA$BBBB")
    assert not logins.matches("x", "")
    assert logins.matches("x", logins.hashed("x", b"0123456789ab"))
