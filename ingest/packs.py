"""PURE: a pack: many readings of many assets in one message of a gateway, `city/{city}/gateway/{gateway}/pack`.

    {"readings": [{"asset": id, "kind": kind, "ts": …, "values": {measure: value}, "seq": …, "device": …,
                   "simulated": bool, "history": bool}, …]}

Each reading is what a canonical message is, and names its asset; `kind` must be there only for an asset that the register does
not know. A reading that cannot be taken is refused alone, with its place in the pack; the others are taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import orjson

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.model import Asset, Device, Kind, Reading
from ingest import canonical
from ingest.decoded import Decoded, Refused
from ingest.payload import find_duplicates_in, has_duplicates, parse_fast
from ingest.topics import valid_id
from ingest.values import Note

_KINDS = frozenset(Kind)
_LIST = "readings"


class Pack:
    """A pack on its way. Made anew for each message."""

    __slots__ = ("_assets", "_auto", "_devices", "_dup", "_fresh", "_known", "_limits", "_received_ms")

    def __init__(
        self,
        assets: Mapping[str, Asset],
        *,
        auto: bool,
        received_ms: int,
        dup: bool,
        max_future_ms: float,
        max_age_ms: float,
    ) -> None:
        self._known, self._auto = assets, auto
        self._received_ms, self._dup, self._limits = received_ms, dup, (max_future_ms, max_age_ms)
        self._fresh: dict[str, Asset] = {}
        self._devices: list[Device] = []

    def read(self, payload: bytes) -> Decoded:
        """The readings of the pack. Raises PayloadError when it is none; what is wrong with one reading is in `refused`."""
        document = parse_fast(payload)
        if type(document) is not dict:
            raise PayloadError("not_object", f"the message is {canonical.json_kind(document)}")
        items = document.get(_LIST)
        if type(items) is not list:
            raise PayloadError("missing_field" if items is None else "bad_field", 'give the pack as "readings": [{…}, …]')
        twice = find_duplicates_in(payload, _LIST) if _suspicious(payload, document, items) else {}
        readings: list[Reading] = []
        notes: list[Note] = []
        refused: list[Refused] = []
        for place, item in enumerate(items):
            try:
                if place in twice:
                    raise PayloadError("duplicate_key", f"{twice[place][0]} stands twice in one object")
                found, more = self._one(item)
                readings.append(found)
                if more:
                    notes += more
            except PayloadError as error:
                raw = twice[place][1] if place in twice else _text(item)
                detail = f"reading {place} of {len(items)}: {error.detail}".removesuffix(": ")
                refused.append(Refused(b'{"readings":[' + raw + b"]}", error.reason, detail))
        if not items:
            return Decoded(ignored="no_data")
        return Decoded(tuple(readings), tuple(self._fresh.values()), tuple(self._devices), None, tuple(notes), tuple(refused))

    def _one(self, item: Any) -> tuple[Reading, tuple[Note, ...]]:
        if type(item) is not dict:
            raise PayloadError("not_object", f"the reading is {canonical.json_kind(item)}")
        name, kind = item.get("asset"), item.get("kind")
        asset = self._known.get(name) if type(name) is str else None
        if asset is None or (kind is not None and kind != asset.kind):
            asset = self._stranger(name, kind)
        given = canonical.values_of(item)
        # made of the reading alone: it has the same key in whatever pack it comes again
        key = int.from_bytes(blake2b(_text(item), digest_size=8).digest(), "big", signed=True)
        found, notes = canonical.reading(asset, item, given, key, self._received_ms, self._dup, *self._limits)
        if asset.provisional and asset.id not in self._known and asset.id not in self._fresh:
            # only now: a reading that is refused makes nobody known
            self._fresh[asset.id] = asset
            self._devices.append(Device(found.device, asset.id))
        return found, notes

    def _stranger(self, name: Any, kind: Any) -> Asset:
        """The asset of a reading when the register does not have it as the reading says. Raises PayloadError."""
        if name is None:
            raise PayloadError("missing_field", "asset")
        if not valid_id(name):
            raise PayloadError("bad_id", "asset")
        asset = self._known.get(name) or self._fresh.get(name)
        if asset is not None:
            if kind is not None and kind != asset.kind:
                raise PayloadError("kind_mismatch", f"{name} is a {asset.kind}, the reading says {str(kind)[:64]}")
            return asset
        if not self._auto:
            raise PayloadError("unknown_asset", name)
        if kind is None:
            raise PayloadError("missing_field", f"kind: the register does not know {name}")
        if type(kind) is not str or kind not in _KINDS:
            raise PayloadError("unknown_kind", f"{str(kind)[:64]!r} is none of {', '.join(Kind)}")
        return Asset(name, kind, provisional=True)


def _text(item: Any) -> bytes:
    """A reading as JSON. Raises PayloadError too_deep for one that is deeper than the writer of JSON goes."""
    try:
        return orjson.dumps(item)
    except orjson.JSONEncodeError as error:
        raise PayloadError("too_deep", str(error)) from None


def _suspicious(payload: bytes, document: dict[str, Any], items: list[Any]) -> bool:
    """Whether a key may stand twice in an object: the colons of the text are more than its keys and texts have.

    The quick count knows the texts that a reading usually has; only when it does not come out even everything is counted.
    """
    if b"\\" in payload:
        return True
    colons = payload.count(b":") - len(document)
    for item in items:
        if type(item) is not dict:
            continue
        colons -= len(item)
        values, stamp, name = item.get("values"), item.get("ts"), item.get("asset")
        if type(values) is dict:
            colons -= len(values)
        if type(stamp) is str:
            colons -= stamp.count(":")
        if type(name) is str:
            colons -= name.count(":")
    return colons != 0 and has_duplicates(payload, document)
