"""The secrets of a cluster: made at random when they are missing, kept when they are there, each where only its reader looks.

    services/services.yml      settings of the services: database, API token, keys of webhooks and of links, clock
    services/ingest.yml        settings of the bridges: broker
    services/simulator.yml     settings of the simulator of the demo
    mosquitto/passwords        hashes of the logins of services and devices;  mosquitto/health: the health check's password
    database/{postgres,citybrain,grafana}, grafana/{admin,database}      one password each
    prometheus/api_token       to read the metrics of the console

In compose.yaml each folder is a volume, and a container mounts its own only; so the files may be read by every user in there.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import yaml

from citybrain import clock as clocks
from citybrain.clock import ScaledClock
from citybrain.kernel.errors import ConfigError, InputError, UnavailableError
from citybrain.runtime.cluster import logins
from ingest.topics import valid_id

SERVICES = ("ingest", "simulator", "health")
"""Logins at the broker that are ours; no device may have such a name."""
_SERVICES, _INGEST, _SIMULATOR = "services/services.yml", "services/ingest.yml", "services/simulator.yml"
_LOGINS = "mosquitto/passwords"
_READABLE = 0o444


class Where(NamedTuple):
    """Where the services find each other. The URLs have no password; that of the database names the user."""

    database_url: str
    mqtt_url: str
    clock: str = "system"


class Credentials:
    """The secrets in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.written: list[str] = []
        """files that were made or changed"""

    def make(self, where: Where) -> None:
        """Make what is missing, and settings that fit `where`; passwords that are there stay. Raises UnavailableError."""
        ours = {name: self._of_url(file, "mqtt_url") for name, file in (("ingest", _INGEST), ("simulator", _SIMULATOR))}
        ours = {name: found or _random() for name, found in ours.items()} | {"health": self._password("mosquitto/health")}
        self._keep_logins(ours)
        self._password("database/postgres")
        grafana = self._password("database/grafana")
        self._put("grafana/database", grafana)
        self._password("grafana/admin")
        token = self._password("prometheus/api_token")
        database = _with_login(where.database_url, password=self._password("database/citybrain"))
        services = self._settings(_SERVICES)
        clock = _clock(where.clock, str(services.get("clock", "")))
        common = {"database_url": database, "api_token": token, **clock}
        keys = {name: services.get(name) or _random() for name in ("webhook_secret", "link_secret")}
        self._put_settings(_SERVICES, {**common, **keys})
        urls = {name: _with_login(where.mqtt_url, name, password) for name, password in ours.items()}
        self._put_settings(_INGEST, {"mqtt_url": urls["ingest"], **clock})
        self._put_settings(_SIMULATOR, {**common, "mqtt_url": urls["simulator"]})

    def add_devices(self, names: Iterable[str]) -> dict[str, str]:
        """Give devices a login at the broker, or a new password to those that have one; name -> password. The name is the id
        in the device's topic. Raises InputError for a name that no topic can have, or that a service has."""
        made = {}
        for name in names:
            if not valid_id(name) or ":" in name or name in SERVICES:
                raise InputError(f"{name!r} cannot be the login of a device: its name is the id in its topic, without ':'")
            made[name] = _random()
        found = self._logins() | {name: logins.hashed(password, _salt()) for name, password in made.items()}
        self._put(_LOGINS, logins.write(found))
        return made

    def revoke(self, names: Iterable[str]) -> list[str]:
        """Take the logins of devices away; those that were there. Raises InputError for the login of a service."""
        asked = set(names)
        if ours := sorted(asked & set(SERVICES)):
            raise InputError(f"{', '.join(ours)}: a service, no device")
        found = self._logins()
        self._put(_LOGINS, logins.write({name: line for name, line in found.items() if name not in asked}))
        return [name for name in found if name in asked]

    def _logins(self) -> dict[str, str]:
        return logins.read(self._read(_LOGINS) or "")

    def _keep_logins(self, ours: Mapping[str, str]) -> None:
        found = self._logins()
        for name, password in ours.items():
            if not logins.matches(password, found.get(name, "")):
                found[name] = logins.hashed(password, _salt())
        self._put(_LOGINS, logins.write(found))

    def _password(self, name: str) -> str:
        """The password in a file, made when there is none."""
        found = self._read(name) or _random()
        self._put(name, found)
        return found

    def _of_url(self, file: str, key: str) -> str:
        return urlsplit(str(self._settings(file).get(key, ""))).password or ""

    def _settings(self, name: str) -> dict[str, Any]:
        found = yaml.safe_load(self._read(name) or "{}")
        return found if isinstance(found, dict) else {}

    def _put_settings(self, name: str, settings: Mapping[str, Any]) -> None:
        self._put(name, yaml.safe_dump(dict(settings), sort_keys=True, width=1000))

    def _read(self, name: str) -> str | None:
        try:
            return (self._folder / name).read_text("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise UnavailableError(f"cannot read {self._folder / name}: {error}") from error

    def _put(self, name: str, text: str) -> None:
        """Write a file whole or not at all; nothing when it says so already."""
        if self._read(name) == text:
            return
        file = self._folder / name
        part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(text, "utf-8")
            part.chmod(_READABLE)
            os.replace(part, file)
        except OSError as error:
            raise UnavailableError(f"cannot write {file}: {error.strerror}") from error
        self.written.append(name)


def _random() -> str:
    """A password without characters that a URL or a shell would take for its own."""
    return secrets.token_urlsafe(24).replace("-", "x").replace("_", "y")


def _salt() -> bytes:
    return secrets.token_bytes(logins.SALT_BYTES)


def _with_login(url: str, user: str = "", password: str = "") -> str:
    """The URL with a login in it; `user` empty: that of the URL."""
    parts = urlsplit(url)
    name = user or parts.username or ""
    host = parts.netloc.rpartition("@")[2]
    if not name or not host:
        raise ConfigError(f"{url!r} must name a server, and that of the database a user: postgresql://citybrain@host/citybrain")
    return urlunsplit(parts._replace(netloc=f"{name}:{password}@{host}"))


def _clock(asked: str, there: str) -> dict[str, str]:
    """The clock that all services have in common: its start is fixed once, and stays while speed and origin do."""
    wanted = clocks.parse(asked)
    if not isinstance(wanted, ScaledClock):
        return {}
    if "started=" not in asked and there:
        kept = clocks.parse(there)
        if isinstance(kept, ScaledClock) and (kept.speed, kept.origin_ms) == (wanted.speed, wanted.origin_ms):
            wanted = kept
    return {"clock": str(wanted)}
