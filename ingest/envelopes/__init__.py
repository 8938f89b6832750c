"""PURE: what network servers wrap around the message of a device. `open_envelope` makes every wrapping look the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingest.envelopes import chirpstack, json, senml, tts
from ingest.envelopes.opened import Opened

OPENERS: dict[str, Callable[[str, Any], Opened]] = {
    "chirpstack": chirpstack.open_message,
    "tts": tts.open_message,
    "senml": senml.open_message,
    "json": json.open_message,
}
"""Name in a profile -> function of (topic, document). Raises PayloadError for what the envelope cannot be."""

TOPICS: dict[str, str] = {"chirpstack": chirpstack.TOPIC, "tts": tts.TOPIC}
"""Topic filters of the network servers; the other envelopes come on topics that the profile names."""

__all__ = ["OPENERS", "TOPICS", "Opened"]
