"""PURE: a profile made ready for use: its paths parsed, its rules in order."""

from __future__ import annotations

from typing import NamedTuple

from ingest.mapping import Rule, compile_rules
from ingest.paths import Path
from ingest.profile import Frame, Profile


class CompiledFrame(NamedTuple):
    """A list of the message whose items are readings."""

    frame: Frame
    each: Path
    time: tuple[Path, ...]
    channel: Path | None
    rules: tuple[Rule, ...]


class Compiled:
    """A profile whose paths are parsed once."""

    __slots__ = ("data", "dedupe", "device", "frames", "profile", "rules", "seq", "simulated", "time", "unwrap", "window_ms")

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.rules = compile_rules(profile.values)
        self.time = tuple(Path.parse(path) for path in profile.time)
        self.device = _optional(profile.device)
        self.unwrap = _optional(profile.unwrap)
        self.data = _optional(profile.data.path if profile.data else None)
        self.seq = _optional(profile.seq)
        self.simulated = _optional(profile.simulated)
        self.dedupe = tuple(Path.parse(path) for path in profile.dedupe.fields) if profile.dedupe else ()
        self.window_ms = round(profile.dedupe.window_s * 1000) if profile.dedupe else 0
        self.frames = tuple(
            CompiledFrame(
                frame,
                Path.parse(frame.each),
                tuple(Path.parse(path) for path in frame.time or ()),
                _optional(frame.channel),
                self.rules if frame.values is None else compile_rules(frame.values),
            )
            for frame in profile.frames
        )


def _optional(path: str | None) -> Path | None:
    return Path.parse(path) if path is not None else None
