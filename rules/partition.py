"""PURE: one partition of the log as the rules see it: records go in by their offset, alerts come out, the state can be saved.

    state(p) is a function of the records [0, next) of partition p
    snapshot = (next, state): records below `next` are in it, and are passed over when they come again

Late readings are noted in `late`; who owns the archive judges those assets again and gives the outcome to `adopt`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from citybrain.kernel.events import AlertEvent
from citybrain.kernel.ids import shard_of
from citybrain.kernel.model import Asset, Kind, Reading
from citybrain.kernel.register import Register
from citybrain.kernel.trace import trace_of
from citybrain.topics.records import Alert, Batch, asset_of, asset_plain
from rules.engine import VERSION, Engine, Fate
from rules.rejudge import Rejudged
from rules.rulebook import Rulebook
from rules.watermark import Watermark

MOST_KEPT = 5_000
"""Readings of one asset that are kept while it waits to be judged again; beyond that the archive must come nearer first."""


class SpoiledError(Exception):
    """A rule failed on a reading: the engine's state is half changed. Load the snapshot, replay, then step carefully."""


class Outcome(NamedTuple):
    """What came of one record. `fates` counts its readings; `poison` are readings that no rule survived, with the error."""

    alerts: list[Alert]
    fates: dict[str, int]
    poison: Sequence[tuple[Reading, str]] = ()
    newest_ms: int = 0
    """observed time of its newest reading, 0 when it has none"""


@dataclass(slots=True)
class Late:
    """An asset with late readings: since when it must be judged again, and what the archive must hold before."""

    since_ms: int
    offset: int
    """The archive must hold all records up to and with this one."""
    after: list[tuple[int, Reading]] = field(default_factory=list)
    """Readings of later records, by offset: stepped again behind the new state, as far as the archive did not have them."""


class Snapshot(NamedTuple):
    """A state that can be saved. `head` is JSON-ready."""

    next: int
    version: str
    rulebook: str
    head: dict[str, Any]
    state: bytes


class Partition:
    """One partition. `register` is shared with the other partitions of the worker."""

    def __init__(self, number: int, rulebook: Rulebook, register: Register) -> None:
        self.number = number
        self.next = 0
        """offset of the first record that is not in the state"""
        self.late: dict[str, Late] = {}
        self._register = register
        self._engine = Engine(number, rulebook, register.assets.get)
        self._watermark = Watermark()
        self._grown: dict[str, Asset] = {}
        """assets that made themselves known in this log and are not in the register's topic yet"""

    @property
    def shown_ms(self) -> int:
        """The time (city ms) that the rules were shown last."""
        return self._watermark.shown_ms

    def apply(self, offset: int, batch: Batch, *, careful: bool = False) -> Outcome:
        """Take the record at `offset` (== `next`). Raises SpoiledError when a rule fails; with `careful` never."""
        for asset in batch.assets:
            if asset.id not in self._register.assets:
                self._register.assets[asset.id] = asset
            if shard_of(asset.id) == self.number:
                self._grown.setdefault(asset.id, asset)
        poison: list[tuple[Reading, str]] = []
        readings: Sequence[Reading]
        if careful:
            readings, events, fates, poison = self._carefully(batch.readings)
        else:
            readings = batch.readings
            try:
                fates, events = self._engine.step(readings)
            except Exception as error:  # a rule must not stop the stream, whatever it raises
                raise SpoiledError(f"{type(error).__name__}: {error}") from error
        counts = dict.fromkeys(("fresh", "duplicate", "late", "context"), 0)
        for reading, fate in zip(readings, fates, strict=True):
            counts[_FATES[fate]] += 1
            if fate == Fate.LATE:
                self._note(reading, offset)
        if self.late:
            self._keep(readings, offset)
        traces = {(one.asset, one.observed_ms): one for one in readings} if events else {}
        alerts = [Alert(event, _trace(traces.get((event.asset, event.at_ms))), offset) for event in events]
        if batch.tick is not None and (shown := self._watermark.hear(batch.tick)) is not None:
            alerts += [Alert(event, "", offset) for event in self._engine.tick(shown)]
        self.next = offset + 1
        newest = max([one.observed_ms for one in batch.readings], default=0)
        return Outcome(alerts, counts, poison, newest)

    def _carefully(
        self, readings: Sequence[Reading]
    ) -> tuple[list[Reading], list[AlertEvent], list[Fate], list[tuple[Reading, str]]]:
        """Step reading by reading and leave out those on which a rule fails; each failure costs a load of the state."""
        before = self._engine.dump()
        good, poison = list(readings), list[tuple[Reading, str]]()
        while True:
            fates: list[Fate] = []
            events: list[AlertEvent] = []
            for place, reading in enumerate(good):
                try:
                    one = self._engine.step([reading])
                except Exception as error:  # found it: it goes to the rejected ones with the error's text
                    poison.append((reading, f"{type(error).__name__}: {error}"))
                    del good[place]
                    self._engine.load(before)
                    break
                fates += one.fates
                events += one.events
            else:
                return good, events, fates, poison

    def _note(self, reading: Reading, offset: int) -> None:
        waiting = self.late.get(reading.asset)
        if waiting is None:
            self.late[reading.asset] = Late(reading.observed_ms, offset)
        else:
            waiting.since_ms = min(waiting.since_ms, reading.observed_ms)
            waiting.offset, waiting.after = offset, []

    def _keep(self, readings: Sequence[Reading], offset: int) -> None:
        for reading in readings:
            waiting = self.late.get(reading.asset)
            if waiting is not None and offset > waiting.offset:
                waiting.after.append((offset, reading))
                if len(waiting.after) > MOST_KEPT:
                    waiting.offset, waiting.after = offset, []

    def adopt(self, asset: str, judged: Rejudged, archived: int) -> list[Alert]:
        """Take over what judging an asset again gave; `archived` is the offset up to which (exclusive) the archive was whole.

        The alerts of both: those of the judging, and of the readings that came after it. Those told before have the same ids.
        """
        waiting = self.late.pop(asset)
        self._engine.adopt(asset, judged.state)
        last = self.next - 1
        alerts = [Alert(event, "", last) for event in judged.events]
        after = [reading for offset, reading in waiting.after if offset >= archived and reading.kind != Kind.RAIN_GAUGE]
        fates, events = self._engine.step(after)
        for reading, fate in zip(after, fates, strict=True):
            if fate == Fate.LATE:
                self._note(reading, last)
        return alerts + [Alert(event, "", last) for event in events]

    def drop_late(self, asset: str) -> None:
        """An asset cannot be judged again: the register does not have it."""
        self.late.pop(asset, None)

    def use(self, rulebook: Rulebook) -> None:
        """Judge by another rulebook from now on."""
        self._engine.use(rulebook)

    def refresh(self, asset: str) -> None:
        """The register has something new about an asset."""
        self._grown.pop(asset, None)
        self._engine.refresh(asset)

    def assets(self) -> int:
        """How many assets it remembers."""
        return self._engine.assets()

    def dump(self) -> Snapshot:
        """The whole state after the record before `next`."""
        head = {
            "watermark": self._watermark.dump(),
            "grown": [asset_plain(asset) for _, asset in sorted(self._grown.items())],
            "late": {asset: waiting.since_ms for asset, waiting in sorted(self.late.items())},
        }
        return Snapshot(self.next, VERSION, self._engine.rulebook.version, head, self._engine.dump())

    def load(self, snapshot: Snapshot) -> None:
        """Take a snapshot in place of the present state."""
        head: Mapping[str, Any] = snapshot.head
        self.next = snapshot.next
        self._watermark.load(head["watermark"])
        self._grown = {}
        for plain in head["grown"]:
            asset = asset_of(plain)
            if self._register.assets.setdefault(asset.id, asset) is asset:
                self._grown[asset.id] = asset
        # what came after the late readings is not kept with the state: the archive must hold all of it
        self.late = {asset: Late(since_ms, self.next - 1) for asset, since_ms in head["late"].items()}
        self._engine.load(snapshot.state)


_FATES = {Fate.FRESH: "fresh", Fate.DUPLICATE: "duplicate", Fate.LATE: "late", Fate.CONTEXT: "context"}


def _trace(reading: Reading | None) -> str:
    return "" if reading is None else trace_of(reading.asset, reading.device, reading.observed_ms, reading.key)
