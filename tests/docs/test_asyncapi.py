"""docs/asyncapi.yml says what the code does: its names are those of the types, and real messages and records fit it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given, settings
from jsonschema import Draft7Validator

from citybrain.cli.asyncapi_page import asyncapi_page
from citybrain.kernel import canary
from citybrain.kernel.errors import PayloadError
from citybrain.kernel.events import AlertChange, AlertEvent, Evidence
from citybrain.kernel.ids import SHARDS
from citybrain.kernel.model import Asset, Device, Reading
from citybrain.kernel.trace import trace_of, traceparent
from citybrain.runtime.flood import Flood, Options
from citybrain.topics.changes import RulebookText, of_register, of_rulebook, of_version
from citybrain.topics.headers import headers
from citybrain.topics.records import Alert, Batch, Tick, encode, encode_alert
from citybrain.topics.spec import TOPICS
from ingest.decode import Decoder
from ingest.registry import load_profiles
from ingest.topics import subscription
from rules.engine import Engine
from rules.load import load
from tests.docs.markdown import ROOT
from tests.scenarios.ingest import test_cases
from tests.unit.citybrain.topics.test_records import _ASSETS, _DEVICES

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "asyncapi.yml").read_text(encoding="utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]
MESSAGES = DOCUMENT["components"]["messages"]
CHANNELS = DOCUMENT["channels"]
AT = datetime(2026, 3, 2, 11, 21, 6, tzinfo=UTC)
NOW_MS = 1_772_450_466_000


def _faults(schema: dict[str, Any], value: object) -> list[str]:
    validator = Draft7Validator({**schema, "components": DOCUMENT["components"]} if "$ref" not in schema else _rooted(schema))
    return [f"{list(fault.absolute_path)}: {fault.message}" for fault in validator.iter_errors(value)]


def _rooted(schema: dict[str, Any]) -> dict[str, Any]:
    # beside a $ref draft 07 looks at nothing else, so the components stand a level higher
    return {"allOf": [schema], "components": DOCUMENT["components"]}


def _check(message: str, value: bytes, found: list[tuple[str, bytes]] | None = None) -> None:
    """A record, or a message of MQTT, is as the document says."""
    assert _faults(MESSAGES[message]["payload"], orjson.loads(value)) == []
    if found is not None:
        assert _faults(MESSAGES[message]["headers"], {name: content.decode() for name, content in found}) == []


def test_the_file_is_as_the_code_says() -> None:
    text = (ROOT / "docs" / "asyncapi.yml").read_text(encoding="utf-8")
    assert text == asyncapi_page(), "run: .venv/bin/citybrain docs --write"


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


def test_every_reference_leads_somewhere_and_everything_is_used() -> None:
    references = set(_references(DOCUMENT))
    for reference in references:
        node: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
    wanted = {f"#/components/messages/{name}" for name in MESSAGES} | {f"#/channels/{name}" for name in CHANNELS}
    wanted |= {f"#/components/schemas/{name}" for name in SCHEMAS if name != "Reason"}
    assert wanted <= references
    for schema in SCHEMAS.values():
        Draft7Validator.check_schema(schema)


def test_channels_are_the_topics() -> None:
    for topic in TOPICS:
        channel = CHANNELS[topic.name]
        binding = channel["bindings"]["kafka"]
        assert channel["address"] == topic.name
        assert binding["partitions"] == topic.partitions
        config = topic.config()
        assert binding["topicConfiguration"]["cleanup.policy"] == [config["cleanup.policy"]]
        assert str(binding["topicConfiguration"].get("retention.ms")) == config.get("retention.ms", "None")
    addresses = [channel["address"] for channel in CHANNELS.values() if channel["servers"] == [{"$ref": "#/servers/mqtt"}]]
    filters = {re.sub(r"\{rest\}", "#", re.sub(r"\{(?!rest)\w+\}", "+", address)) for address in addresses}
    # the filter of the city's own messages also gets the canary
    assert subscription("+") in filters
    assert canary.topic("+") in filters
    expected = {item.replace("city/x/", "city/+/") for item in load_profiles().subscriptions("x")}
    assert filters - {canary.topic("+")} == expected


def test_places_and_fields_are_those_of_the_types() -> None:
    for kind, name in ((Reading, "Reading"), (Tick, "Tick"), (Evidence, "Evidence")):
        assert [item["title"] for item in SCHEMAS[name]["items"]] == list(kind._fields)
        assert all(item.get("description") or name == "Evidence" for item in SCHEMAS[name]["items"])
    assert list(SCHEMAS["Asset"]["properties"]) == list(Asset.__dataclass_fields__)
    assert list(SCHEMAS["Device"]["properties"]) == list(Device.__dataclass_fields__)
    assert list(SCHEMAS["AlertEvent"]["properties"]) == list(AlertEvent._fields)
    assert set(AlertChange) <= set(SCHEMAS["AlertEvent"]["properties"]["change"]["examples"])


def _decoder(case: dict[str, Any]) -> Decoder:
    return Decoder(
        test_cases._PROFILES, test_cases._register(case.get("register", {})), city="demo",
        auto_register=case.get("auto_register", True), max_future_s=600, max_age_s=366 * 86400,
    )  # fmt: skip


@pytest.mark.parametrize("path", test_cases._CASES, ids=[f"{path.parent.name}-{path.stem}" for path in test_cases._CASES])
def test_what_ingest_makes_of_real_messages_fits(path: Path) -> None:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    decoder = _decoder(case)
    for message in case["messages"]:
        payload, topic = test_cases._payload(message), message["topic"]
        received_ms = test_cases._ms(message.get("received", test_cases._RECEIVED))
        try:
            found = decoder.decode(topic, payload, received_ms=received_ms, retained=message.get("retained", False))
        except PayloadError:
            continue
        _check("readings", encode(Batch(found.readings, None, found.new_assets, found.new_devices)))
        # what is taken whole and without a note is what the document asks devices for
        if found.readings and not found.notes and not found.refused and topic.startswith("city/"):
            _check("pack" if topic.endswith("/pack") else "telemetry", payload)


@pytest.mark.parametrize(
    "payload",
    [{}, [], {"values": 7}, {"values": {"level_mm": "high"}}, {"values": {"level_mm": 1e9}}, {"values": {}, "simulated": 1},
     {"values": {"note": "x" * 300}}, {"values": {}, "device": 7}],
)  # fmt: skip
def test_what_a_device_should_not_send_does_not_fit(payload: object) -> None:
    assert _faults(MESSAGES["telemetry"]["payload"], payload) != []
    packed = {"readings": [{"asset": "A", "kind": "drain", **payload} if isinstance(payload, dict) else payload]}
    assert _faults(MESSAGES["pack"]["payload"], packed) != []


def test_the_publishers_of_this_program_send_what_the_document_says() -> None:
    for pack, message in ((1, "telemetry"), (7, "pack")):
        flood = Flood(Options("127.0.0.1", 1, "demo", assets=4, seconds=0, pack=pack))
        flood._publish(fault=False)
        payload = flood._waiting[0].packet.partition(b'{"')[2]
        _check(message, b'{"' + payload)
    _check("canary", canary.message(NOW_MS, "ops"))
    beat = canary.read(canary.message(NOW_MS, "ops"), NOW_MS)
    assert beat is not None
    _check("readings", encode(Batch([beat])))


@settings(max_examples=100, deadline=None)
@given(asset=_ASSETS, device=_DEVICES)
def test_records_of_the_register_fit(asset: Asset, device: Device) -> None:
    found = headers("register", id="7", source="citybrain/dispatch/d1", at=AT)
    (_, one), (_, two) = of_register(7, [asset], {device.id: [device]})
    _check("assetChanged", one, found)
    _check("deviceChanged", two, found)
    _check("readings", encode(Batch((), Tick(1, 2, "b1", True), [asset], [device])))


def test_the_other_records_of_the_register_fit_and_keys_say_which_is_which() -> None:
    _check("rulebookChanged", of_rulebook(RulebookText("abc", (("a.yml", "x: 1"),)))[1])
    _check("registerPublished", of_version(7)[1])
    keys = {
        "assetChanged": next(iter(of_register(1, [Asset("A", "drain")], {})))[0],
        "deviceChanged": next(iter(of_register(1, [], {"d": []})))[0],
        "rulebookChanged": of_rulebook(RulebookText("abc", ()))[0],
        "registerPublished": of_version(7)[0],
    }
    for name, key in keys.items():
        fits = [other for other in keys if re.search(MESSAGES[other]["bindings"]["kafka"]["key"]["pattern"], key.decode())]
        assert fits == [name]


def test_ticks_and_their_headers_fit() -> None:
    _check(
        "tick", encode(Batch((), Tick(NOW_MS, NOW_MS, "b1"))), headers("tick", id="1-1", source="citybrain/ingest/b1", at=AT)
    )
    parent = traceparent(trace_of("A", "d", 5, 7), "ingest")
    _check("readings", encode(Batch()), headers("readings", id="1-1", source="x", at=AT, traceparent=parent))
    rejected = headers(
        "rejected", id="7", source="x", at=AT, content_type=b"application/octet-stream", reason="empty", detail="", topic="a/b",
        received_ms="5",
    )  # fmt: skip
    plain = {name: content.decode() for name, content in rejected}
    assert _faults(MESSAGES["rejected"]["headers"], plain) == []
    assert _faults(MESSAGES["rejected"]["headers"], {**plain, "news": "x"}) != []
    assert _faults(MESSAGES["readings"]["headers"], plain) != []


def test_alerts_that_the_rules_raise_fit() -> None:
    """Covers that flip, shut and fall silent; changes that only re-judging makes are laid over."""
    assets = {f"MH-{n}": Asset(f"MH-{n}", "manhole", interval_s=600) for n in range(SHARDS)}
    engines = [Engine(shard, load(None), assets.get) for shard in range(SHARDS)]
    events = []
    for engine in engines:
        for step in range(30):
            at_ms = NOW_MS + step * 60_000
            readings = [
                Reading(
                    name,
                    "manhole",
                    name,
                    at_ms,
                    at_ms,
                    {"tilt_deg": 120.0 if 3 < step < 12 else 0.5, "level_mm": 100},
                    key=step,
                )
                for name in assets
                if int(name[3:]) == engine.shard
            ]
            events += engine.step(readings).events
            events += engine.tick(at_ms + 1000)
        events += engine.tick(NOW_MS + 86_400_000)
    assert {event.change for event in events} >= {"raised", "clearing", "resolved"}
    for event in events:
        trace = trace_of(event.asset, event.asset, event.at_ms, 7)
        found = headers("alert", id=event.id, source="citybrain/rules/r1", at=AT, traceparent=traceparent(trace, "rules"))
        _check("alert", encode_alert(Alert(event, trace)), found)
        _check("alert", encode_alert(Alert(event)))
    for change in AlertChange:
        _check("alert", encode_alert(Alert(events[0]._replace(change=change.value, evidence=(Evidence(1, "tilt_deg", True),)))))
    _check("alert", encode_alert(Alert(canary.event(NOW_MS, NOW_MS))))
