"""Where the broker is, and how to log in: `mqtt://user:password@host:port` or `mqtts://…?ca=FILE`."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import paho.mqtt.client as mqtt

from citybrain.config import Settings
from citybrain.kernel.errors import ConfigError

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_FORM = "mqtt://user:password@host:1883 or mqtts://user:password@host:8883?ca=/path/to/ca.pem"


@dataclass(frozen=True, slots=True)
class Address:
    """A broker. The password is not in its text."""

    host: str
    port: int
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Address:
        """The broker of the settings: `mqtt_url`, or the embedded one on `mqtt_port`."""
        return cls.parse(settings.mqtt_url or f"mqtt://127.0.0.1:{settings.mqtt_port}")

    @classmethod
    def parse(cls, url: str) -> Address:
        """Raises ConfigError, without the password in its text."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ConfigError(f"not a broker URL ({error}); write {_FORM}", key="mqtt_url") from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ConfigError(f"not a broker URL; write {_FORM}", key="mqtt_url")
        options = parse_qs(parts.query)
        unknown = set(options) - {"ca"}
        if unknown or parts.path not in {"", "/"}:
            raise ConfigError(f"only the option ca is known in a broker URL; write {_FORM}", key="mqtt_url")
        ca_file = options.get("ca", [None])[0]
        if ca_file is not None and not Path(ca_file).is_file():
            raise ConfigError(f"no such file: {ca_file}", key="mqtt_url")
        return cls(
            parts.hostname,
            port or _PORTS[parts.scheme],
            parts.scheme == "mqtts",
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            ca_file,
        )

    def prepare(self, client: mqtt.Client) -> None:
        """Give a client the login and the encryption; certificates are always verified."""
        if self.username is not None:
            client.username_pw_set(self.username, self.password)
        if self.tls:
            client.tls_set_context(ssl.create_default_context(cafile=self.ca_file))

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"
