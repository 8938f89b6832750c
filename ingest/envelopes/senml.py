"""PURE: SenML (RFC 8428) in JSON: an array of records with base fields.

The base name without its last `:` or `/` is the device (`urn:dev:mac:0004a30b001c0530:`); a record without a base name has the
device in `n`. A value becomes `{"value": v, "unit": u}` under its name, so that the profile converts units. Records with
different times become readings of their own. Sums and data values (`bs`, `s`, `vd`) are not read.
"""

from __future__ import annotations

from typing import Any

from citybrain.kernel.errors import PayloadError
from ingest.envelopes.opened import Opened
from ingest.topics import valid_id

RELATIVE_BELOW = 2**28
"""A time below this is relative to now (RFC 8428, section 4.5.3)."""
MAX_RECORDS = 1000
_BASES = {"bn": str, "bt": (int, float), "bu": str, "bv": (int, float)}


def open_message(topic: str, document: Any) -> Opened:
    """A SenML pack. `parts` holds the records of each time, the oldest first. Raises PayloadError."""
    if not isinstance(document, list):
        raise PayloadError("not_object", "a SenML pack is an array")
    if len(document) > MAX_RECORDS:
        raise PayloadError("too_large", f"{len(document)} records, at most {MAX_RECORDS} are read")
    base: dict[str, Any] = {"bn": "", "bt": 0, "bu": None, "bv": None}
    device: str | None = None
    packs: dict[float, dict[str, Any]] = {}
    for record in document:
        if not isinstance(record, dict):
            raise PayloadError("bad_field", "a SenML record is an object")
        _take_bases(record, base)
        value = _value(record, base["bv"])
        if value is None:
            continue
        owner, name = _split(base["bn"], record.get("n", ""))
        if device is not None and owner != device:
            raise PayloadError("bad_field", "records of two devices in one pack")
        device = owner
        moment = record.get("t", 0)
        if isinstance(moment, bool) or not isinstance(moment, int | float):
            raise PayloadError("bad_time", "t must be a number")
        unit = record.get("u", base["bu"])
        packs.setdefault(base["bt"] + moment, {})[name] = {"value": value, "unit": unit} if isinstance(unit, str) else value
    if device is None:
        return Opened(ignored="no_data")
    if not valid_id(device):
        raise PayloadError("bad_id", "bn")
    parts = tuple(
        (packs[time], {"time": time, "age_s": None} if time >= RELATIVE_BELOW else {"time": None, "age_s": min(time, 0)})
        for time in sorted(packs)
    )
    return Opened(devices=(device,), object=parts[-1][0], facts={"device": device}, parts=parts)


def _take_bases(record: dict[str, Any], base: dict[str, Any]) -> None:
    for key, kind in _BASES.items():
        if key in record:
            value = record[key]
            if isinstance(value, bool) or not isinstance(value, kind):  # type: ignore[arg-type]  # a class or a pair of them
                raise PayloadError("bad_time" if key == "bt" else "bad_field", f"{key} has a wrong type")
            base[key] = value


def _value(record: dict[str, Any], base_value: float | None) -> Any:
    """What a record gives: number (plus the base value), text or boolean; None when it gives nothing."""
    if "v" in record:
        number = record["v"]
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise PayloadError("bad_field", "v must be a number")
        return number + (base_value or 0)
    for key in ("vb", "vs"):
        if key in record:
            return record[key] if isinstance(record[key], bool | str) else None
    return None


def _split(base_name: str, name: Any) -> tuple[str, str]:
    """The device and the name of the value in base name + name."""
    if not isinstance(name, str):
        raise PayloadError("bad_field", "n must be a text")
    if base_name and name:
        return base_name.rstrip(":/"), name
    whole = base_name + name
    at = max(whole.rfind(":"), whole.rfind("/"))
    if at <= 0 or at == len(whole) - 1:
        raise PayloadError("missing_field", "a name of the form device:value")
    return whole[:at], whole[at + 1 :]
