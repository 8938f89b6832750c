"""A city for the tests of moving: its story, the embedded runtime by hand, the partitions of the cluster by hand."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, timedelta
from typing import Any, LiteralString

import psycopg

from citybrain.config import Settings
from citybrain.kernel.events import AlertChange, AlertEvent, Evidence
from citybrain.kernel.ids import SHARDS, shard_of
from citybrain.kernel.model import Asset, Reading
from citybrain.kernel.register import Ownership
from citybrain.kernel.times import from_ms, to_ms
from citybrain.metrics import Metrics
from citybrain.runtime.city import City
from citybrain.runtime.pipeline import Pipeline
from citybrain.store import readings, register
from citybrain.store.db import Database, Row
from citybrain.store.partitions import state_of
from citybrain.topics.records import Alert, Batch, Tick, decode, encode
from citybrain.topics.spec import READINGS
from dispatch.channels import Answer, Channels, Message
from dispatch.cycle import run_cycle
from dispatch.desk import act
from dispatch.intake import OpenedOrder
from ingest.decode import Decoder
from ingest.quarantine import NOTES, REASONS
from ingest.registry import load_profiles
from rules.hindsight import judge_again
from rules.partition import Partition, Snapshot
from tests.contracts.runtimes import stories
from tests.contracts.runtimes.script import RULES, UNITS, Messages, Moment, Script, StepClock
from tests.contracts.runtimes.script import Message as Sent

START_MS = 1_781_236_800_000
"""Friday, 2026-06-12, 12:00 in Shanghai"""
MINUTE_MS = 60_000
CUT = 60
"""minutes after the start: here the city moves"""
END = 240
OPEN, SHUT = {"tilt_deg": 25.0}, {"tilt_deg": 0.4}

COVERS = tuple(f"mh-{n}" for n in range(1, 8))
PITS = tuple(f"pit-{n}" for n in range(1, 7))
ASSETS = [
    *(Asset(name, "manhole", district="d1", interval_s=3600) for name in COVERS),
    *(Asset(name, "manhole", district="d1", gateway="gw-1", interval_s=60) for name in PITS),
    Asset("gw-1", "gateway", district="d1"),
    Asset("rg-1", "rain_gauge", district="d1", interval_s=86400),
    Asset("dr-1", "drain", district="d1", depth_mm=2000, install_height_mm=1900, pipe_diameter_mm=400, interval_s=3600),
]


def _said(
    asset: str, minute: float, values: dict[str, float] | None = None, *, arrives: float | None = None, kind: str = "manhole"
) -> tuple[int, Sent]:
    """A message, and the minute in which it arrives."""
    at = START_MS + int(minute * MINUTE_MS)
    came = minute if arrives is None else arrives
    reading = Reading(asset, kind, asset, at, at, dict(values or SHUT))
    return -int(-came // 1), stories.message(Settings().city, START_MS + int(came * MINUTE_MS), reading)


def _story() -> Script:
    """At the cut: episodes in every phase, orders with limits, a case that waits for siblings, a late reading, notices."""
    said = [
        *(_said(name, 1) for name in COVERS),
        *(_said(name, minute) for name in PITS for minute in range(1, 55)),
        *(_said("pit-6", minute) for minute in range(55, 75)),
        *(_said(name, 76 + minute) for name in PITS for minute in range(0, END - 76, 3)),
        _said("mh-1", 5, OPEN), _said("mh-1", 200, SHUT), _said("mh-1", 202, SHUT), _said("mh-1", 204, SHUT),
        _said("mh-2", 10, OPEN), _said("mh-2", 59.3, SHUT), _said("mh-2", 59.8, SHUT), _said("mh-2", 90, SHUT),
        _said("mh-3", 59.98, OPEN), _said("mh-3", 66, OPEN),
        # an outage of its gateway: it was open for a while, and is told of it late
        _said("mh-4", 58, SHUT), _said("mh-4", 40, OPEN, arrives=59.9), _said("mh-4", 45, OPEN, arrives=59.9),
        _said("mh-5", 30, OPEN), _said("mh-5", 120, SHUT), _said("mh-5", 122, SHUT), _said("mh-5", 180, OPEN),
        _said("mh-6", 58.5, OPEN),
        # heard before the cut, and once more after it
        _said("mh-1", 58, OPEN), _said("mh-1", 58, OPEN, arrives=62),
        # late ones after the cut, about the time before it
        _said("mh-7", 57, SHUT), _said("mh-7", 30, OPEN, arrives=64), _said("mh-7", 31, SHUT, arrives=64),
        _said("mh-7", 32, SHUT, arrives=64),
        _said("new-1", 20), _said("new-1", 55, OPEN), _said("new-2", 70), _said("new-2", 71, OPEN),
        _said("rg-1", 30, {"rain_mm": 1.2}, kind="rain_gauge"), _said("rg-1", 80, {"rain_mm": 0.0}, kind="rain_gauge"),
        *(_said("dr-1", minute, {"level_mm": 1850.0}, kind="drain") for minute in (50, 56, 63, 69)),
        *(_said("dr-1", minute, {"level_mm": 200.0}, kind="drain") for minute in (100, 111, 130)),
        (20, Sent(START_MS + 20 * MINUTE_MS, "city/demo/manhole/mh-1/telemetry", b"\xff not a message")),
    ]  # fmt: skip
    arriving: dict[int, list[Sent]] = {}
    for minute, sent in said:
        arriving.setdefault(minute, []).append(sent)
    # through Kafka alerts are dispatched where things settle: wherever there are any
    busy = (
        (CUT + 1, 78),
        (90, 93),
        (100, 102),
        (111, 113),
        (120, 124),
        (130, 142),
        (180, 182),
        (200, 207),
    )
    settle = {*range(0, 56, 5), *range(80, END + 1, 10), *(n for begin, end in busy for n in range(begin, end))}
    return Script(ASSETS, [Moment(START_MS + n * MINUTE_MS, arriving.get(n, ()), n in settle) for n in range(END + 1)])


STORY = _story()


class Mail:
    """A channel that keeps what it is given."""

    name = "log"

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, message: Message) -> Answer:
        self.sent.append(message)
        return Answer("ok", "sent")

    def close(self) -> None: ...


class Embedded:
    """The embedded runtime by hand."""

    def __init__(self, db: Database) -> None:
        self.db, self.clock, self.hand, self.mail = db, StepClock(START_MS), Messages(), Mail()
        settings = Settings(canary_s=0)
        self.city = City(settings)
        decoder = Decoder(
            load_profiles(None), self.city.register, city=settings.city, auto_register=True, max_future_s=1e9, max_age_s=1e9
        )
        metrics = Metrics(quarantine_reasons=REASONS, value_notes=NOTES)
        self.flow = Pipeline(db, self.hand, decoder, self.city, self.clock, metrics, settings)
        self.flow.ticks = False
        self.channels = Channels([self.mail])

    def live(self, first: int, last: int) -> None:
        """The minutes from `first` to `last`."""
        for moment in STORY.moments[first : last + 1]:
            self.clock.at_ms = moment.at_ms
            self.hand.put(moment.messages)
            while self.hand.waiting:
                self.flow.turn(0)
            self.flow.tick(moment.at_ms)
            if moment.settle:
                self.flow.rejudge(all_now=True)
                cycle(self.db, self.city, self.clock, self.channels)
            if moment.at_ms == START_MS + 35 * MINUTE_MS:
                accept(self.db, "mh-5", self.clock)
                self.flow.checkpoint_all()

    def stop(self) -> None:
        """As SIGTERM does, but without judging again what waits for it."""
        self.flow.close()

    def die(self) -> None:
        """As SIGKILL does: no checkpoint, the log goes on behind the last one."""
        self.flow._session.close()


def cycle(db: Database, city: City, clock: StepClock, channels: Channels) -> None:
    report = run_cycle(
        db, now=clock.now(), infos=city.infos, register_of=lambda: city.register, books=city.books,
        channels=channels, machine_now=clock.now(),
    )  # fmt: skip
    assert not report.errors, report.errors
    channels.join(10)


def accept(db: Database, asset: str, clock: StepClock) -> None:
    """The unit takes its order."""
    with db.transaction() as tx:
        row = tx.one("SELECT o.id FROM orders o JOIN cases c ON c.id = o.case_id WHERE c.asset = %(asset)s", asset=asset)
        assert row is not None
        act(tx, str(row["id"]), "ack", actor="crew 7", reason="", now=clock.now())


class Partitions:
    """The rules of the cluster by hand, from the states in the database: records by offset, alerts to dispatch, no Kafka."""

    def __init__(self, db: Database) -> None:
        self.db, self.clock, self.mail = db, StepClock(), Mail()
        self.city, self.channels = City(Settings()), Channels([self.mail])
        self.parts: dict[int, Partition] = {}
        with db.transaction() as tx:
            self.city.load_register(tx)
            for number in range(SHARDS):
                saved = state_of(tx, READINGS, number)
                assert saved is not None
                self.parts[number] = Partition(number, self.city.rulebook, self.city.register)
                self.parts[number].load(Snapshot(*saved))
        settings = Settings()
        self.decoder = Decoder(
            load_profiles(None), self.city.register, city=settings.city, auto_register=True, max_future_s=1e9, max_age_s=1e9
        )

    def live(self, first: int, last: int) -> None:
        """The minutes from `first` to `last`."""
        for moment in STORY.moments[first : last + 1]:
            self.clock.at_ms = moment.at_ms
            self._readings(moment.messages)
            tick = Tick(moment.at_ms, moment.at_ms, "bridge")
            self._dispatch([alert for number in self.parts for alert in self._apply(number, Batch(tick=tick))])
            if moment.settle:
                self._judge_late()
                cycle(self.db, self.city, self.clock, self.channels)

    def _apply(self, number: int, batch: Batch) -> list[Alert]:
        part = self.parts[number]
        return part.apply(part.next, decode(encode(batch))).alerts

    def _readings(self, messages: Sequence[Sent]) -> None:
        found = [
            self.decoder.decode(one.topic, one.payload, received_ms=one.at_ms, retained=False, dup=False) for one in messages
        ]
        by_shard: dict[int, list[Reading]] = {}
        for one in (one for decoded in found for one in decoded.readings):
            for number in range(SHARDS) if one.kind == "rain_gauge" else [shard_of(one.asset)]:
                by_shard.setdefault(number, []).append(one)
        assets = [asset for decoded in found for asset in decoded.new_assets]
        devices = [device for decoded in found for device in decoded.new_devices]
        self.city.grow(assets, devices)
        with self.db.transaction() as tx:
            register.add_provisional(tx, assets, devices)
            readings.add(tx, [one for decoded in found for one in decoded.readings])
        self._dispatch(
            [alert for number, mine in by_shard.items() for alert in self._apply(number, Batch(mine, assets=assets))]
        )

    def _judge_late(self) -> None:
        for part in self.parts.values():
            for asset, late in list(part.late.items()):
                with self.db.transaction() as tx:
                    judged = judge_again(
                        tx, self.city.register.assets[asset], self.city.rulebook, late.since_ms, from_ms(part.shown_ms),
                        timedelta(days=30),
                    )  # fmt: skip
                    readings.drop_readings(tx, judged.superseded)
                self._dispatch(part.adopt(asset, judged, part.next))

    def told_again(self) -> list[OpenedOrder]:
        """Every alert that was ever raised, raised once more; the orders that were opened."""
        raised = rows(
            self.db,
            "SELECT a.id::text, a.asset, a.kind, a.condition, a.severity, a.onset_at, a.rulebook, e.at, e.reason, e.detail, "
            "e.evidence FROM alerts a JOIN alert_events e ON e.alert_id = a.id AND e.change = 'raised' ORDER BY e.seq",
        )
        events = [
            AlertEvent(
                row["id"], "raised", "firing", row["asset"], row["kind"], row["condition"], row["severity"],
                to_ms(row["onset_at"]), to_ms(row["at"]), row["reason"], row["detail"],
                tuple(Evidence(*one) for one in row["evidence"]), None, row["rulebook"],
            )
            for row in raised
        ]  # fmt: skip
        assert events
        with self.db.transaction() as tx:
            return self.city.dispatch(tx, events, self.clock.now())

    def _dispatch(self, alerts: Sequence[Alert]) -> None:
        traces: dict[str, str] = {}
        for alert in alerts:
            if alert.event.change == AlertChange.RAISED or alert.event.id not in traces:
                traces[alert.event.id] = alert.trace
        with self.db.transaction() as tx:
            self.city.dispatch(tx, [alert.event for alert in alerts], self.clock.now(), traces)


class Bases:
    """Databases of one test."""

    def __init__(self, server: str, stack: ExitStack) -> None:
        self._server, self._stack = server, stack

    def url(self, name: str, *, schema: bool = False) -> str:
        with psycopg.connect(self._server, autocommit=True) as conn:
            conn.execute(f"DROP DATABASE IF EXISTS move_{name} WITH (FORCE)")
            conn.execute(f"CREATE DATABASE move_{name}" + (" TEMPLATE template_citybrain" if schema else ""))
        self._stack.callback(self._drop, name)
        return self._server.replace("/postgres?", f"/move_{name}?")

    def _drop(self, name: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as conn:
            conn.execute(f"DROP DATABASE IF EXISTS move_{name} WITH (FORCE)")

    def open(self, name: str, *, schema: bool = True) -> Database:
        return self._stack.enter_context(Database(self.url(name, schema=schema), size=6))

    def city(self, name: str) -> Database:
        """One with the register of the story."""
        db = self.open(name)
        with db.transaction() as tx:
            register.save_units(tx, UNITS)
            register.save_responsibilities(tx, RULES)
            register.save_assets(tx, ASSETS)
            # somebody's until long ago: dates without a beginning are carried too
            register.save_ownerships(tx, [Ownership(ASSETS[0].id, UNITS[0].id, None, date(2020, 12, 31), "by-law 4")])
        return db


def rows(db: Database, query: LiteralString) -> list[Row]:
    with db.transaction() as tx:
        return tx.all(query)


def value(db: Database, query: LiteralString) -> Any:
    (row,) = rows(db, query)
    return next(iter(row.values()))


def at_the_cut(db: Database) -> None:
    """The city stands as the story wants it."""
    phases = {row["phase"] for row in rows(db, "SELECT DISTINCT phase FROM alerts")}
    assert {"firing", "clearing"} <= phases
    assert value(db, "SELECT count(*) FROM cases WHERE state = 'gathering'") >= 5
    assert value(db, "SELECT count(*) FROM orders WHERE state = 'dispatched'") >= 2
    assert value(db, "SELECT count(*) FROM orders WHERE state = 'acknowledged'") == 1
    assert value(db, "SELECT count(*) FROM timers") >= 10
    assert value(db, "SELECT count(*) FROM outbox WHERE state = 'waiting'") >= 1
    assert value(db, "SELECT count(*) FROM rejudge_queue") >= 1
    assert value(db, "SELECT count(*) FROM quarantine") == 1


def many_readings(db: Database, messages: int, days: int = 40) -> int:
    """An archive of five values a message, made by the database itself; how many rows."""
    with db.transaction() as tx:
        tx.run(
            "SELECT readings_begin(ARRAY(SELECT generate_series(%(at)s::timestamptz, %(at)s::timestamptz + %(days)s * interval"
            " '1 day', interval '1 day')))", at=from_ms(START_MS), days=days,
        )  # fmt: skip
        return tx.run(
            """
            INSERT INTO readings (asset, measure, observed_at, message, value, quality, kind, key, received_at)
            SELECT 'mh-' || n %% 300, measure, %(at)s::timestamptz + n * %(days)s * interval '1 day' / %(messages)s,
                   n, random(), 0,
                   CASE WHEN first THEN 'manhole' END, NULL, CASE WHEN first THEN now() END
            FROM generate_series(1::bigint, %(messages)s) AS n,
                 (VALUES ('battery_pct', true), ('freeboard_mm', false), ('level_mm', false), ('rssi_dbm', false),
                         ('tilt_deg', false)) AS v (measure, first)
            """,
            at=from_ms(START_MS), days=days, messages=messages,
        )  # fmt: skip
