"""PURE: The Things Stack v3 `v3/{application}@{tenant}/devices/{device}/{up|join|…}`.

Empty fields ("", 0, false) are absent: f_cnt of a first uplink, f_port. `simulated: true` marks what somebody typed into the
console. Read in lorawan-stack-docs, integrations/data-formats and mqtt.
"""

from __future__ import annotations

from typing import Any

from citybrain.kernel.errors import PayloadError
from ingest.bytestexts import message_bytes
from ingest.envelopes.opened import Opened, an_eui, an_object, best_radio, count, location, maybe_object, text
from ingest.topics import valid_id

TOPIC = "v3/+/devices/+/#"


def open_message(topic: str, document: Any) -> Opened:
    """A message of The Things Stack. Raises PayloadError."""
    levels = topic.split("/")
    if len(levels) < 5:
        raise PayloadError("unknown_topic", topic[:200])
    if levels[4:] != ["up"]:
        return Opened(ignored="not_an_uplink")
    message = an_object(document, "the message")
    uplink = an_object(message.get("uplink_message"), "uplink_message")
    ids = an_object(message.get("end_device_ids"), "end_device_ids")
    name = ids.get("device_id")
    if name is not None and not valid_id(name):
        raise PayloadError("bad_id", "end_device_ids.device_id")
    eui = an_eui(ids["dev_eui"], "end_device_ids.dev_eui") if ids.get("dev_eui") is not None else None
    known = tuple(item for item in (eui, name) if item)
    if not known:
        raise PayloadError("missing_field", "end_device_ids.device_id")
    counter, port = count(uplink.get("f_cnt")), count(uplink.get("f_port"))
    session, payload = uplink.get("session_key_id"), uplink.get("frm_payload")
    decoded = uplink.get("decoded_payload")
    version = maybe_object(uplink.get("version_ids"))
    attributes = maybe_object(uplink.get("attributes"))
    places = maybe_object(uplink.get("locations"))
    simulated = message.get("simulated", False)
    if not isinstance(simulated, bool):
        raise PayloadError("bad_field", "simulated must be true or false")
    model = text(version.get("model_id"))
    return Opened(
        devices=known,
        object=None if decoded is None else an_object(decoded, "decoded_payload"),
        data=message_bytes(payload, "base64", "frm_payload"),
        facts={
            "device": known[0],
            "time": uplink.get("received_at") or message.get("received_at"),
            "seq": counter,
            "fport": port,
            "session": session,
            **best_radio(uplink.get("rx_metadata"), "snr"),
        },
        brand=text(version.get("brand_id")),
        models=(model,) if model else (),
        profile=text(attributes.get("profile")),
        asset=text(attributes.get("asset")),
        simulated=simulated,
        position=location(places.get("user")),
        dedupe=(session, counter, port, payload if payload is not None else decoded),
    )
