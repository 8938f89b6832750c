"""PURE: records of the compacted topic `register`: assets, devices and the rulebook, the newest of each key.

    asset:ID    {"v": 1, "version": n, "asset": {…}}
    device:ID   {"v": 1, "version": n, "devices": [{…}, …]}        all bindings of the device
    rulebook    {"v": 1, "version": n, "rulebook": "hash", "files": [{"name": "…", "text": "…"}, …]}
    published   {"v": 1, "version": n}        everything up to this version stands before this record

`version` is that of the register in the database; for the rulebook it counts nothing and is 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.model import Asset, Device
from citybrain.topics.records import VERSION, asset_of, asset_plain, device_of, device_plain

RULEBOOK: Final = b"rulebook"
PUBLISHED: Final = b"published"


class RulebookText(NamedTuple):
    """A rulebook as its files, and the version (hash) that they give."""

    version: str
    files: tuple[tuple[str, str], ...]
    """(name, YAML) in the order in which later files lie over earlier ones"""


class Changed(NamedTuple):
    """What one record says: one of the three is given, or none: then everything up to `version` was told before."""

    version: int
    asset: Asset | None = None
    devices: tuple[str, tuple[Device, ...]] | None = None
    """(id of the device, all its bindings)"""
    rulebook: RulebookText | None = None


def of_register(
    version: int, assets: Sequence[Asset], devices: Mapping[str, Sequence[Device]]
) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of the records for some assets and devices."""
    for asset in assets:
        yield f"asset:{asset.id}".encode(), orjson.dumps({"v": VERSION, "version": version, "asset": asset_plain(asset)})
    for device, bindings in devices.items():
        plain = [device_plain(one) for one in bindings]
        yield f"device:{device}".encode(), orjson.dumps({"v": VERSION, "version": version, "devices": plain})


def of_rulebook(text: RulebookText) -> tuple[bytes, bytes]:
    """Key and value of the record for a rulebook."""
    files = [{"name": name, "text": content} for name, content in text.files]
    return RULEBOOK, orjson.dumps({"v": VERSION, "version": 0, "rulebook": text.version, "files": files})


def of_version(version: int) -> tuple[bytes, bytes]:
    """Key and value of the record that says that everything up to a version of the register has been told."""
    return PUBLISHED, orjson.dumps({"v": VERSION, "version": version})


def read(key: bytes, value: bytes) -> Changed:
    """What a record says. Raises PayloadError `bad_record` for what is none of these."""
    try:
        plain: dict[str, Any] = orjson.loads(value)
        if plain["v"] != VERSION:
            raise PayloadError("bad_record", f"version {plain['v']!r}, this program reads {VERSION}")
        version = int(plain["version"])
        kind, _, id = key.decode().partition(":")
        if kind == "asset":
            return Changed(version, asset=asset_of(plain["asset"]))
        if kind == "device":
            return Changed(version, devices=(id, tuple(device_of(one) for one in plain["devices"])))
        if key == PUBLISHED:
            return Changed(version)
        if key == RULEBOOK:
            files = tuple((one["name"], one["text"]) for one in plain["files"])
            return Changed(version, rulebook=RulebookText(plain["rulebook"], files))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise PayloadError("bad_record", f"not a record of the register: {type(error).__name__}: {error}") from error
    raise PayloadError("bad_record", f"unknown key {key[:80]!r}")
