"""PURE: keeps the episodes of assets and their timers, away from the quiet path of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heappop, heappush
from typing import Final

from citybrain.kernel.events import AlertEvent, Evidence
from citybrain.kernel.model import Value
from rules import telling
from rules.detectors.base import UNSURE as UNSURE_VERDICT
from rules.detectors.base import Bad
from rules.detectors.no_data import silent
from rules.lifecycle import BAD, FIRING, GOOD, LASTED, PENDING, REMOVED, RESOLVED, UNSURE, Episode, Signal, due, feed, move
from rules.plan import Condition
from rules.state import NEVER, AssetState

MOST_EVIDENCE: Final = 6
"""Values that an event carries at most: the last ones before the decision."""


class Keeper:
    """The episodes and timers of one engine. `version` is that of the rulebook, for the events."""

    def __init__(self, states: Mapping[str, AssetState], version: str) -> None:
        self.version = version
        self._states = states
        self._heap: list[tuple[int, str]] = []
        """(due, asset). An entry counts only while it equals the `due` of its asset; it may be too early, never too late."""

    def clear(self) -> None:
        """Forgets all timers."""
        self._heap.clear()

    def tick(self, now_ms: int) -> list[AlertEvent]:
        """Runs what is due by `now_ms`, in order of (due, asset, condition)."""
        events: list[AlertEvent] = []
        heap = self._heap
        while heap and heap[0][0] <= now_ms:
            when, asset = heappop(heap)
            state = self._states.get(asset)
            if state is not None and state.due == when:
                state.due = NEVER
                self.on_time(state, when, events)
        return events

    def judge(self, state: AssetState, at: int, values: Mapping[str, Value], events: list[AlertEvent]) -> None:
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
                self.verdict(state, condition, verdict, at, values, events)
            elif verdict is False and state.active is not None and condition.id in state.active:
                self._signal(state, condition, GOOD, None, at, values, events)

    def verdict(
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
            events.append(telling.event(state, condition, episode, change, at, seen, self.version))
        if episode.phase is RESOLVED and not _recent(episode, condition, at):
            del active[condition.id]
            if not active:
                state.active = None
            return
        when = due(episode, condition.times)
        if when is not None:
            self._hasten(state, when)

    def arm(self, state: AssetState) -> None:
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

    def on_time(self, state: AssetState, until: int, events: list[AlertEvent]) -> None:
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
            events.append(telling.removed(state, key, episode, when, self.version))


def _recent(episode: Episode, condition: Condition, at: int) -> bool:
    """Whether an episode at rest must be remembered, because its raises still count for flapping."""
    return bool(episode.raises) and episode.raises[-1] > at - condition.times.flap_window_ms
