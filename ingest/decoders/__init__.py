"""PURE: decoders for messages that need code: bytes in, a decoded object out. One folder each.

A folder has README.md (what the format is, where it was read), decoder.py with `decode(data: bytes) -> dict`, sample.json (a
message of our own as it comes over MQTT), and cases/ (bytes and what they mean, or the fault). Adding one touches nothing else
but the line in `DECODERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingest.decoders.unquoted_object import decoder as unquoted_object

DECODERS: dict[str, Callable[[bytes], dict[str, Any]]] = {
    "unquoted_object": unquoted_object.decode,
}
"""Name in a profile -> function. It raises PayloadError undecodable for bytes that it cannot read, and nothing else."""
