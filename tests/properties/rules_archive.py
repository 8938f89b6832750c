"""What a database holds beside the engine: readings and alerts; with it, late readings are judged again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from citybrain.kernel.events import AlertChange, AlertEvent, AlertPhase
from citybrain.kernel.model import Asset, Kind, Reading
from rules.engine import Engine, Fate
from rules.rejudge import Episode, rejudge


class Archive:
    """What a database would hold: readings, and alerts as their events leave them. Re-judges what has late readings."""

    def __init__(self, judge: Engine, register: Mapping[str, Asset]) -> None:
        self.engine, self.register = judge, register
        self.readings: dict[str, list[Reading]] = {}
        self.late: dict[str, int] = {}
        self.alerts: dict[str, tuple[str, Episode]] = {}

    def take(self, readings: Sequence[Reading]) -> list[AlertEvent]:
        """Judges readings and keeps all but repeats; gives the events."""
        fates, events = self.engine.step(readings)
        for fate, one in zip(fates, readings, strict=True):
            if fate is not Fate.DUPLICATE:
                self.readings.setdefault(one.asset, []).append(one)
            if fate is Fate.LATE:
                self.late[one.asset] = min(one.observed_ms, self.late.get(one.asset, one.observed_ms))
        return self.note(events)

    def note(self, events: list[AlertEvent]) -> list[AlertEvent]:
        """Writes events into the alerts, as the later stages do; gives them back."""
        for event in events:
            known = self.alerts.get(event.id)
            if event.change == AlertChange.WITHDRAWN:
                assert known is not None
                del self.alerts[event.id]
                continue
            assert (known is None) == (event.change in (AlertChange.RAISED, AlertChange.ADDED)) or (
                known is not None and known[1].past and event.change == AlertChange.RAISED
            ), event
            past = event.change == AlertChange.ADDED or (
                known is not None and known[1].past and event.change != AlertChange.RAISED
            )
            episode = Episode(event.id, event.condition, event.severity, event.phase, event.onset_ms, event.end_ms, past)
            self.alerts[event.id] = event.asset, episode
        return events

    def rejudge(self, now_ms: int) -> list[AlertEvent]:
        """Judges every asset with late readings again; gives the events."""
        told: list[AlertEvent] = []
        rain = [one for name, kept in self.readings.items() if self.register[name].kind == Kind.RAIN_GAUGE for one in kept]
        for asset, since in sorted(self.late.items()):
            known = [episode for name, episode in self.alerts.values() if name == asset]
            district = [one for one in rain if self.register[one.asset].district == self.register[asset].district]
            result = rejudge(self.register[asset], self.readings[asset], district, known, self.engine.rulebook, since, now_ms)
            told += self.note(result.events)
            self.engine.adopt(asset, result.state)
            for one in result.superseded:
                self.readings[asset].remove(one)
        self.late.clear()
        return told

    def episodes(self) -> list[tuple[str, str, int, int, str]]:
        """(asset, condition, onset, end, phase) of all alerts; end 0 for one that is not over."""
        return sorted(
            (asset, one.condition, one.onset_ms, one.end_ms or 0 if one.phase == AlertPhase.RESOLVED else 0, one.phase)
            for asset, one in self.alerts.values()
        )
