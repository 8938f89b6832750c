"""PURE: any other JSON: the message itself is the object, and the profile says where everything is."""

from __future__ import annotations

from typing import Any

from citybrain.kernel.errors import PayloadError
from ingest.envelopes.opened import Opened


def open_message(topic: str, document: Any) -> Opened:
    """The message as it is. Raises PayloadError not_object."""
    if not isinstance(document, dict):
        raise PayloadError("not_object", "the message is not an object")
    return Opened(object=document)
