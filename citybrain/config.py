"""Settings: defaults, then the file, then the environment (CITYBRAIN_…), then the command line."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import platformdirs
import yaml
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

from citybrain.kernel.errors import ConfigError

SECRETS = frozenset(
    {"database_url", "mqtt_url", "smtp_url", "api_token", "webhook_secret", "link_secret", "kafka_url", "otel_endpoint"}
)
"""settings whose value no error may show: it holds or may hold a password"""
LIMIT_UNITS = ("urgent_minute", "urgent_hour", "natural_day", "work_hour", "work_day")
"""units of time limits, as `dispatch.deadlines` has them"""
_SCHEMES = {
    "database_url": ("postgresql", "postgres"),
    "mqtt_url": ("mqtt", "mqtts"),
    "smtp_url": ("smtp", "smtps"),
    "otel_endpoint": ("http", "https"),
    "public_url": ("http", "https"),
}


class Settings(BaseSettings):
    """All settings of the program. `docs/reference/settings.md` is made from the descriptions."""

    model_config = SettingsConfigDict(env_prefix="CITYBRAIN_", env_nested_delimiter="__", env_ignore_empty=True, extra="forbid")

    city: str = Field("demo", description="Name of the city, the second level of the MQTT topics.", pattern=r"^[^/+#\s]+$")
    data_dir: Path = Field(
        Path(platformdirs.user_data_dir("citybrain")), description="Where the embedded database and the run files live."
    )
    database_url: str | None = Field(None, description="A PostgreSQL server; none: the embedded one in data_dir.")
    mqtt_url: str | None = Field(
        None, description="An MQTT broker, mqtt:// or mqtts:// with user and password; none: the embedded one."
    )
    mqtt_protocol: Literal["3.1.1", "5"] = Field("3.1.1", description="MQTT version to speak to the broker.")
    mqtt_group: str = Field("citybrain", description="Shared subscription of the ingest services.", pattern=r"^[^/+#\s]+$")
    mqtt_net: bool = Field(
        False,
        description="For one ingest service of a city: a plain subscription beside the shared one, for a broker such as "
        "mosquitto that forgets shared subscriptions when it is restarted.",
    )
    kafka_url: str | None = Field(None, description="Kafka of the cluster runtime, kafka://host:port[,host:port…].")
    kafka_prefix: str = Field(
        "", description="Put before the name of each topic and consumer group.", pattern=r"^[A-Za-z0-9._-]*$"
    )
    kafka_replication: int = Field(1, description="Replicas of each topic that `topics apply` makes.", ge=1, le=9)
    pack_ms: int = Field(
        10,
        description="A record of topic `readings` waits so long for more readings (ms); unless 0, up to 50 when many come.",
        ge=0,
        le=1000,
    )
    kafka_session_s: float = Field(
        6,
        description="A rules worker, archive or dispatch that Kafka does not hear for so long is dead (seconds); less than 6 "
        "needs group.min.session.timeout.ms at the broker.",
        ge=2,
        le=60,
    )
    service_id: str = Field(
        "",
        description="Name of this instance of a service, fixed over restarts; none: made of its name and its host.",
        pattern=r"^[A-Za-z0-9._-]*$",
    )
    mqtt_port: int = Field(1883, description="Port of the embedded broker; another one when it is taken.", ge=1, le=65535)
    http_host: str = Field("127.0.0.1", description="Address of the HTTP server.")
    http_port: int = Field(8080, description="Port of the HTTP server; another one when it is taken.", ge=0, le=65535)
    api_token: str | None = Field(
        None, description="Bearer token for changes over HTTP; none: made anew in data_dir/api-token."
    )
    ingest_workers: int = Field(1, description="Processes that read from the broker; more than 1 needs MQTT 5.", ge=1, le=64)
    queue_size: int = Field(20000, description="Messages held between the broker and the rules before back-pressure.", ge=100)
    batch_size: int = Field(2000, description="Most messages in one transaction.", ge=1)
    batch_ms: int = Field(1, description="Wait for a small batch to fill, in ms.", ge=0, le=1000)
    rulebook: Path | None = Field(None, description="A rulebook file over the shipped one; none: the shipped one.")
    profiles: Path | None = Field(None, description="A folder of further device profiles.")
    city_profile: str = Field(
        "cn", description="Limits of both clocks by filing item, severity and street: cn, uk, or a YAML file of the city's own."
    )
    limits: Path | None = Field(None, description="A CSV of time limits whose rows stand over those of city_profile.")
    calendars: Path | None = Field(None, description="A YAML of working calendars; none: the shipped ones.")
    channels: Path | None = Field(
        None, description="A YAML of how channels may disturb people, over the shipped one; none: the shipped one."
    )
    scores: Path | None = Field(None, description="A YAML of the formulas of figures; none: the shipped one.")
    people: Path | None = Field(None, description="A people.yml for check-config; `citybrain people import` takes it over.")
    grouping: Path | None = Field(None, description="A YAML of which alerts are one case, in place of the shipped one.")
    forecast: Path | None = Field(None, description="A YAML of how forecasts are made, over the shipped one; none: that alone.")
    forecast_hour: int = Field(
        9, description="The hour of the day at which forecasts are made, in the time zone of most units.", ge=0, le=23
    )
    storm: Path | None = Field(
        None, description="A YAML of storm mode and the crews of districts, in place of the shipped one."
    )
    auto_register: bool = Field(True, description="A first message of an unknown asset makes a provisional asset.")
    max_future_s: float = Field(600, description="A time further in the future than this is refused (seconds).", gt=0)
    max_age_s: float = Field(366 * 86400, description="A time older than this is refused (seconds).", gt=0)
    checkpoint_s: float = Field(10, description="Each shard is checkpointed about so often (real seconds).", gt=0)
    archive_nice: int = Field(
        5, description="How much `citybrain archive` yields to other processes of its machine (as `nice`).", ge=0, le=19
    )
    ready_lag_s: float = Field(
        30, description="A service whose oldest record waits longer than this is not ready (real seconds).", gt=0
    )
    rejudge_days: float = Field(30, description="How far back late readings are judged again (days).", gt=0)
    retention_days: float = Field(400, description="How long readings are kept (days).", gt=0)
    summary_days: float = Field(3660, description="How long sums of readings by hour and day are kept (days).", gt=0)
    language: Literal["en", "zh"] = Field("en", description="Language of texts for people.")
    clock: str = Field("system", description="'system', or 'speed=600,origin=2026-06-12T14:00:00+00:00' for a demo.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Level of the log.")
    log_format: Literal["text", "json"] = Field("text", description="Log lines for people, or one JSON object a line.")
    otel_endpoint: str | None = Field(
        None, description="An OpenTelemetry collector (OTLP over HTTP), http://host:4318; none: no traces are made."
    )
    canary_s: float = Field(
        10, description="A test message goes the whole way so often (real seconds); 0: none.", ge=0, le=3600
    )
    canary_missed: int = Field(
        6,
        description="So many test messages in a row that do not come are a standstill, and watch_contacts are told.",
        ge=2,
        le=1000,
    )
    watch_contacts: list[str] = Field(
        [],
        description="Contacts (mailto:, https:, log:…) that are told when the test message falls silent, and when it is back.",
    )
    dispatcher_limit: str = Field(
        "15 urgent_minute",
        description="A returned order whose unit is hindered waits so long for a dispatcher; then the unit has it again.",
    )
    arbitration_limit: str = Field(
        "1 work_day", description="So long an arbiter has to decide about an order that was returned twice."
    )
    arbiters: dict[str, str] = Field(
        {},
        description="District ('*': any) -> unit that decides about orders returned twice; none: the guardian of the district.",
    )
    smtp_url: str | None = Field(None, description="smtp:// or smtps:// with user and password, for channel email.")
    smtp_from: str = Field("citybrain@localhost", description="Sender of e-mails.")
    webhook_secret: str | None = Field(None, description="Key of the HMAC-SHA256 signature of webhooks.")
    public_url: str | None = Field(
        None, description="How the HTTP server is reached from telephones, https://city.example; none: notices have no links."
    )
    link_secret: str | None = Field(
        None,
        description="Key of the signature of links in notices, the same for all services of a city; none: made anew in "
        "data_dir/link-key.",
        min_length=16,
    )
    link_hours: float = Field(168, description="Links in notices work so long (hours of city time).", gt=0, le=24 * 366)

    def instance(self, service: str) -> str:
        """The name of this instance of a service, the same after a restart: as set, else made of the service and its host."""
        return self.service_id or default_id(service)

    @field_validator(
        "data_dir",
        "rulebook",
        "profiles",
        "limits",
        "calendars",
        "scores",
        "channels",
        "people",
        "grouping",
        "storm",
        "forecast",
    )
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().resolve() if value else None

    @field_validator("city_profile", mode="before")
    @classmethod
    def _profile(cls, value: Any) -> str:
        name = str(value)
        return str(Path(name).expanduser().resolve()) if Path(name).suffix else name

    @field_validator("dispatcher_limit", "arbitration_limit")
    @classmethod
    def _length(cls, value: str) -> str:
        number, _, unit = value.partition(" ")
        if not re.fullmatch(r"\d{1,3}(\.\d+)?", number) or not float(number) or unit not in LIMIT_UNITS:
            raise ValueError(f"write a number above 0 and a unit ({', '.join(LIMIT_UNITS)}), such as '1 work_day'")
        return value

    @field_validator("ingest_workers")
    @classmethod
    def _workers(cls, value: int, info: ValidationInfo) -> int:
        # the embedded broker speaks both versions, and the right one is chosen there
        if value > 1 and info.data.get("mqtt_url") is not None and info.data.get("mqtt_protocol") != "5":
            raise ValueError("several workers share one subscription, which needs MQTT 5: set mqtt_protocol to '5'")
        return value

    @field_validator(*_SCHEMES)
    @classmethod
    def _url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        schemes = _SCHEMES[str(info.field_name)]
        form = " or ".join(f"{scheme}://" for scheme in schemes)
        try:
            parts = urlsplit(value)
            host = parts.hostname if parts.port != 0 else None
        except ValueError as error:
            raise ValueError(f"not a URL that begins with {form}: {_unquoted(str(error))}") from None
        if parts.scheme not in schemes:
            raise ValueError(f"must begin with {form}")
        # a PostgreSQL URL may name its server by socket folder, or leave it to the environment
        if not host and parts.scheme not in _SCHEMES["database_url"]:
            raise ValueError(f"names no server: {form}, then user:password@host:port")
        return value

    @field_validator("kafka_url")
    @classmethod
    def _kafka(cls, value: str | None) -> str | None:
        if value is not None and not brokers(value):
            raise ValueError("write kafka://host:port, or several with commas: kafka://one:9092,two:9092")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = os.environ.get("CITYBRAIN_CONFIG")
        sources: tuple[PydanticBaseSettingsSource, ...] = (init_settings, env_settings)
        return (*sources, YamlConfigSettingsSource(settings_cls, yaml_file=file)) if file else sources


def default_id(name: str) -> str:
    """A name for an instance that was given none: that of its service and of its host, as MQTT and Kafka allow it."""
    host = "".join(char if char.isalnum() or char in "._-" else "-" for char in socket.gethostname())
    return f"{name}-{host}"


def brokers(url: str) -> list[str]:
    """The `host:port`s in a kafka:// URL; none when it is no such URL."""
    if not url.startswith("kafka://"):
        return []
    found = url.removeprefix("kafka://").rstrip("/").split(",")
    return found if all(re.fullmatch(r"[^\s:/@]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}", one) for one in found) else []


def settings(**given: Any) -> Settings:
    """The settings; `given` (from the command line) wins, None means not given. Raises ConfigError."""
    file = os.environ.get("CITYBRAIN_CONFIG", "")
    if file:
        _mapping(Path(file))
    try:
        return Settings(**{key: value for key, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        got = "" if key in SECRETS else f" (got {first.get('input')!r})"
        raise ConfigError(
            f"{first['msg'].removeprefix('Value error, ')}{got}; set it by CITYBRAIN_{key.upper()} or in the file",
            file=file,
            key=key,
        ) from None


def _mapping(file: Path) -> None:
    """Raises ConfigError when a settings file is not one mapping in YAML."""
    if not file.is_file():
        raise ConfigError(f"no such file: {file}", key="CITYBRAIN_CONFIG")
    try:
        content = yaml.safe_load(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=str(file)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"not UTF-8 at byte {error.start}", file=str(file)) from error
    except yaml.YAMLError as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError(f"not YAML: {what}", file=str(file), line=mark.line + 1 if mark else 0) from error
    if content is not None and not isinstance(content, dict):
        raise ConfigError("must be a mapping of setting to value, such as `city: springfield`", file=str(file), line=1)


def _unquoted(message: str) -> str:
    """A message about a URL, unless it quotes a part of it, which may be the password."""
    return message if "'" not in message else "its port is not a number"
