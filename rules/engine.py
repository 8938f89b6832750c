"""PURE: one shard's judge. Readings and the passing of time go in, alert events come out; its state can be saved anywhere.

The same log of `step` and `tick` calls gives the same events, byte for byte, also when it is cut anywhere by `dump` and `load`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from heapq import heappop, heappush
from typing import Final, NamedTuple

from citybrain.kernel.events import AlertChange, AlertEvent, AlertPhase, Evidence
from citybrain.kernel.ids import alert_id, shard_of
from citybrain.kernel.model import Asset, Flag, Kind, Reading, Value
from citybrain.kernel.times import iso
from rules import checkpoint
from rules.detectors.base import UNSURE as UNSURE_VERDICT
from rules.detectors.base import Bad
from rules.detectors.no_data import silent
from rules.detectors.words import name_of, span, with_unit
from rules.lifecycle import BAD, FIRING, GOOD, LASTED, PENDING, REMOVED, RESOLVED, UNSURE, Episode, Signal, due, feed, move
from rules.plan import Condition, Plan, Planner
from rules.rain import RainHistory
from rules.rulebook import Rulebook
from rules.state import NEVER, AssetState, message_key

VERSION: Final = "1"
"""Version of the detectors and of the state: raised when the same input would give other events."""

MOST_EVIDENCE: Final = 6
"""Values that an event carries at most: the last ones before the decision."""

_PHASE_AFTER: Final = {
    AlertChange.RAISED: AlertPhase.FIRING,
    AlertChange.REFIRED: AlertPhase.FIRING,
    AlertChange.FLAPPING: AlertPhase.FIRING,
    AlertChange.CLEARING: AlertPhase.CLEARING,
    AlertChange.RESOLVED: AlertPhase.RESOLVED,
}
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
        self._heap: list[tuple[int, str]] = []
        """(due, asset). An entry counts only while it equals the `due` of its asset; it may be too early, never too late."""

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
                continue
            if at >= state.due:
                self._on_time(state, at, events)
            ring, pos = state.ring, state.pos
            ring[pos] = at
            ring[pos + 1] = key
            state.pos = (pos + 2) % len(ring)
            state.newest = state.floor = at
            if state.active is not None:
                self._judge_active(state, at, values, events)
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
                    self._verdict(state, condition, bad, at, values, events)
            if plan.gauge:
                self._hear(readings[index])
        return StepResult(fates, events)

    def tick(self, now_ms: int) -> list[AlertEvent]:
        """What the clock alone can see until `now_ms`, in order of (due, asset, condition)."""
        events: list[AlertEvent] = []
        heap = self._heap
        while heap and heap[0][0] <= now_ms:
            when, asset = heappop(heap)
            state = self._states.get(asset)
            if state is not None and state.due == when:
                state.due = NEVER
                self._on_time(state, when, events)
        return events

    def use(self, rulebook: Rulebook) -> None:
        """Takes a new rulebook. What the conditions remember stays; episodes of one that is gone end at the next tick."""
        self.rulebook = rulebook
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
        self._arm(state)

    def dump(self) -> bytes:
        """The whole state. The same state gives the same bytes."""
        return checkpoint.write(self._states.values(), self._rain, VERSION)

    def load(self, data: bytes) -> None:
        """Takes a state that `dump` gave, in place of the present one. Raises ConfigError when it is no such state."""
        self._states.clear()
        self._heap.clear()
        self._rain.districts.clear()
        self._planner = Planner(self.rulebook, self._rain)
        checkpoint.read_rain(data, self._rain)
        for state in checkpoint.read_states(data, self._planner, self._asset_of):
            self._states[state.id] = state
            self._arm(state)

    def dump_asset(self, asset: str) -> bytes:
        """The state of one asset alone (b"" when it was never heard)."""
        state = self._states.get(asset)
        return b"" if state is None else checkpoint.write([state], RainHistory(), VERSION)

    def adopt(self, asset: str, data: bytes) -> None:
        """Takes the state of one asset from `dump_asset` or from re-judging, in place of its present one."""
        self._states.pop(asset, None)
        for state in checkpoint.read_states(data, self._planner, self._asset_of) if data else ():
            self._states[state.id] = state
            self._arm(state)

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
        self._arm(state)
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

    # Episodes

    def _judge_active(self, state: AssetState, at: int, values: Mapping[str, Value], events: list[AlertEvent]) -> None:
        """A reading of an asset with episodes: good verdicts count as well."""
        for condition in state.plan.silences:
            if state.active is not None and condition.id in state.active:
                self._signal(state, condition, GOOD, None, at, values, events)
                self._hasten(state, at + int(state.memory[condition.base]))
        for condition, observe in state.plan.judges_for(values):
            try:
                verdict = observe(values, at, state.memory)
            except TypeError:
                continue
            if verdict:
                self._verdict(state, condition, verdict, at, values, events)
            elif verdict is False and state.active is not None and condition.id in state.active:
                self._signal(state, condition, GOOD, None, at, values, events)

    def _verdict(
        self,
        state: AssetState,
        condition: Condition,
        verdict: Bad,
        at: int,
        values: Mapping[str, Value],
        events: list[AlertEvent],
    ) -> None:
        signal = UNSURE if verdict is UNSURE_VERDICT else BAD
        self._signal(state, condition, signal, verdict, at, values, events)

    def _signal(
        self,
        state: AssetState,
        condition: Condition,
        signal: Signal,
        verdict: Bad | None,
        at: int,
        values: Mapping[str, Value],
        events: list[AlertEvent],
    ) -> None:
        """Feeds one episode, tells its changes, and sees to its timer."""
        active = state.active if state.active is not None else {}
        episode = active.get(condition.id)
        if episode is None:
            if signal is not BAD:
                return
            episode = active[condition.id] = Episode()
            state.active = active
        before = episode.phase
        if before is FIRING and signal is BAD:
            return
        changes = feed(episode, condition.times, signal, at)
        seen: tuple[Evidence, ...] = ()
        if values:
            seen = tuple(Evidence(at, name, values[name]) for name in condition.measures if name in values)
        if verdict is not None and signal is BAD:
            seen = verdict.evidence or seen
            episode.reason, episode.detail = verdict.reason, verdict.detail
            episode.evidence = (episode.evidence + seen if before is PENDING else seen)[-MOST_EVIDENCE:]
        for change in changes:
            events.append(self._event(state, condition, episode, change, at, seen))
        if episode.phase is RESOLVED and not _recent(episode, condition, at):
            del active[condition.id]
            if not active:
                state.active = None
            return
        when = due(episode, condition.times)
        if when is not None:
            self._hasten(state, when)

    def _event(
        self,
        state: AssetState,
        condition: Condition,
        episode: Episode,
        change: AlertChange,
        at: int,
        seen: tuple[Evidence, ...],
    ) -> AlertEvent:
        reason, detail, evidence, end = episode.reason, episode.detail, episode.evidence, None
        if change is AlertChange.RAISED:
            # Contradicting messages of one millisecond can make two episodes of one onset.
            again = episode.raises.count(episode.onset_ms)
            name = condition.id if again < 2 else f"{condition.id}#{again}"
            episode.id, episode.severity = alert_id(state.id, name, episode.onset_ms), condition.severity
        elif change is AlertChange.FLAPPING:
            times = condition.times
            reason = "flapping"
            detail = (
                f"raised {times.flap_count} times within {span(times.flap_window_ms / 1000)}; "
                f"held open until it has been good for {span((times.clear_ms + times.flap_hold_ms) / 1000)}"
            )
        elif change is AlertChange.CLEARING:
            reason, evidence = "good_again", seen
            detail = "; ".join(_says(one) for one in seen) or "heard again"
        elif change is AlertChange.RESOLVED:
            end, reason, evidence = episode.good_ms, "stayed_good", seen
            detail = f"good since {iso(episode.good_ms)}"
        return self._told(state, condition.id, episode, change, at, reason, detail, evidence, end)

    def _told(
        self,
        state: AssetState,
        condition: str,
        episode: Episode,
        change: AlertChange,
        at: int,
        reason: str,
        detail: str,
        evidence: tuple[Evidence, ...],
        end: int | None,
    ) -> AlertEvent:
        return AlertEvent(
            episode.id,
            str(change),
            str(_PHASE_AFTER[change]),
            state.id,
            state.plan.kind,
            condition,
            episode.severity,
            episode.onset_ms,
            at,
            reason,
            detail,
            evidence,
            end,
            self.rulebook.version,
        )

    # Timers

    def _arm(self, state: AssetState) -> None:
        """Puts the asset's next timer into the heap."""
        when, _, _ = self._next(state)
        state.due = when
        if when < NEVER:
            heappush(self._heap, (when, state.id))

    def _hasten(self, state: AssetState, when: int) -> None:
        """Sees to it that the asset is looked at not later than `when`."""
        if when < state.due:
            state.due = when
            heappush(self._heap, (when, state.id))

    def _next(self, state: AssetState) -> tuple[int, str, Signal]:
        """(due, condition, what then) of the asset's earliest timer; (NEVER, "", …) when it has none."""
        best: tuple[int, str, Signal] = (NEVER, "", LASTED)
        active = state.active
        for condition in state.plan.silences:
            episode = active.get(condition.id) if active else None
            if episode is None or episode.phase not in (PENDING, FIRING):
                best = min(best, (state.newest + int(state.memory[condition.base]), condition.id, BAD))
        if active:
            for key, episode in active.items():
                known = state.plan.by_id.get(key)
                if known is None:
                    best = min(best, (state.floor, key, REMOVED))
                elif (when := due(episode, known.times)) is not None:
                    best = min(best, (when, key, LASTED))
        return best

    def _on_time(self, state: AssetState, until: int, events: list[AlertEvent]) -> None:
        """A timer may be due. Mostly the asset has been heard in between, and only its silence is put off."""
        at = state.plan.silence_at
        if state.active is None and at >= 0:
            when = state.newest + int(state.memory[at])
            if when > until:
                state.due = when
                heappush(self._heap, (when, state.id))
                return
        self._expire(state, until, events)

    def _expire(self, state: AssetState, until: int, events: list[AlertEvent]) -> None:
        """Runs the asset's timers that are due by `until`, in order, and arms the next."""
        while True:
            when, key, signal = self._next(state)
            if when > until:
                break
            state.floor = max(state.floor, when)
            self._fire(state, key, signal, when, events)
        if when != state.due:
            state.due = when
            if when < NEVER:
                heappush(self._heap, (when, state.id))

    def _fire(self, state: AssetState, key: str, signal: Signal, when: int, events: list[AlertEvent]) -> None:
        if signal is REMOVED:
            self._remove(state, key, when, events)
        else:
            verdict = silent(state.newest, when) if signal is BAD else None
            self._signal(state, state.plan.by_id[key], signal, verdict, when, {}, events)

    def _remove(self, state: AssetState, key: str, when: int, events: list[AlertEvent]) -> None:
        """Ends the episode of a condition that no longer holds for the asset."""
        active = state.active or {}
        episode = active.pop(key)
        state.active = active or None
        _, change = move(episode.phase, REMOVED)
        if change is not None:
            detail = "the rule or the asset is no longer there"
            events.append(self._told(state, key, episode, change, when, "rule_removed", detail, (), when))


def _recent(episode: Episode, condition: Condition, at: int) -> bool:
    """Whether an episode at rest must be remembered, because its raises still count for flapping."""
    return bool(episode.raises) and episode.raises[-1] > at - condition.times.flap_window_ms


def _says(evidence: Evidence) -> str:
    value, name = evidence.value, name_of(evidence.measure)
    if isinstance(value, bool):
        return f"{name}: {'yes' if value else 'no'}"
    return f"{name} {value if isinstance(value, str) else with_unit(evidence.measure, value)}"
