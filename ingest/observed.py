"""PURE: when a reading was measured: the first source of time that gives a usable one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.model import Flag
from ingest.canonical import check_time
from ingest.moments import moment_ms
from ingest.paths import Path, Scope
from ingest.values import Note

NETWORK_TIME = Path.parse("@time")


class Times(NamedTuple):
    """What a time must lie between, in ms around the receipt."""

    received_ms: int
    max_future_ms: float
    max_age_ms: float

    def of(self, places: Sequence[tuple[Path, Scope]], scope: Scope, notes: list[Note]) -> tuple[int, int]:
        """Time and flags: of the places in their order, then of the network server, then the receipt.

        A place whose time cannot be used is noted and passed over. Raises PayloadError when there are times and all are wrong.
        """
        fault: PayloadError | None = None
        seen = set()
        for path, place in (*places, (NETWORK_TIME, scope)):
            raw = path.get(place)
            if raw is None or (path, id(place.object)) in seen:
                continue
            seen.add((path, id(place.object)))
            try:
                return self.checked(moment_ms(raw)), 0
            except PayloadError as error:
                fault = error
                notes.append(Note(path.text[:64], "bad_time"))
        if fault is not None:
            raise fault
        age_s = scope.facts.get("age_s")
        if age_s:
            return self.checked(self.received_ms + round(age_s * 1000)), 0
        return self.received_ms, int(Flag.NO_DEVICE_TIME)

    def own(self, paths: Sequence[Path], scope: Scope) -> int:
        """The time of a stored value, which must be its own. Raises PayloadError."""
        for path in paths:
            raw = path.get(scope)
            if raw is not None:
                return self.checked(moment_ms(raw))
        raise PayloadError("bad_time", "a stored value without its time")

    def checked(self, observed_ms: int) -> int:
        """The time, when it can be. Raises PayloadError time_in_future or time_too_old."""
        check_time(observed_ms, self.received_ms, self.max_future_ms, self.max_age_ms)
        return observed_ms
