"""A message of the broker to readings, or to the named reason why not. No I/O, no clock.

What happens to a message that is only partly good: a bad value is left out and noted while other values remain; the whole
message goes to quarantine when no usable value remains, or when something that decides what the message *is* is wrong (asset,
device, time, `simulated`, `history`, or a field that the profile declares as required).
"""

from __future__ import annotations

import logging

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.model import Asset, Device, Kind
from citybrain.kernel.register import Register
from ingest import canonical, topics
from ingest.decoded import Decoded
from ingest.observed import Times
from ingest.packs import Pack
from ingest.profiled import Message
from ingest.registry import Profiles

__all__ = ["Decoded", "Decoder"]
log = logging.getLogger(__name__)

_KINDS = frozenset(Kind)


RETAINED = Decoded(ignored="retained_replay")


class Decoder:
    """Turns messages into readings with the register as it is now.

    The caller puts `new_assets` and `new_devices` into the register once they are stored; until then they are given again.
    """

    def __init__(
        self,
        profiles: Profiles,
        register: Register,
        *,
        city: str,
        auto_register: bool,
        max_future_s: float,
        max_age_s: float,
    ) -> None:
        self.register = register
        self._profiles = profiles
        self._city = city
        self._auto = auto_register
        self._max_future_ms = max_future_s * 1000
        self._max_age_ms = max_age_s * 1000

    def decode(self, topic: str, payload: bytes, *, received_ms: int, retained: bool = False, dup: bool = False) -> Decoded:
        """The readings in one message. Raises PayloadError, and nothing else, for what cannot be read."""
        if retained:
            return RETAINED
        try:
            if topic.startswith("city/"):
                return self._canonical(topic, payload, received_ms, dup)
            message = Message(
                self._profiles,
                self.register,
                auto=self._auto,
                times=Times(received_ms, self._max_future_ms, self._max_age_ms),
                dup=dup,
            )
            return message.read(topic, payload)
        except PayloadError:
            raise
        except Exception as error:
            # nobody foresaw it; a bad message must still harm only itself
            log.exception("a message on %s broke the decoder", topic[:200])
            raise PayloadError("internal", f"{type(error).__name__}: {str(error)[:200]}") from error

    def _canonical(self, topic: str, payload: bytes, received_ms: int, dup: bool) -> Decoded:
        parts = topic.split("/")
        if len(parts) != 5:
            raise PayloadError("unknown_topic", f"{topic[:200]}; readings come on {topics.CANONICAL} or {topics.PACKS}")
        _, city, kind, name, leaf = parts
        pack = leaf == "pack" and kind == Kind.GATEWAY
        if leaf != "telemetry" and not pack:
            return Decoded(ignored="not_telemetry")
        if city != self._city:
            raise PayloadError("wrong_city", f"{city[:64]!r} is not {self._city!r}")
        if pack:
            return self._pack(name, payload, received_ms, dup)
        asset = self.register.assets.get(name)
        fresh: tuple[Asset, ...] = ()
        devices: tuple[Device, ...] = ()
        if asset is None:
            if kind not in _KINDS:
                raise PayloadError("unknown_kind", f"{kind[:64]!r} is none of {', '.join(Kind)}")
            if not topics.valid_id(name):
                raise PayloadError("bad_id", "asset")
            if not self._auto:
                raise PayloadError("unknown_asset", name)
            asset = Asset(name, kind, provisional=True)
            fresh = (asset,)
        elif asset.kind != kind:
            raise PayloadError("kind_mismatch", f"{name} is a {asset.kind}, the topic says {kind[:64]}")
        reading, notes = canonical.read(
            asset,
            payload,
            received_ms=received_ms,
            dup=dup,
            max_future_ms=self._max_future_ms,
            max_age_ms=self._max_age_ms,
        )
        if fresh:
            devices = (Device(reading.device, name),)
        return Decoded((reading,), fresh, devices, None, notes)

    def _pack(self, gateway: str, payload: bytes, received_ms: int, dup: bool) -> Decoded:
        if not topics.valid_id(gateway):
            raise PayloadError("bad_id", "gateway")
        pack = Pack(
            self.register.assets,
            auto=self._auto,
            received_ms=received_ms,
            dup=dup,
            max_future_ms=self._max_future_ms,
            max_age_ms=self._max_age_ms,
        )
        return pack.read(payload)
