"""A small city for the tests of dispatch: units, assets, conditions, and alert events made in one line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.events import AlertChange, AlertEvent, Evidence
from citybrain.kernel.ids import alert_id
from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Register, Responsibility
from citybrain.kernel.times import to_ms
from citybrain.store import register as register_store
from citybrain.store import views
from citybrain.store.db import Database, Row, Tx
from dispatch.arbitration import decide
from dispatch.books import Books
from dispatch.calendars import load_calendars
from dispatch.channels import Answer, Channels, Message
from dispatch.checking import check
from dispatch.cycle import CycleReport, run_cycle
from dispatch.desk import Moved, act
from dispatch.intake import OpenedOrder, take
from dispatch.ledger import Fault
from dispatch.opening import Lookups
from dispatch.profiles import load_profile

NOON = datetime(2026, 6, 12, 4, 0, tzinfo=UTC)
"""Friday, 12:00 in Shanghai."""

BOOKS = Books(load_profile(), load_calendars(None))

_PHASE = {
    AlertChange.RAISED: "firing",
    AlertChange.CLEARING: "clearing",
    AlertChange.REFIRED: "firing",
    AlertChange.FLAPPING: "firing",
    AlertChange.RESOLVED: "resolved",
    AlertChange.ADDED: "resolved",
    AlertChange.WITHDRAWN: "resolved",
    AlertChange.AMENDED: "firing",
}


def info(condition: str, kind: str, cause: str, filing: str | None, verify_s: float = 1800, **more: Any) -> ConditionInfo:
    """A condition."""
    severity = more.pop("severity", "major")
    return ConditionInfo(condition, kind, severity, cause, filing, verify_s, title_en=f"{condition} in words", **more)


INFOS = {
    one.id: one
    for one in (
        info("MH-OPEN", "manhole", "cover_open", "MH-MISSING", severity="critical"),
        info("MH-GONE", "manhole", "cover_open", "MH-MISSING", severity="critical"),
        info("MH-ROCK", "manhole", "cover_loose", "MH-ROCKING", severity="minor"),
        info("DR-HIGH", "drain", "drain_high", None, severity="warning"),
        info("DR-FULL", "drain", "drain_high", "RD-FLOOD", severity="critical"),
        info("SL-OUT", "streetlight", "lamp_dark", "SL-OUT", 3600, group_by="feeder", group_min=3, group_wait_s=600),
        info("SL-GEAR", "streetlight", "lamp_dark", "SL-OUT", 3600, severity="minor"),
        info("SL-DAY", "streetlight", "lamp_schedule", "SL-SCHEDULE", 3600, group_by="cabinet", group_min=3, group_wait_s=900),
        info("CAB-TRIP", "cabinet", "feeder_trip", "SL-GROUP"),
        info("DEV-SILENT", "any", "device_silent", "DEV-REPAIR", 3600, group_by="gateway", group_min=3, group_wait_s=900),
    )
}


def register() -> Register:
    """Three units, two covers, a drain, lamps of two feeders behind a cabinet, sensors behind a gateway."""
    units = [
        Unit("drainage", "Drainage service", "排水服务中心", "Asia/Shanghai", contacts=("log:drainage",),
             lead=("log:drainage-lead",), supervisor=("log:city-hall",)),
        Unit("lighting", "Lighting contractor", "市政公用服务中心", "Asia/Shanghai", contacts=("log:lighting",),
             lead=("log:lighting-lead",), supervisor=("log:city-hall",)),
        Unit("street-office", "Street office", timezone="Asia/Shanghai", contacts=("log:office",), guardian_of=("*",)),
        Unit("mute", "Unit without contacts", timezone="Asia/Shanghai", supervisor=("log:city-hall",)),
        Unit("lost", "Unit that nobody can reach", timezone="Asia/Shanghai"),
    ]  # fmt: skip
    assets = [
        Asset("mh-1", "manhole", district="d1", name="Pit at No. 1"),
        Asset("mh-2", "manhole", district="d1"),
        Asset("mh-mute", "manhole", unit="mute"),
        Asset("mh-lost", "manhole", unit="lost"),
        Asset("dr-1", "drain", district="d1"),
        Asset("cab-1", "cabinet", district="d1"),
        Asset("gw-1", "gateway", district="d1"),
        *(Asset(f"sl-{n}", "streetlight", district="d1", cabinet="cab-1", feeder="f-1", gateway="gw-1") for n in range(1, 9)),
        *(Asset(f"tail-{n}", "streetlight", district="d1", feeder="f-9") for n in range(1, 5)),
        *(Asset(f"pit-{n}", "manhole", district="d1", gateway="gw-1") for n in range(1, 7)),
    ]
    rules = [
        Responsibility("r-lamps", "area", "lighting", kind="streetlight", area="d1"),
        Responsibility("r-cabinets", "area", "lighting", kind="cabinet", area="d1"),
        Responsibility("r-pits", "area", "drainage", area="d1"),
    ]
    return Register(1, {a.id: a for a in assets}, {}, {u.id: u for u in units}, rules)


def event(
    asset: str, condition: str, change: AlertChange, at: datetime, *, onset: datetime | None = None, **more: Any
) -> AlertEvent:
    """An alert event; the onset is that of the episode (default: `at`)."""
    onset_ms = to_ms(onset or at)
    kind = {"mh": "manhole", "pit": "manhole", "sl": "streetlight", "tail": "streetlight", "dr": "drain", "cab": "cabinet"}
    fields: dict[str, Any] = {
        "id": alert_id(asset, condition, onset_ms),
        "change": change,
        "phase": _PHASE[change],
        "asset": asset,
        "kind": kind.get(asset.split("-")[0], "gateway"),
        "condition": condition,
        "severity": INFOS[condition].severity if condition in INFOS else "minor",
        "onset_ms": onset_ms,
        "at_ms": to_ms(at),
        "reason": f"because_{change}",
        "detail": "a sentence",
        "evidence": (Evidence(onset_ms, "tilt_deg", 12.5),),
        "end_ms": to_ms(at) if _PHASE[change] == "resolved" else None,
        "rulebook": "r1",
    }
    return AlertEvent(**{**fields, **more})


class Recorder:
    """A channel that keeps what it is given, and answers what it is told to."""

    name = "log"

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.answers: dict[str, Answer] = {}

    def send(self, message: Message) -> Answer:
        self.sent.append(message)
        return self.answers.get(message.target, Answer("ok", "sent"))

    def close(self) -> None:
        pass

    def said(self) -> list[tuple[str, str]]:
        """(purpose, target) of every message."""
        return [(message.purpose, message.target) for message in self.sent]


class Town:
    """The city on a real database, with a clock that the test moves."""

    def __init__(self, db: Database) -> None:
        self.db, self.now, self.machine_now = db, NOON, NOON
        self.register, self.infos, self.books = register(), dict(INFOS), BOOKS
        self.mail = Recorder()
        self.channels = Channels([self.mail])
        with db.transaction() as tx:
            register_store.save_units(tx, list(self.register.units.values()))

    def look(self) -> Lookups:
        return Lookups(self.infos, self.register, self.books)

    def take_in(self, tx: Tx, *events: AlertEvent) -> list[OpenedOrder]:
        return take(tx, events, infos=self.infos, register=self.register, books=self.books, now=self.now)

    def take(self, *events: AlertEvent) -> list[OpenedOrder]:
        with self.db.transaction() as tx:
            return self.take_in(tx, *events)

    def say(
        self, asset: str, condition: str, change: AlertChange, onset: datetime | None = None, **more: Any
    ) -> list[OpenedOrder]:
        """One event, now."""
        return self.take(event(asset, condition, change, self.now, onset=onset, **more))

    def raised(self, asset: str, condition: str) -> list[OpenedOrder]:
        return self.say(asset, condition, AlertChange.RAISED)

    def resolved(self, asset: str, condition: str, onset: datetime) -> None:
        self.say(asset, condition, AlertChange.RESOLVED, onset)

    def act(self, order_id: str, verb: str, actor: str = "crew 7", reason: str = "", **more: Any) -> Moved:
        return self.db.attempt(lambda tx: act(tx, order_id, verb, actor=actor, reason=reason, now=self.now, **more))

    def arbitrate(self, order_id: str, unit: str, actor: str = "district", reason: str = "the contract says so") -> Moved:
        return self.db.attempt(lambda tx: decide(tx, self.look(), order_id, unit, actor=actor, reason=reason, now=self.now))

    def cycle(self, **later: float) -> CycleReport:
        """Move the clock (as a timedelta is made) and run the cycle until nothing is due."""
        self.now += timedelta(**later)
        self.machine_now += timedelta(**later)
        first = CycleReport()
        for turn in range(20):
            report = run_cycle(
                self.db, now=self.now, infos=self.infos, register_of=lambda: self.register, books=self.books,
                channels=self.channels, machine_now=self.machine_now,
            )  # fmt: skip
            assert not report.errors, report.errors
            first = first if turn else report
            self.channels.join(10)
            if not report.done:
                return first
        raise AssertionError("the cycle does not come to rest")

    def orders(self, **filters: Any) -> list[Row]:
        """Orders, oldest first."""
        with self.db.transaction() as tx:
            return list(reversed(views.orders(tx, limit=500, **filters)))

    def order(self, order_id: Any) -> Row:
        with self.db.transaction() as tx:
            return views.order(tx, order_id)

    def cases(self, **filters: Any) -> list[Row]:
        with self.db.transaction() as tx:
            return list(reversed(views.cases(tx, limit=500, **filters)))

    def alerts(self, **filters: Any) -> list[Row]:
        with self.db.transaction() as tx:
            return list(reversed(views.alerts(tx, limit=500, **filters)))

    def history(self, order_id: Any) -> list[str]:
        """The events of an order."""
        return [row["event"] for row in self.order(order_id)["events"]]

    def faults(self) -> Sequence[Fault]:
        """What is wrong with the ledger, and with what stands beside it."""
        with self.db.transaction() as tx:
            return check(tx).faults
