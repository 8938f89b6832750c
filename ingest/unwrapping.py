"""PURE: a message without its envelope, as its profile sees it: which profile, which device, the decoded object."""

from __future__ import annotations

from typing import Any, NamedTuple

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.model import Flag
from citybrain.kernel.register import Register
from ingest import envelopes, topics
from ingest.binding import known_profile
from ingest.bytestexts import message_bytes
from ingest.compiled import Compiled
from ingest.decoders import DECODERS
from ingest.envelopes import Opened
from ingest.paths import Path, Scope
from ingest.payload import MAX_BYTES, parse
from ingest.registry import Profiles
from ingest.topics import valid_id
from ingest.values import Note


class Unwrapped(NamedTuple):
    """What a message is. `scope` holds the decoded object, the whole message, and the facts of the envelope."""

    compiled: Compiled
    opened: Opened
    scope: Scope
    ids: tuple[str, ...]
    """Names of the device, the best first."""
    flags: int
    seq: int | None


def unwrap(
    profiles: Profiles, register: Register, topic: str, payload: bytes, *, received_ms: int, notes: list[Note]
) -> Unwrapped | str:
    """What a message is, or the reason (of `ingest.quarantine.IGNORED`) for which it is let go. Raises PayloadError."""
    envelope = profiles.envelope(topic)
    if envelope is None:
        raise PayloadError("unknown_topic", topic[:200])
    document: Any = None
    if envelope == "raw":
        if len(payload) > MAX_BYTES:
            raise PayloadError("too_large", f"{len(payload)} bytes, at most {MAX_BYTES} are read")
        opened = Opened(data=payload)
    else:
        document = parse(payload)
        opened = envelopes.OPENERS[envelope](topic, document)
    if opened.ignored is not None:
        return opened.ignored
    known = known_profile(register, opened.devices, received_ms)
    compiled = profiles.find(topic, envelope, opened, known)
    opened.facts.update(_captures(compiled, topic))
    content = _content(compiled, opened, document)
    if content is None:
        return "no_data"
    scope = Scope(content, document, opened.facts)
    ids = opened.devices or _device(compiled.device, scope)
    opened.facts.setdefault("device", ids[0])
    flags = int(Flag.SIMULATED) if opened.simulated or _simulated(compiled.simulated, scope) else 0
    return Unwrapped(compiled, opened, scope, ids, flags, _sequence(compiled.seq, scope, notes))


def _captures(compiled: Compiled, topic: str) -> dict[str, str]:
    """The levels of the topic behind the wildcards of the profile's filter: topic1, topic2…"""
    for pattern in compiled.profile.topics:
        found = topics.captures(pattern, topic)
        if found is not None:
            return {f"topic{place}": level for place, level in enumerate(found, 1)}
    return {}


def _content(compiled: Compiled, opened: Opened, document: Any) -> dict[str, Any] | None:
    """The decoded object; None when the message carries none and no bytes either. Raises PayloadError."""
    content = opened.object
    decoder = compiled.profile.decoder
    if decoder is not None:
        data = opened.data
        if compiled.data is not None and compiled.profile.data is not None:
            scope = Scope(content, document, opened.facts)
            data = message_bytes(compiled.data.get(scope), compiled.profile.data.encoding, compiled.data.text)
        if not data:
            return None
        content = DECODERS[decoder](data)
    elif content is None:
        if not opened.data:
            return None
        raise PayloadError(
            "undecodable", "the server sends bytes only: give the device a codec there, or the profile a decoder"
        )
    if compiled.unwrap is not None:
        inner = compiled.unwrap.get(Scope(content, document, opened.facts))
        content = inner if inner is not None else content
    if not isinstance(content, dict):
        raise PayloadError("not_object", "the decoded message is not an object")
    return content


def _device(path: Path | None, scope: Scope) -> tuple[str, ...]:
    value = path.get(scope) if path is not None else None
    if value is None:
        raise PayloadError("missing_field", path.text if path is not None else "device")
    if type(value) is int:
        value = str(value)
    if not valid_id(value):
        raise PayloadError("bad_id", "device")
    return (value,)


def _simulated(path: Path | None, scope: Scope) -> bool:
    value = path.get(scope) if path is not None else None
    if value is None or isinstance(value, bool):
        return bool(value)
    raise PayloadError("bad_field", f"{path.text if path else 'simulated'} must be true or false")


def _sequence(path: Path | None, scope: Scope, notes: list[Note]) -> int | None:
    """The profile's sequence number, else the envelope's."""
    value = path.get(scope) if path is not None else None
    if value is None:
        value = scope.facts.get("seq")
    if value is None:
        return None
    if type(value) is int and 0 <= value < 2**63:
        return value
    notes.append(Note("seq", "wrong_type"))
    return None
