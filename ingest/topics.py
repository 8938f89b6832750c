"""PURE: MQTT topics: the canonical ones, filters, and captures of the levels behind wildcards."""

from __future__ import annotations

from functools import lru_cache

CANONICAL = "city/{city}/{kind}/{asset}/telemetry"
PACKS = "city/{city}/gateway/{gateway}/pack"
MAX_ID = 128
_FORBIDDEN = frozenset("/+#\x00")
_FOLDERS = frozenset({".", ".."})


def subscription(city: str) -> str:
    """The filter that gets the readings of all assets of a city."""
    return f"city/{city}/+/+/telemetry"


def packs_subscription(city: str) -> str:
    """The filter that gets the packs of all gateways of a city."""
    return f"city/{city}/gateway/+/pack"


def valid_id(text: object) -> bool:
    """Whether an id may name an asset or device: 1..128 printable characters, not blank at an end, none of `/ + #` and NUL.

    Ids become topic levels, database keys and parts of URLs, where `.` and `..` mean a folder. A device id may hold a `:`
    between device and channel.
    """
    return (
        isinstance(text, str)
        and 0 < len(text) <= MAX_ID
        and text.isprintable()
        and not text[0].isspace()
        and not text[-1].isspace()
        and _FORBIDDEN.isdisjoint(text)
        and text not in _FOLDERS
    )


def check_filter(pattern: str) -> str | None:
    """What is wrong with an MQTT topic filter; None when it is right (MQTT 5, section 4.7)."""
    if not pattern or "\x00" in pattern:
        return "a topic filter has at least one character and no NUL"
    levels = pattern.split("/")
    for place, level in enumerate(levels):
        if "#" in level and (level != "#" or place != len(levels) - 1):
            return f"'#' may only be the whole last level of {pattern!r}"
        if "+" in level and level != "+":
            return f"'+' must be a whole level of {pattern!r}"
    return None


@lru_cache(maxsize=512)
def _levels(pattern: str) -> tuple[tuple[str, ...], bool]:
    """The levels of a filter before a final `#`, and whether there is one."""
    levels = tuple(pattern.split("/"))
    return (levels[:-1], True) if levels[-1] == "#" else (levels, False)


def captures(pattern: str, topic: str) -> tuple[str, ...] | None:
    """What the `+` levels of a filter stand for in a topic; None when it does not match.

    A topic that begins with `$` is not matched by a wildcard in first place (MQTT 5, section 4.7.2).
    """
    levels, open_end = _levels(pattern)
    parts = topic.split("/")
    if len(parts) < len(levels) or (not open_end and len(parts) != len(levels)):
        return None
    if topic.startswith("$") and (not levels or levels[0] == "+"):
        return None
    found = []
    for level, part in zip(levels, parts, strict=False):
        if level == "+":
            found.append(part)
        elif level != part:
            return None
    return tuple(found)


def matches(pattern: str, topic: str) -> bool:
    """Whether a topic filter matches a topic."""
    return captures(pattern, topic) is not None
