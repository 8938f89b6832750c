"""PURE: the readings of a message of a device with a profile: values, times, dedupe keys, assets."""

from __future__ import annotations

from typing import Any

import orjson

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.ids import content_hash
from citybrain.kernel.model import Flag, Reading, Value
from citybrain.kernel.register import Register
from ingest.binding import Bound, bound_asset, new_binding
from ingest.canonical import REDELIVERY_WINDOW_MS
from ingest.compiled import CompiledFrame
from ingest.decoded import Decoded
from ingest.mapping import read_values
from ingest.observed import Times
from ingest.paths import Scope
from ingest.registry import Profiles
from ingest.topics import valid_id
from ingest.unwrapping import unwrap
from ingest.values import Note, derive_levels

UPLINK_WINDOW_MS = 600_000
"""An uplink with the same session, counter, port and bytes within this time is the same one, repeated by device or gateways.

A confirmed uplink is repeated within seconds to a minute; a device whose counter starts anew in the same session does so after
a reboot and a new join, which changes the session.
"""
MAX_ITEMS = 500


class Message:
    """One message on its way through its profile. Made anew for each message."""

    def __init__(
        self,
        profiles: Profiles,
        register: Register,
        *,
        auto: bool,
        times: Times,
        dup: bool,
    ) -> None:
        self._profiles, self._register, self._auto = profiles, register, auto
        self._times, self._received_ms, self._dup = times, times.received_ms, dup
        self._notes: list[Note] = []
        self._readings: list[Reading] = []
        self._bound: dict[str, Bound] = {}

    def read(self, topic: str, payload: bytes) -> Decoded:
        """The readings of the message. Raises PayloadError."""
        message = unwrap(self._profiles, self._register, topic, payload, received_ms=self._received_ms, notes=self._notes)
        if isinstance(message, str):
            return Decoded(ignored=message)
        self._message, self._payload = message, payload
        parts = message.opened.parts or ((message.scope.object, {}),)
        for number, (item, facts) in enumerate(parts):
            known = message.opened.facts
            self._main(number, Scope(item, message.scope.message, {**known, **facts} if facts else known))
        for frame in message.compiled.frames:
            self._frame(frame)
        return self._result()

    def _main(self, number: int, scope: Scope) -> None:
        """The reading of the message itself."""
        values, notes = read_values(self._message.compiled.rules, scope)
        self._notes += notes
        if not values:
            return
        for name, fact in (("rssi_dbm", "rssi"), ("snr_db", "snr")):
            if name not in values and fact in scope.facts:
                values[name] = scope.facts[fact]
        missing = [name for name in self._message.compiled.profile.required if name not in values]
        if missing:
            wrong = {note.name for note in notes}
            raise PayloadError("bad_field" if missing[0] in wrong else "missing_field", ", ".join(missing))
        observed_ms, flags = self._times.of([(path, scope) for path in self._message.compiled.time], scope, self._notes)
        self._add(self._message.ids, values, observed_ms, flags, ("main", number), scope)

    def _frame(self, compiled: CompiledFrame) -> None:
        """The readings of a list in the message."""
        items = compiled.each.get(self._message.scope)
        if items is None:
            return
        if not isinstance(items, list):
            raise PayloadError("bad_field", f"{compiled.each.text} must be a list")
        if len(items) > MAX_ITEMS:
            raise PayloadError("too_large", f"{compiled.each.text} has {len(items)} items, at most {MAX_ITEMS} are read")
        for number, item in enumerate(items):
            scope = Scope(item, self._message.scope.message, self._message.opened.facts)
            ids = self._channel(compiled, scope)
            if ids is None:
                continue
            values, notes = read_values(compiled.rules, scope)
            self._notes += notes
            if not values:
                continue
            try:
                if compiled.frame.history:
                    observed_ms, flags = self._times.own(compiled.time, scope), int(Flag.HISTORY)
                    name: tuple[Any, ...] = ("history", item)
                else:
                    # the item's own time, else that of the message
                    places = [
                        *((path, scope) for path in compiled.time),
                        *((path, self._message.scope) for path in self._message.compiled.time),
                    ]
                    observed_ms, flags = self._times.of(places, scope, self._notes)
                    name = (compiled.each.text, number)
                self._add(ids, values, observed_ms, flags, name, scope)
            except PayloadError as error:
                # one stored value with a bad time, or of a time when the device was elsewhere, does not spoil the others
                if not compiled.frame.history:
                    raise
                self._notes.append(Note(compiled.each.text, "unbound" if error.reason == "unknown_asset" else "bad_time"))

    def _channel(self, compiled: CompiledFrame, scope: Scope) -> tuple[str, ...] | None:
        """The ids of the device of an item: `device:channel` first. None: the channel is not read."""
        if compiled.channel is None:
            return self._message.ids
        channel = compiled.channel.get(scope)
        if channel is None:
            return self._message.ids
        if not isinstance(channel, str | int) or not valid_id(str(channel)):
            raise PayloadError("bad_field", f"{compiled.channel.text} is no channel")
        if str(channel) in compiled.frame.skip:
            return None
        return (*(f"{name}:{channel}" for name in self._message.ids), *self._message.ids)

    def _add(
        self, ids: tuple[str, ...], values: dict[str, Value], observed_ms: int, flags: int, name: tuple[Any, ...], scope: Scope
    ) -> None:
        bound = self._bind(ids, observed_ms, scope)
        asset = bound.asset
        derive_levels(values, asset)
        key, window_ms = self._key(name, flags)
        self._readings.append(
            Reading(
                asset.id,
                asset.kind,
                bound.device,
                observed_ms,
                self._received_ms,
                values,
                self._message.seq,
                key,
                window_ms,
                flags | self._message.flags,
            )
        )

    def _bind(self, ids: tuple[str, ...], observed_ms: int, scope: Scope) -> Bound:
        bound = bound_asset(self._register, ids, observed_ms)
        if bound is not None:
            return bound
        # an unknown device: whatever its channels, it is one new asset
        device = self._message.ids[0]
        if device not in self._bound:
            self._bound[device] = new_binding(
                self._register, self._message.compiled.profile, self._message.opened, device, self._message.scope, self._auto
            )
        return self._bound[device]

    def _key(self, name: tuple[Any, ...], flags: int) -> tuple[int, int]:
        """Dedupe key and window. A stored value is named by itself: it is the same in whatever message it comes again."""
        if flags & Flag.HISTORY:
            return content_hash(orjson.dumps(name)), 0
        fields = [path.get(self._message.scope) for path in self._message.compiled.dedupe]
        if any(field is not None for field in fields):
            return content_hash(orjson.dumps([name, fields])), self._message.compiled.window_ms
        if self._message.opened.dedupe is not None:
            return content_hash(orjson.dumps([name, self._message.opened.dedupe])), UPLINK_WINDOW_MS
        window_ms = REDELIVERY_WINDOW_MS if self._dup and flags & Flag.NO_DEVICE_TIME else 0
        return content_hash(orjson.dumps(name) + self._payload), window_ms

    def _result(self) -> Decoded:
        if not self._readings:
            # a device that says "n/a" of all that it could have measured sends no data, and nothing wrong
            if any(note.code != "sentinel" for note in self._notes):
                raise PayloadError("no_values", "; ".join(f"{note.name} {note.code}" for note in self._notes[:8]))
            return Decoded(ignored="no_data")
        new = tuple(self._bound.values())
        return Decoded(
            tuple(self._readings),
            tuple(bound.new_asset for bound in new if bound.new_asset is not None),
            tuple(bound.new_device for bound in new if bound.new_device is not None),
            None,
            tuple(self._notes),
        )
