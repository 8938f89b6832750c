"""PURE: `{id:"a1",T:[17.4,16.9],over:0,tx:1121}` to an object: JSON, but for its keys."""

from __future__ import annotations

import re
from typing import Any

import orjson

from citybrain.kernel.errors import PayloadError

MAX_BYTES = 4096
"""A LoRaWAN frame has at most 242 bytes; text frames of other networks stay far below this."""
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}(?=\s*:)")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def decode(data: bytes) -> dict[str, Any]:
    """The object in some bytes. Raises PayloadError undecodable."""
    if len(data) > MAX_BYTES:
        raise PayloadError("undecodable", f"{len(data)} bytes, at most {MAX_BYTES} are read")
    try:
        text = data.decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise PayloadError(
            "undecodable", f"byte {error.start} is 0x{data[error.start]:02x}, not a character of ASCII"
        ) from None
    if not (text.startswith("{") and text.endswith("}")):
        raise PayloadError("undecodable", "it is not {…}")
    try:
        found = orjson.loads(_quote(text))
    except orjson.JSONDecodeError as error:
        raise PayloadError("undecodable", f"{error.msg.split(': line', 1)[0]} near character {error.pos}") from None
    if not isinstance(found, dict):
        raise PayloadError("undecodable", "it is not an object")
    return found


def _quote(text: str) -> str:
    """The text with its bare keys in quotes. Strings are passed over, so a colon within one is no key. Keys must be unique."""
    parts: list[str] = []
    at = depth = 0
    seen: list[set[str]] = []
    while at < len(text):
        char = text[at]
        if char == '"':
            match = _STRING.match(text, at)
            if match is None:
                raise PayloadError("undecodable", "a string does not end")
            parts.append(match[0])
            at = match.end()
            continue
        key = _KEY.match(text, at) if depth and (char.isalpha() or char == "_") else None
        if key is not None:
            if key[0] in seen[-1]:
                raise PayloadError("undecodable", f"key {key[0]} stands twice")
            seen[-1].add(key[0])
            parts.append(f'"{key[0]}"')
            at = key.end()
            continue
        if char in "{[":
            depth += 1
            seen.append(set())
        elif char in "}]":
            depth -= 1
            if depth < 0:
                raise PayloadError("undecodable", "a bracket closes nothing")
            seen.pop()
        parts.append(char)
        at += 1
    return "".join(parts)
