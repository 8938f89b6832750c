"""A town on which a scenario is played: real database, real rulebook, and a clock that goes from timer to timer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from citybrain.config import Settings
from citybrain.kernel.errors import CityBrainError
from citybrain.kernel.events import AlertChange, AlertEvent
from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Responsibility
from citybrain.store import register as register_store
from citybrain.store.db import Database, Row
from dispatch.books import load_books
from dispatch.channels import Channels
from rules.load import load
from tests.dispatch_kit import INFOS, NOON, Town, event
from tests.scenarios.dispatch.intake import Intake

_MOST = 5000
"""so many stops of the clock are more than any scenario needs"""


class Stage(Town):
    """A town as a scenario describes it."""

    def __init__(self, db: Database, intake: Intake, plan: Mapping[str, Any], folder: Path) -> None:
        super().__init__(db)
        self.intake, self.folder = intake, folder
        for name, content in plan.get("files", {}).items():
            text = content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True)
            (folder / name).write_text(text, encoding="utf-8")
        given = {key: _path(value, folder, plan.get("files", {})) for key, value in plan.get("settings", {}).items()}
        self.settings = Settings(canary_s=0, **given)
        self.books = load_books(self.settings)
        # the conditions of the kit that the shipped rulebook does not have stay: DR-HIGH and others
        self.infos = INFOS | dict(load(self.settings.rulebook).info)
        self._people(plan.get("city", {}))
        if "start" in plan:
            self.now = self.machine_now = _moment(plan["start"])
        self.onsets: dict[tuple[str, str], datetime] = {}
        """(asset, condition) -> begin of the episode that is on"""
        self.heard = 0
        """so many messages were looked at"""

    def _people(self, city: Mapping[str, Any]) -> None:
        units = {unit.id: unit for unit in (_made(Unit, row) for row in city.get("units", ()))}
        assets = {asset.id: asset for asset in (_made(Asset, row) for row in city.get("assets", ()))}
        rules = [_made(Responsibility, row) for row in city.get("responsibilities", ())]
        register = self.register
        self.register = replace(
            register,
            units=register.units | units,
            assets=register.assets | assets,
            responsibilities=[*rules, *register.responsibilities],
        )
        with self.db.transaction() as tx:
            register_store.save_units(tx, list(self.register.units.values()))
            register_store.save_assets(tx, list(self.register.assets.values()))
            register_store.save_responsibilities(tx, list(self.register.responsibilities))

    def tell(self, pairs: list[tuple[str, str]], change: AlertChange, **more: Any) -> None:
        """The same change of several alerts (asset, condition), in one go."""
        events: list[AlertEvent] = []
        for asset, condition in pairs:
            if change == AlertChange.RAISED:
                self.onsets[asset, condition] = self.now
            onset = self.onsets[asset, condition]
            kind = self.register.assets[asset].kind if asset in self.register.assets else "manhole"
            severity = self.infos[condition].severity
            fields = {"kind": kind, "severity": severity, **more}
            events.append(event(asset, condition, change, self.now, onset=onset, **fields))
        self.intake.take(self, events)
        self.cycle()

    def go(self, target: datetime) -> None:
        """Let the time pass until `target`, stopping at every timer on the way."""
        for _ in range(_MOST):
            with self.db.transaction() as tx:
                row = tx.one(_NEXT, now=self.now, until=target)
            at = min(row["at"] or target, target) if row else target
            self.cycle(seconds=(at - self.now).total_seconds())
            if at >= target:
                return
        raise AssertionError(f"more than {_MOST} timers until {target}")

    def restart(self) -> None:
        """The process ends and comes again: what is not in the database is forgotten."""
        self.channels.close()
        self.channels = Channels([self.mail])

    def order_of(self, asset: str) -> Row:
        """The newest order of an asset, with its events."""
        found = [order for order in self.orders() if order["asset"] == asset]
        assert found, f"no order of {asset!r}; there are {[(o['asset'], o['state']) for o in self.orders()]}"
        return self.order(found[-1]["id"])

    def alert_of(self, asset: str, condition: str) -> Row:
        """The newest alert of an asset and condition."""
        found = [row for row in self.alerts() if (row["asset"], row["condition"]) == (asset, condition)]
        assert found, f"no alert {condition} of {asset!r}"
        return found[-1]

    def news(self) -> list[str]:
        """`purpose target` of the messages since the last time, in the order of sending."""
        said = [f"{purpose} {target}" for purpose, target in self.mail.said()]
        fresh, self.heard = said[self.heard :], len(said)
        return fresh

    def refuses(self, work: Any, wanted: str) -> None:
        """Something must be refused, with these words in the error."""
        with pytest.raises(CityBrainError) as refused:
            work()
        assert wanted in str(refused.value)


_NEXT = """
SELECT min(at) AS at FROM (
    SELECT next_at AS at FROM timers WHERE next_at > %(now)s AND next_at <= %(until)s
    UNION ALL SELECT next_at FROM duty_handovers WHERE next_at > %(now)s AND next_at <= %(until)s
    UNION ALL SELECT next_at FROM cycle_modules WHERE next_at > %(now)s AND next_at <= %(until)s
    UNION ALL SELECT greatest(next_at, hold_until) FROM outbox
    WHERE state = 'waiting' AND greatest(next_at, hold_until) > %(now)s AND greatest(next_at, hold_until) <= %(until)s
    UNION ALL SELECT begins_at FROM silences WHERE state = 'planned' AND begins_at > %(now)s AND begins_at <= %(until)s
    UNION ALL SELECT ends_at FROM silences WHERE state <> 'ended' AND ends_at > %(now)s AND ends_at <= %(until)s
) AS due
"""
"""the scenario's machine clock goes with that of the city, so the outbox is among them"""


def _moment(text: Any) -> datetime:
    moment = text if isinstance(text, datetime) else datetime.fromisoformat(str(text))
    assert moment.tzinfo is not None, f"start: {text} needs a time zone, such as {NOON.isoformat()}"
    return moment


def length(text: Any) -> timedelta:
    """`90s`, `30m`, `2h`, `60d`, or several of them: `1d2h`."""
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    total, digits = timedelta(0), ""
    for char in str(text):
        if char.isdigit() or char == ".":
            digits += char
        else:
            assert digits, f"{text!r} is no length of time: 90s, 30m, 2h, 60d, 1d2h"
            total, digits = total + timedelta(**{units[char]: float(digits)}), ""
    assert not digits, f"{text!r}: a number without its unit"
    return total


def _path(value: Any, folder: Path, files: Mapping[str, Any]) -> Any:
    return folder / value if isinstance(value, str) and value in files else value


def _made(kind: Any, row: Mapping[str, Any]) -> Any:
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
