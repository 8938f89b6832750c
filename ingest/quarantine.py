"""Why a message was not taken: the closed sets of reason codes, for the table, the metric and the screen.

A *quarantined* message could not be read: it is stored with its bytes, counted and acknowledged. An *ignored* message was
understood and is no reading (a replay of a retained message, a join event…): it is counted and not stored. A *note* is a single
value that was left out of an otherwise good message.
"""

from __future__ import annotations

REASONS: dict[str, str] = {
    "empty": "the payload has no bytes",
    "too_large": "the payload is larger than 256 KB",
    "not_utf8": "the payload is not UTF-8 text",
    "not_json": "the payload is not JSON (NaN, Infinity and numbers that overflow a double are not JSON)",
    "too_deep": "the JSON is nested deeper than 64 levels",
    "duplicate_key": "an object gives the same key twice, so its meaning is not known",
    "not_object": "the JSON is not an object (or not an array where the envelope asks for one)",
    "unknown_topic": "no envelope or profile reads this topic",
    "wrong_city": "the topic names another city than the one of this program",
    "unknown_kind": "the topic names a kind of asset that does not exist",
    "kind_mismatch": "the topic or profile says another kind than the register",
    "bad_id": "an asset or device id is empty, longer than 128 characters or has characters that may not be in it",
    "unknown_asset": "the asset is not in the register and auto_register is off",
    "no_profile": "no device profile fits this device: bind one in the register, or name one in the device's tags",
    "missing_field": "a field that must be there is missing",
    "bad_field": "a field that must be right has a wrong type or value",
    "bad_time": "the time is not ISO 8601 with a zone and not epoch seconds or milliseconds",
    "time_in_future": "the time is further in the future than max_future_s",
    "time_too_old": "the time is older than max_age_s",
    "no_values": "the message brings no usable value",
    "undecodable": "the decoder of the profile cannot read the bytes",
    "bad_record": "a record in Kafka that this program cannot read, or whose content the database refuses",
    "rule_error": "the reading was good, a rule failed on it; the log has the trace",
    "internal": "the decoder failed in a way nobody foresaw; the log has the trace",
}
"""Reason codes of `PayloadError`, each with its meaning in one line."""

IGNORED: dict[str, str] = {
    "retained_replay": "the broker replayed a retained message at subscription; it is not a fresh reading",
    "not_telemetry": "a canonical topic of the city that carries no readings",
    "not_an_uplink": "a network server's event that is no uplink: join, acknowledgement, log, status",
    "no_data": "an uplink that carries no measurement: configuration, boot or empty frame",
}
"""Reasons for which a message is counted and let go."""

NOTES: dict[str, str] = {
    "wrong_type": "the value has a type that the measure cannot have",
    "out_of_range": "the value is outside of what is physically possible",
    "sentinel": "the value is the device's code for: no measurement",
    "unknown_code": "the device sends a code that the profile does not know",
    "unbound": "the device was bound to no asset at the time of this stored value",
    "bad_unit": "the unit given with the value cannot be converted to that of the measure",
    "bad_name": "the name of the value is not a name (letters, digits, _ . - and at most 64 characters)",
    "too_many": "the message brings more than 64 values",
    "bad_time": "a time of the device that is not usable; the next source of time was taken",
}
"""Reasons for which one value is left out while the others are taken."""
