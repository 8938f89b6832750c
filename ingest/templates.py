"""PURE: texts with places, `icra/{endDevice.devEui}/up`, filled from a message."""

from __future__ import annotations

import re

from citybrain.kernel.errors import PayloadError
from ingest.paths import Path, Scope
from ingest.topics import valid_id

_PLACE = re.compile(r"\{([^{}]*)\}")


def fill(template: str, scope: Scope) -> str:
    """The text with every place filled. Raises PayloadError missing_field or bad_id."""

    def one(match: re.Match[str]) -> str:
        value = Path.parse(match[1]).get(scope)
        if value is None:
            raise PayloadError("missing_field", match[1])
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not valid_id(value):
            raise PayloadError("bad_id", f"{match[1]} cannot be part of an id or topic")
        return str(value)

    return _PLACE.sub(one, template)
