"""PURE: the life of an episode: pending -> firing -> clearing -> resolved, as a table.

A reading feeds BAD, GOOD or UNSURE; when the dwell of a phase has run out it feeds LASTED to itself, and so does a timer.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from citybrain.kernel.errors import StateError
from citybrain.kernel.events import AlertChange, AlertPhase, Evidence
from rules.rulebook import ConditionRule

PENDING, FIRING, CLEARING, RESOLVED = AlertPhase.PENDING, AlertPhase.FIRING, AlertPhase.CLEARING, AlertPhase.RESOLVED


class Signal(StrEnum):
    """What can happen to an episode."""

    BAD = "bad"
    GOOD = "good"
    UNSURE = "unsure"
    """A harmless cause explains the signal (rain, for a high level)."""
    LASTED = "lasted"
    """The dwell of the phase has run out."""
    REMOVED = "removed"
    """The rule or the asset is no longer there."""


BAD, GOOD, UNSURE, LASTED, REMOVED = Signal.BAD, Signal.GOOD, Signal.UNSURE, Signal.LASTED, Signal.REMOVED

TABLE: Final[dict[tuple[AlertPhase, Signal], tuple[AlertPhase, AlertChange | None]]] = {
    (RESOLVED, BAD): (PENDING, None),
    (RESOLVED, GOOD): (RESOLVED, None),
    (RESOLVED, UNSURE): (RESOLVED, None),
    (RESOLVED, REMOVED): (RESOLVED, None),
    (PENDING, BAD): (PENDING, None),
    (PENDING, GOOD): (RESOLVED, None),
    (PENDING, UNSURE): (RESOLVED, None),
    (PENDING, REMOVED): (RESOLVED, None),
    (PENDING, LASTED): (FIRING, AlertChange.RAISED),
    (FIRING, BAD): (FIRING, None),
    (FIRING, UNSURE): (FIRING, None),
    (FIRING, GOOD): (CLEARING, AlertChange.CLEARING),
    (FIRING, REMOVED): (RESOLVED, AlertChange.RESOLVED),
    (CLEARING, BAD): (FIRING, AlertChange.REFIRED),
    (CLEARING, GOOD): (CLEARING, None),
    (CLEARING, UNSURE): (CLEARING, None),
    (CLEARING, REMOVED): (RESOLVED, AlertChange.RESOLVED),
    (CLEARING, LASTED): (RESOLVED, AlertChange.RESOLVED),
}
"""(phase, signal) -> (phase after it, change to tell). What is not here is a mistake of the program."""


def move(phase: AlertPhase, signal: Signal) -> tuple[AlertPhase, AlertChange | None]:
    """The table as a function. Raises StateError for a pair that is not in it."""
    found = TABLE.get((phase, signal))
    if found is None:
        raise StateError("alert", phase, signal)
    return found


class Timing(NamedTuple):
    """The dwells and the flap rule of a condition, in ms."""

    raise_readings: int
    raise_ms: int
    clear_readings: int
    clear_ms: int
    flap_count: int
    flap_window_ms: int
    flap_hold_ms: int
    raise_by_clock: bool = True
    """Whether the dwell of a raise ends by the clock alone, or only with a reading that is still bad."""


def timing(rule: ConditionRule) -> Timing:
    """The timing of a rule."""
    return Timing(
        rule.raise_after.readings,
        round(rule.raise_after.seconds * 1000),
        rule.clear_after.readings,
        round(rule.clear_after.seconds * 1000),
        rule.flap.count,
        round(rule.flap.window_s * 1000),
        round(rule.flap.hold_s * 1000),
        rule.raise_after.by_clock,
    )


class Episode:
    """One condition on one asset while it is not at rest. `phase` RESOLVED means: at rest, remembered for its flapping."""

    __slots__ = (
        "bads",
        "detail",
        "evidence",
        "good_ms",
        "goods",
        "held",
        "id",
        "onset_ms",
        "phase",
        "raises",
        "reason",
        "severity",
    )

    def __init__(self) -> None:
        self.phase: AlertPhase = RESOLVED
        self.id = ""
        """Given when it is raised; stays for life, also when re-judging moves the onset."""
        self.severity = ""
        self.onset_ms = 0
        self.bads = 0
        self.good_ms = 0
        """First good reading of the present clearing."""
        self.goods = 0
        self.raises: list[int] = []
        """When it (or the episode before it) was raised or refired, as far as the flap window reaches."""
        self.held = False
        """Flapping: held open until it has been good for `flap_hold_ms` more."""
        self.reason = ""
        self.detail = ""
        self.evidence: tuple[Evidence, ...] = ()


def due(episode: Episode, times: Timing) -> int | None:
    """When the dwell of the present phase runs out by the clock alone (ms since the epoch); None: not by the clock."""
    if episode.phase is PENDING:
        return _raise_at(episode, times) if times.raise_by_clock else None
    if episode.phase is CLEARING and episode.goods >= times.clear_readings:
        return episode.good_ms + times.clear_ms + (times.flap_hold_ms if episode.held else 0)
    return None


def _raise_at(episode: Episode, times: Timing) -> int | None:
    return episode.onset_ms + times.raise_ms if episode.bads >= times.raise_readings else None


def feed(episode: Episode, times: Timing, signal: Signal, at_ms: int) -> list[AlertChange]:
    """Takes a signal in; gives the changes to tell, in order. A dwell of zero ends at once."""
    changes: list[AlertChange] = []
    _apply(episode, times, signal, at_ms, changes)
    end = _raise_at(episode, times) if episode.phase is PENDING else due(episode, times)
    if end is not None and end <= at_ms:
        _apply(episode, times, LASTED, at_ms, changes)
    return changes


def _apply(episode: Episode, times: Timing, signal: Signal, at_ms: int, changes: list[AlertChange]) -> None:
    was = episode.phase
    phase, change = move(was, signal)
    if signal is BAD:
        if was is RESOLVED:
            episode.onset_ms, episode.bads, episode.id = at_ms, 1, ""
        elif was is PENDING:
            episode.bads += 1
    elif signal is GOOD:
        if was is FIRING:
            episode.goods, episode.good_ms = 1, at_ms
        elif was is CLEARING:
            episode.goods += 1
    episode.phase = phase
    if change is None:
        return
    if not (episode.held and change in (AlertChange.CLEARING, AlertChange.REFIRED)):
        changes.append(change)
    if change in (AlertChange.RAISED, AlertChange.REFIRED):
        recent = [ms for ms in episode.raises if ms > at_ms - times.flap_window_ms]
        episode.raises = [*recent, at_ms][-times.flap_count :]
        if len(episode.raises) >= times.flap_count and not episode.held:
            episode.held = True
            changes.append(AlertChange.FLAPPING)
    elif change is AlertChange.RESOLVED:
        episode.held = False
