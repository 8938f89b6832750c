"""PURE: one shard's judge. Readings and the passing of time go in, alert events come out; its state can be saved anywhere.

The same log of `step` and `tick` calls gives the same events, byte for byte, also when it is cut anywhere by `dump` and `load`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from citybrain.kernel.events import AlertEvent
from citybrain.kernel.ids import message_key, shard_of
from citybrain.kernel.model import Asset, Flag, Kind, Reading
from rules import checkpoint
from rules.detectors.base import Bad
from rules.keeper import Keeper
from rules.plan import Condition, Plan, Planner
from rules.rain import RainHistory
from rules.rulebook import Rulebook
from rules.state import AssetState

VERSION: Final = "1"
"""Version of the detectors and of the state: raised when the same input would give other events."""

_RAIN_GAUGE: Final = str(Kind.RAIN_GAUGE)
_SIMULATED: Final = int(Flag.SIMULATED)


class Fate(IntEnum):
    """What became of a reading."""

    FRESH = 0
    """New, in order, and judged (unless it is simulated or its asset unknown)."""
    DUPLICATE = 1
    """Heard before: forget it."""
    LATE = 2
    """Older than what was judged already: keep it, and judge the asset again from the archive."""
    CONTEXT = 3
    """Of another shard: heard for its rain only."""


FRESH, DUPLICATE, LATE, CONTEXT = Fate.FRESH, Fate.DUPLICATE, Fate.LATE, Fate.CONTEXT


class StepResult(NamedTuple):
    """Fates stand parallel to the readings."""

    fates: list[Fate]
    events: list[AlertEvent]


class Engine:
    """The judge of one shard (0..31). `asset_of` gives the register's asset, or None for one that is not known."""

    VERSION: Final = VERSION

    def __init__(self, shard: int, rulebook: Rulebook, asset_of: Callable[[str], Asset | None]) -> None:
        self.shard = shard
        self.rulebook = rulebook
        self._asset_of = asset_of
        self._rain = RainHistory()
        self._planner = Planner(rulebook, self._rain)
        self._states: dict[str, AssetState] = {}
        self._keeper = Keeper(self._states, rulebook.version)

    def step(self, readings: Sequence[Reading]) -> StepResult:
        """Judges readings in the order of the log. Timers of an asset that are due by a reading's time run before it."""
        fates = [FRESH] * len(readings)
        events: list[AlertEvent] = []
        states = self._states
        for index, (asset, _, device, at, _, values, _, key, window, flags) in enumerate(readings):
            state = states.get(asset)
            if state is None:
                state = self._meet(readings[index])
                if state is None:
                    fates[index] = self._unjudged(readings[index])
                    continue
            if device != asset:
                key = message_key(readings[index])
            if window or at <= state.floor or flags & _SIMULATED:
                fate = self._fate(state, readings[index], key)
                if fate is not FRESH:
                    fates[index] = fate
                    continue
            if flags & _SIMULATED:
                state.remember_aside(at, key)
                if at < state.newest and state.floor == state.newest - 1:
                    # Met by a test uplink, and nothing real heard yet: known since the oldest of them, whichever came first.
                    state.newest, state.floor = at, at - 1
                    self._keeper.arm(state)
                continue
            if at >= state.due:
                self._keeper.on_time(state, at, events)
            ring, pos = state.ring, state.pos
            ring[pos] = at
            ring[pos + 1] = key
            state.pos = (pos + 2) % len(ring)
            state.newest = state.floor = at
            if state.active is not None:
                self._keeper.judge(state, at, values, events)
                if state.plan.gauge:
                    self._hear(readings[index])
                continue
            memory, plan = state.memory, state.plan
            judges = iter(plan.shapes.get(tuple(values)) or plan.judges_for(values))
            found: list[tuple[Condition, Bad]] | None = None
            while True:
                try:
                    for condition, observe in judges:
                        verdict = observe(values, at, memory)
                        if verdict:
                            found = [*(found or ()), (condition, verdict)]
                    break
                except TypeError:
                    # A text where a number belongs says nothing to that condition; the iterator goes on with the next.
                    continue
            if found is not None:
                for condition, bad in found:
                    self._keeper.verdict(state, condition, bad, at, values, events)
            if plan.gauge:
                self._hear(readings[index])
        return StepResult(fates, events)

    def tick(self, now_ms: int) -> list[AlertEvent]:
        """What the clock alone can see until `now_ms`, in order of (due, asset, condition)."""
        return self._keeper.tick(now_ms)

    def use(self, rulebook: Rulebook) -> None:
        """Takes a new rulebook. What the conditions remember stays; episodes of one that is gone end at the next tick."""
        self.rulebook = rulebook
        self._keeper.version = rulebook.version
        self._planner = Planner(rulebook, self._rain)
        for asset in list(self._states):
            self.refresh(asset)

    def refresh(self, asset: str) -> None:
        """The register's row of an asset has changed: its numbers are read again, its memory stays."""
        state = self._states.get(asset)
        if state is None:
            return
        known = self._asset_of(asset)
        plan = self._planner.plan(known) if known is not None else Plan(state.plan.kind, ())
        state.memory = checkpoint.moved(state.memory, state.plan.layout, plan, known)
        state.plan = plan
        self._keeper.arm(state)

    def dump(self) -> bytes:
        """The whole state. The same state gives the same bytes."""
        return checkpoint.write(self._states.values(), self._rain, VERSION)

    def load(self, data: bytes) -> None:
        """Takes a state that `dump` gave, in place of the present one. Raises ConfigError when it is no such state."""
        self._states.clear()
        self._keeper.clear()
        self._rain.districts.clear()
        self._planner = Planner(self.rulebook, self._rain)
        checkpoint.read_rain(data, self._rain)
        for state in checkpoint.read_states(data, self._planner, self._asset_of):
            self._states[state.id] = state
            self._keeper.arm(state)

    def dump_asset(self, asset: str) -> bytes:
        """The state of one asset alone (b"" when it was never heard)."""
        state = self._states.get(asset)
        return b"" if state is None else checkpoint.write([state], RainHistory(), VERSION)

    def adopt(self, asset: str, data: bytes) -> None:
        """Takes the state of one asset from `dump_asset` or from re-judging, in place of its present one."""
        self._states.pop(asset, None)
        for state in checkpoint.read_states(data, self._planner, self._asset_of) if data else ():
            self._states[state.id] = state
            self._keeper.arm(state)

    def rename(self, asset: str, names: Mapping[str, tuple[str, int]]) -> None:
        """Gives open episodes of an asset the id and onset (ms) under which they are known already, by their id here."""
        state = self._states.get(asset)
        for episode in (state.active or {}).values() if state is not None else ():
            if episode.id in names:
                episode.id, episode.onset_ms = names[episode.id]

    def assets(self) -> int:
        """How many assets it remembers."""
        return len(self._states)

    # Readings off the straight way

    def _meet(self, reading: Reading) -> AssetState | None:
        """The state of an asset that is heard for the first time; None when it is not ours to judge."""
        if reading.kind == _RAIN_GAUGE and shard_of(reading.asset) != self.shard:
            return None
        asset = self._asset_of(reading.asset)
        if asset is None:
            return None
        plan = self._planner.plan(asset)
        state = AssetState(asset.id, plan, plan.memory(asset), reading.observed_ms)
        self._states[asset.id] = state
        self._keeper.arm(state)
        return state

    def _unjudged(self, reading: Reading) -> Fate:
        if reading.kind != _RAIN_GAUGE or shard_of(reading.asset) == self.shard:
            return FRESH
        if not reading.flags & _SIMULATED:
            self._hear(reading)
        return CONTEXT

    def _fate(self, state: AssetState, reading: Reading, key: int) -> Fate:
        at, window = reading.observed_ms, reading.window_ms
        if state.heard_before(at, key, window):
            return DUPLICATE
        state.make_room(window, max(at, state.newest))
        if reading.flags & _SIMULATED or not state.out_of_order(at, key):
            return FRESH
        state.remember_aside(at, key)
        if state.plan.gauge:
            self._hear(reading)
        return LATE

    def _hear(self, reading: Reading) -> None:
        asset = self._asset_of(reading.asset)
        self._rain.hear(asset.district if asset else None, reading)
