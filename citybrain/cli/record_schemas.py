"""PURE: the messages of docs/asyncapi.yml and their schemas: what devices send, and what stands in the records of Kafka."""

from __future__ import annotations

from typing import Any

from citybrain.cli.schemas import Schema, any_of, closed, fields, places, schema_of, values
from citybrain.kernel.events import AlertChange, AlertEvent, AlertPhase, Evidence
from citybrain.kernel.model import Asset, Device, Flag, Kind, Reading
from citybrain.topics.headers import SCHEMA, TYPES
from citybrain.topics.records import VERSION, Tick
from ingest.quarantine import REASONS

_READING = {
    "asset": "Id of the asset.",
    "kind": "Kind of the asset.",
    "device": "Id of the device, or `device:channel`.",
    "observed_ms": "When it was measured.",
    "received_ms": "When it was received from the broker.",
    "values": "Measures and their values.",
    "seq": "Number of the message, when the device counts.",
    "key": "Dedupe key, 64 bit: readings of a device with the same key, at most window_ms apart, are one.",
    "window_ms": "See key; 0: only at the very same time.",
    "flags": "Bits: " + ", ".join(f"{flag.value} {flag.name}" for flag in Flag if flag) + ".",
}
_TICK = {
    "at_ms": "The bridge has handed on all that it got up to this time of the city.",
    "real_ms": "The machine's time when it said so.",
    "bridge": "Id of the bridge.",
    "leaving": "The bridge ends: time goes on without it.",
}
_ASSET = {
    "install_height_mm": "Sensor above the invert.",
    "depth_mm": "Rim above the invert.",
    "interval_s": "Expected reporting interval of its device.",
    "provisional": "Made by a first message, not by an import.",
    "feeder_pos": "Place of a pole on its feeder, counted from the cabinet.",
    "downstream": "Asset that its water reaches next.",
    "catchment": "Where its rain falls; of a rain gauge: the catchment that it measures.",
}
_EVENT = {
    "id": "Names the episode for life: derived from asset, condition and onset.",
    "change": "What happened to the episode.",
    "phase": "Where the episode stands.",
    "reason": "Code of the reason.",
    "detail": "The reason with numbers and units.",
    "evidence": "The values that caused the decision.",
    "rulebook": "Version (hash) of the rulebook that judged.",
}
_TIME: Schema = {
    "description": "ISO 8601 with a zone, or epoch seconds or milliseconds; without it the time of receipt counts.",
    "anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}],
}
_TRACEPARENT = r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"
_REJECTED = {
    "reason": "Code of the reason, see docs/reference/quarantine.md.",
    "detail": "What was wrong, up to 500 characters.",
    "topic": "Where it came from: the MQTT topic, `reading/{asset}`, or a topic of Kafka with partition and offset.",
    "received_ms": "When it came.",
}


def messages() -> dict[str, Any]:
    """Every message by name."""
    register = "Key: `{}`. Compacted: the newest record of a key is the truth."
    return {
        "telemetry": _mqtt("One reading of one asset.", "Telemetry"),
        "pack": _mqtt("Readings of many assets. One that cannot be taken is refused alone.", "Pack"),
        "canary": _mqtt("A test message; the time is that of the sender's machine.", "Canary"),
        "foreign": {
            "summary": "A message in the form of its device or network server, which a profile reads.",
            "payload": {"description": "Anything: JSON, text or bytes."},
        },
        "readings": _record("readings", "Readings of one partition, in a pack.", "ReadingsRecord"),
        "tick": _record("tick", "A record of `readings` that carries only time.", "ReadingsRecord"),
        "alert": _record("alert", "One change of one alert. Key: the asset.", "AlertRecord"),
        "rejected": {
            "name": TYPES["rejected"],
            "summary": "What could not be read or judged, as it came (cut at 1 MiB).",
            "contentType": "application/octet-stream",
            "headers": _headers("rejected", content_type="application/octet-stream", more=_REJECTED),
            "payload": {"description": "The bytes of the message."},
        },
        "assetChanged": _record("register", register.format("asset:ID"), "AssetRecord", key="^asset:"),
        "deviceChanged": _record("register", register.format("device:ID"), "DeviceRecord", key="^device:"),
        "rulebookChanged": _record("register", register.format("rulebook"), "RulebookRecord", key="^rulebook$"),
        "registerPublished": _record(
            "register",
            "Key: `published`. Everything up to this version stands before it.",
            "PublishedRecord",
            key="^published$",
        ),
    }


def _mqtt(summary: str, schema: str) -> dict[str, Any]:
    return {"summary": summary, "payload": {"$ref": f"#/components/schemas/{schema}"}}


def _record(what: str, summary: str, schema: str, *, key: str = "") -> dict[str, Any]:
    bindings = {"bindings": {"kafka": {"key": {"type": "string", "pattern": key}}}} if key else {}
    return {
        "name": TYPES[what],
        "summary": summary,
        "headers": _headers(what),
        "payload": {"$ref": f"#/components/schemas/{schema}"},
        **bindings,
    }


def _headers(what: str, *, content_type: str = "application/json", more: dict[str, str] | None = None) -> Schema:
    """Headers as text."""
    text = {"type": "string"}
    properties: dict[str, Schema] = {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {**text, "description": "Unique for the source."},
        "ce_source": {**text, "description": "citybrain/{service}/{id of the instance}."},
        "ce_type": {"const": TYPES[what]},
        "ce_time": {**text, "format": "date-time", "description": "Time of the city."},
        "content-type": {"const": content_type},
        "schema": {"const": SCHEMA, "description": "Version of the schema."},
    }
    optional: dict[str, Schema] = {
        "traceparent": {**text, "pattern": _TRACEPARENT, "description": "Trace of the first reading in it, or of the alert's."}
    }
    if more:
        properties.update({name: {**text, "description": about} for name, about in more.items()})
    return closed({**properties, **optional}, required=list(properties))


def schemas() -> dict[str, Schema]:
    """Every schema by name."""
    version: Schema = {"const": VERSION, "description": "Version of the record's form."}
    number: Schema = {"type": "integer", "minimum": 0, "description": "Version of the register in the database."}

    def record(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
        return closed({"v": version, **required, **(optional or {})}, ["v", *required])

    return {
        **_sent(),
        "Values": values(sent=False),
        "Reading": places(Reading, _READING, {"values": _ref("Values")}),
        "Tick": places(Tick, _TICK),
        "Asset": fields(Asset, _ASSET, required=("id", "kind")),
        "Device": fields(Device, {}, required=("id", "asset")),
        "Evidence": places(Evidence, {"observed_ms": "Of which reading.", "measure": "Which of its values."}),
        "AlertEvent": fields(
            AlertEvent,
            _EVENT,
            required=AlertEvent._fields,
            given={
                "evidence": {"type": "array", "items": _ref("Evidence")},
                "change": {"type": "string", "examples": [change.value for change in AlertChange]},
                "phase": {"enum": [phase.value for phase in AlertPhase]},
            },
        ),
        "ReadingsRecord": record(
            {"readings": _list("Reading")},
            {"tick": _ref("Tick"), "assets": _list("Asset"), "devices": _list("Device")},
        ),
        "AlertRecord": record(
            {
                "event": _ref("AlertEvent"),
                "trace": {"type": "string", "pattern": "^([0-9a-f]{32})?$"},
                "offset": {"type": "integer", "minimum": -1, "description": "Of the record of readings that it came of."},
            }
        ),
        "AssetRecord": record({"version": number, "asset": _ref("Asset")}),
        "DeviceRecord": record({"version": number, "devices": _list("Device")}),
        "RulebookRecord": record(
            {
                "version": number,
                "rulebook": {"type": "string", "description": "Hash of the rulebook."},
                "files": {
                    "type": "array",
                    "items": closed({name: schema_of(str) for name in ("name", "text")}, ("name", "text")),
                },
            }
        ),
        "PublishedRecord": record({"version": number}),
        "Reason": {"enum": list(REASONS), "description": "Why a message was refused."},
    }


def _sent() -> dict[str, Schema]:
    """What devices send. Further keys are left alone."""
    flag: Schema = {"type": ["boolean", "null"]}
    one: dict[str, Schema] = {
        "ts": _TIME,
        "values": _ref("SentValues"),
        "seq": any_of([{"type": "integer", "minimum": 0}, {"type": "null"}]) | {"description": _READING["seq"]},
        "device": {"type": "string", "maxLength": 128, "description": "Id of the device; default: that of the asset."},
        "simulated": {**flag, "description": "A test: it never opens an alert."},
        "history": {**flag, "description": "A stored value, sent later."},
    }
    named: dict[str, Schema] = {
        "asset": {"type": "string", "minLength": 1, "maxLength": 128, "description": _READING["asset"]},
        "kind": {"enum": [kind.value for kind in Kind], "description": "Needed for an asset that the register does not know."},
    }
    return {
        "SentValues": values(sent=True),
        "Telemetry": {"type": "object", "properties": one, "required": ["values"]},
        "PackedReading": {"type": "object", "properties": {**named, **one}, "required": ["asset", "values"]},
        "Pack": {
            "type": "object",
            "properties": {"readings": {"type": "array", "items": _ref("PackedReading")}},
            "required": ["readings"],
        },
        "Canary": {
            "type": "object",
            "properties": {"sent_ms": {"type": "integer"}, "sender": {"type": "string"}},
            "required": ["sent_ms", "sender"],
        },
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(name: str) -> Schema:
    return {"type": "array", "items": _ref(name)}
