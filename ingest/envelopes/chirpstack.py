"""PURE: ChirpStack v4 `application/{application}/device/{devEui}/event/{event}`, and uplinks of the older v3.

The JSON is proto-JSON: a field that has its default (fCnt 0, fPort 0, adr false) is absent. In v3 the EUI is base64 (or hex)
and the decoded object a text of JSON. Read in chirpstack-docs, integrations/events.md and mqtt.md.
"""

from __future__ import annotations

from typing import Any

import orjson

from citybrain.kernel.errors import PayloadError
from ingest.bytestexts import message_bytes
from ingest.envelopes.opened import Opened, an_eui, an_object, best_radio, count, maybe_object, text

TOPIC = "application/+/device/+/event/+"
EVENTS = frozenset({"up", "join", "status", "ack", "txack", "log", "location", "integration"})


def open_message(topic: str, document: Any) -> Opened:
    """An event of ChirpStack. Raises PayloadError."""
    event = topic.rsplit("/", 1)[-1]
    if event != "up":
        if event not in EVENTS:
            raise PayloadError("unknown_topic", topic[:200])
        return Opened(ignored="not_an_uplink")
    message = an_object(document, "the event")
    if "deviceInfo" not in message and "devEUI" in message:
        return _v3(message)
    info = an_object(message.get("deviceInfo"), "deviceInfo")
    eui = an_eui(info.get("devEui"), "deviceInfo.devEui")
    tags = maybe_object(info.get("tags"))
    opened = _uplink(message, eui, best_radio(message.get("rxInfo"), "snr"))
    decoded = message.get("object")
    if decoded is not None:
        opened.object = an_object(decoded, "object")
    opened.facts["time"] = message.get("time")
    opened.models = tuple(name for name in (text(info.get("deviceProfileName")),) if name)
    opened.profile = text(tags.get("profile"))
    opened.asset = text(tags.get("asset"))
    return opened


def _uplink(message: dict[str, Any], eui: str, radio: dict[str, float]) -> Opened:
    counter = count(message.get("fCnt"))
    port = count(message.get("fPort"))
    session = message.get("devAddr")
    data = message.get("data")
    return Opened(
        devices=(eui,),
        data=message_bytes(data, "base64", "data"),
        facts={"device": eui, "seq": counter, "fport": port, "session": session, **radio},
        dedupe=(session, counter, port, data if data is not None else message.get("object")),
    )


def _v3(message: dict[str, Any]) -> Opened:
    opened = _uplink(message, _v3_eui(message["devEUI"]), best_radio(message.get("rxInfo"), "loRaSNR"))
    decoded = message.get("objectJSON")
    if decoded:
        if not isinstance(decoded, str):
            raise PayloadError("bad_field", "objectJSON must be a text")
        try:
            opened.object = an_object(orjson.loads(decoded), "objectJSON")
        except orjson.JSONDecodeError as error:
            raise PayloadError("bad_field", f"objectJSON is not JSON: {error.msg[:100]}") from None
    gateways = message.get("rxInfo")
    times = [item.get("time") for item in gateways if isinstance(item, dict)] if isinstance(gateways, list) else []
    opened.facts["time"] = next((time for time in times if time), None) or message.get("publishedAt")
    opened.models = tuple(name for name in (text(message.get("deviceProfileName")),) if name)
    tags = maybe_object(message.get("tags"))
    opened.profile, opened.asset = text(tags.get("profile")), text(tags.get("asset"))
    return opened


def _v3_eui(value: Any) -> str:
    if isinstance(value, str) and len(value) == 12 and value.endswith("="):
        return (message_bytes(value, "base64", "devEUI") or b"").hex().upper()
    return an_eui(value, "devEUI")
