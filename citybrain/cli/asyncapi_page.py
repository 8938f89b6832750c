"""docs/asyncapi.yml: every message and record between devices and services, as AsyncAPI 3, made from the code."""

from __future__ import annotations

import re
from typing import Any

import yaml

from citybrain import __version__
from citybrain.cli.record_schemas import messages, schemas
from citybrain.kernel import canary
from citybrain.topics.spec import TOPICS, Topic
from ingest import topics as mqtt
from ingest.registry import Profiles, load_profiles

HEAD = "# Made by `citybrain docs --write`. Change the code, not this file.\n"
FILE = "../asyncapi.yml"
"""its place beside docs/reference"""

_PARAMETERS = {
    "city": "Name of the city (setting `city`).",
    "kind": "Kind of the asset: manhole, streetlight, drain, cabinet, gateway, rain_gauge.",
    "asset": "Id of the asset: up to 128 characters, none of / + #.",
    "gateway": "Id of the gateway that sends the pack.",
}
_TELLERS = {
    # service -> what it sends and what it receives, by channel
    "ingest": (("readings", "rejected"), ("telemetry", "packs", "canary", "register")),
    "rules": (("alerts", "rejected"), ("readings", "register")),
    "archive": ((), ("readings", "rejected")),
    "dispatch": (("register", "rejected"), ("alerts",)),
}
_RECORDS = {
    "readings": ("readings", "tick"),
    "alerts": ("alert",),
    "rejected": ("rejected",),
    "register": ("assetChanged", "deviceChanged", "rulebookChanged", "registerPublished"),
}
"""topic -> messages on it"""


def asyncapi_page() -> str:
    """The whole file."""
    return HEAD + yaml.dump(document(), Dumper=_Whole, sort_keys=False, allow_unicode=True, width=120)


class _Whole(yaml.SafeDumper):
    """Writes what stands in two places twice: not every reader knows YAML's short hand."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def document() -> dict[str, Any]:
    """The document as plain data."""
    channels, profiled = _mqtt_channels(load_profiles())
    channels.update({topic.name: _kafka_channel(topic) for topic in TOPICS})
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "City brain",
            "version": __version__,
            "description": (
                "What devices and gateways publish over MQTT, and the records between the services of the cluster runtime. "
                "Times are milliseconds since the epoch, UTC, unless they say otherwise. Headers of records are the attributes "
                "of CloudEvents 1.0 in binary mode, the version of the schema, and `traceparent` of W3C Trace Context."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "mqtt": {
                "host": "broker:1883",
                "protocol": "mqtt",
                "description": "QoS 1. Setting `mqtt_url`. The bridges of the cluster share a subscription (MQTT 5).",
            },
            "kafka": {
                "host": "kafka:9092",
                "protocol": "kafka",
                "description": "Setting `kafka_url`. Names of topics and groups begin with setting `kafka_prefix`.",
            },
        },
        "channels": channels,
        "operations": _operations(profiled),
        "components": {"messages": messages(), "schemas": schemas()},
    }


def _mqtt_channels(profiles: Profiles) -> tuple[dict[str, Any], list[str]]:
    """The channels of devices, and the names of those that profiles read."""
    channels = {
        "telemetry": _channel(mqtt.CANONICAL, "Readings of one asset, one a message.", ("telemetry",)),
        "packs": _channel(mqtt.PACKS, "Many readings of many assets in one message of a gateway.", ("pack",)),
        "canary": _channel(canary.topic("{city}"), "A test message that goes the whole way; it is no reading.", ("canary",)),
    }
    names = []
    for pattern, readers in profiles.filters().items():
        name = "profile_" + re.sub(r"[^a-z0-9]+", "_", pattern.lower()).strip("_")
        address, parameters = _address(pattern)
        channels[name] = {
            "address": address,
            "description": f"Messages as their devices or servers send them. Filter {pattern}, read by {', '.join(readers)}.",
            "servers": [{"$ref": "#/servers/mqtt"}],
            "messages": {"foreign": {"$ref": "#/components/messages/foreign"}},
            **({"parameters": parameters} if parameters else {}),
        }
        names.append(name)
    return channels, names


def _channel(address: str, text: str, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "address": address,
        "description": text,
        "servers": [{"$ref": "#/servers/mqtt"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "parameters": {name: {"description": _PARAMETERS[name]} for name in re.findall(r"\{(\w+)\}", address)},
    }


def _address(pattern: str) -> tuple[str, dict[str, Any]]:
    """An address with parameters in place of the wildcards of a filter."""
    levels, parameters = [], {}
    for place, level in enumerate(pattern.split("/"), 1):
        if level in {"+", "#"}:
            name = f"level{place}" if level == "+" else "rest"
            parameters[name] = {"description": "Any level." if level == "+" else "Any levels, or none."}
            level = f"{{{name}}}"
        levels.append(level)
    return "/".join(levels), parameters


def _kafka_channel(topic: Topic) -> dict[str, Any]:
    config = topic.config()
    settings: dict[str, Any] = {
        "cleanup.policy": [config["cleanup.policy"]],
        "max.message.bytes": int(config["max.message.bytes"]),
    }
    if topic.keep_ms is not None:
        settings["retention.ms"] = topic.keep_ms
    return {
        "address": topic.name,
        "description": topic.about,
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _RECORDS[topic.name]},
        "bindings": {"kafka": {"partitions": topic.partitions, "topicConfiguration": settings, "bindingVersion": "0.5.0"}},
    }


def _operations(profiled: list[str]) -> dict[str, Any]:
    found = {}
    for service, (sent, received) in _TELLERS.items():
        more = tuple(profiled) if service == "ingest" else ()
        for action, names in (("send", sent), ("receive", (*received, *more))):
            for name in names:
                operation: dict[str, Any] = {"action": action, "channel": {"$ref": f"#/channels/{name}"}}
                if name not in _RECORDS:
                    operation["bindings"] = {"mqtt": {"qos": 1}}
                found[f"{service}_{action}s_{name}"] = operation
    return found
