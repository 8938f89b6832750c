"""PURE: bytes to JSON, strictly. Everything that a parser would let pass in silence is a named fault here."""

from __future__ import annotations

import re
from typing import Any

import orjson

from citybrain.kernel.errors import PayloadError

MAX_BYTES = 256 * 1024
"""No device of the profiles sends more than 4 KB; a network server's envelope with 20 gateways stays below 32 KB."""
MAX_DEPTH = 64

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],]', re.DOTALL)


def parse(payload: bytes) -> Any:
    """The JSON document in some bytes. Raises PayloadError: empty, too_large, not_utf8, not_json, too_deep, duplicate_key."""
    document = parse_fast(payload)
    if isinstance(document, dict | list) and has_duplicates(payload, document):
        find_duplicate_key(payload)
    return document


def has_duplicates(payload: bytes, document: dict[str, Any] | list[Any]) -> bool:
    """Whether an object of the text may give a key twice: then it is worth to read the text. Raises PayloadError too_deep."""
    keys, colons = _census(document)
    return keys + colons != payload.count(b":") or b"\\" in payload


def parse_fast(payload: bytes) -> Any:
    """As `parse`, without looking for duplicate keys."""
    if len(payload) > MAX_BYTES:
        raise PayloadError("too_large", f"{len(payload)} bytes, at most {MAX_BYTES} are read")
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise _explain(payload, error) from None


def _explain(payload: bytes, error: orjson.JSONDecodeError) -> PayloadError:
    """The named fault for what the parser says."""
    if not payload:
        return PayloadError("empty")
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError as fault:
        return PayloadError("not_utf8", f"byte {fault.start} is 0x{payload[fault.start]:02x}")
    if "depth limit" in error.msg:
        return PayloadError("too_deep", f"more than {MAX_DEPTH} levels")
    return PayloadError("not_json", f"{error.msg.split(': line', 1)[0]} at character {error.pos}")


def _census(document: dict[str, Any] | list[Any]) -> tuple[int, int]:
    """The number of keys, and of colons inside of strings, in a document. Raises PayloadError too_deep.

    Keys plus colons in strings equals the colons in the text, unless the parser dropped a key that came twice.
    """
    keys = colons = depth = 0
    layer: list[Any] = [document]
    while layer:
        depth += 1
        if depth > MAX_DEPTH:
            raise PayloadError("too_deep", f"more than {MAX_DEPTH} levels")
        below: list[Any] = []
        for node in layer:
            if isinstance(node, dict):
                keys += len(node)
                for key in node:
                    colons += key.count(":")
                children: Any = node.values()
            else:
                children = node
            for child in children:
                if isinstance(child, str):
                    colons += child.count(":")
                elif isinstance(child, dict | list):
                    below.append(child)
        layer = below
    return keys, colons


def find_duplicate_key(payload: bytes) -> None:
    """Read the text of a valid JSON document token by token. Raises PayloadError duplicate_key when an object has one twice."""
    seen: list[set[str] | None] = []
    expect_key = False
    for match in _TOKEN.finditer(payload):
        token = match[0]
        if token == b"{":
            seen.append(set())
            expect_key = True
        elif token == b"[":
            seen.append(None)
            expect_key = False
        elif token in b"}]":
            seen.pop()
            expect_key = False
        elif token == b",":
            expect_key = bool(seen) and seen[-1] is not None
        elif expect_key:
            expect_key = False
            key = orjson.loads(token)
            keys = seen[-1]
            if keys is not None:
                if key in keys:
                    raise PayloadError("duplicate_key", f"{key[:64]!r} stands twice in one object")
                keys.add(key)


def find_duplicates_in(payload: bytes, name: str) -> dict[int, tuple[str, bytes]]:
    """Of the list `name` of a valid document that is an object: place of each item in which a key stands twice -> that key, and
    the item's text. Raises PayloadError duplicate_key when a key stands twice outside of the list.
    """
    found: dict[int, tuple[str, bytes]] = {}
    keys: list[set[str] | None] = []
    expect_key = False
    last = ""
    inside = False
    place = start = 0
    for match in _TOKEN.finditer(payload):
        token = match[0]
        if token in b"{[":
            inside = inside or (token == b"[" and len(keys) == 1 and last == name)
            if inside and len(keys) == 2:
                start = match.start()
            keys.append(set() if token == b"{" else None)
            expect_key = token == b"{"
        elif token in b"}]":
            keys.pop()
            expect_key = False
            if inside and len(keys) == 2 and place in found:
                found[place] = (found[place][0], payload[start : match.end()])
            inside = inside and len(keys) > 1
        elif token == b",":
            expect_key = bool(keys) and keys[-1] is not None
            place += inside and len(keys) == 2
        elif expect_key:
            expect_key = False
            key = orjson.loads(token)
            known = keys[-1]
            if known is None:
                continue
            if key in known:
                if not inside:
                    raise PayloadError("duplicate_key", f"{key[:64]!r} stands twice in one object")
                found.setdefault(place, (repr(key[:64]), b""))
            known.add(key)
            last = key if len(keys) == 1 else last
    return found
