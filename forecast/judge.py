"""From what is known of an asset to its findings: which forecasts apply, and what each starts from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from citybrain.kernel.model import Asset, Kind
from citybrain.kernel.times import from_ms, to_ms
from citybrain.store import forecasts
from citybrain.store.db import Row, Tx
from forecast import battery, cover, lamp, repeat, silt
from forecast.battery import Charge
from forecast.days import DAY_MS
from forecast.finding import PLANNED, Finding, Plan, Why
from forecast.gather import MEASURES, Chunk, Surroundings, days_of, moment
from forecast.life import Held

_BATTERIES = frozenset({Kind.MANHOLE, Kind.DRAIN})
_KEEP_COUNT_DAYS = 30
"""what was counted is written down so often; the days since then are in the window"""


class Judged(NamedTuple):
    """A finding, what is remembered beside it, and (battery) what is counted by now."""

    finding: Finding
    held: Held
    counted: Mapping[str, Any] | None = None


def judge(tx: Tx, chunk: Chunk, asset: Asset, around: Surroundings) -> Iterator[Judged]:
    """Every forecast that applies to an asset, as of `around.today`."""
    plans, today, daily = around.book.plans, around.today, chunk.daily.get(asset.id, {})
    if asset.kind == Kind.DRAIN:
        held = held_of(chunk.held.get((asset.id, Plan.SILT)))
        found = silt.forecast(asset, daily, around.wet(tx, asset), today, plans.silt, _reset(held))
        yield Judged(_unless_acute(found, chunk, around), held)
    if asset.kind == Kind.MANHOLE:
        held = held_of(chunk.held.get((asset.id, Plan.COVER)))
        yield Judged(_unless_acute(cover.forecast(asset, daily, today, plans.cover, _reset(held)), chunk, around), held)
    if asset.kind == Kind.STREETLIGHT:
        held = held_of(chunk.held.get((asset.id, Plan.LAMP)))
        found = lamp.forecast(asset, daily, around.peers(tx, asset), today, plans.lamp, _reset(held))
        yield Judged(_unless_acute(found, chunk, around), held)
    if asset.kind in _BATTERIES:
        yield _battery(tx, chunk, asset, around)
    yield _repeat(chunk, asset, around)


def held_of(row: Row | None) -> Held:
    """What a row of the table remembers."""
    if row is None:
        return Held()
    times = (
        row[name]
        for name in ("onset_at", "raised_at", "told_at", "told_low_at", "told_high_at", "calm_at", "reset_at", "ended_at")
    )
    return Held(str(row["alert_id"]) if row["alert_id"] else None, *(to_ms(at) if at is not None else None for at in times))


def columns(judged: Judged, held: Held, now: datetime) -> dict[str, Any]:
    """The row of the table."""
    found = judged.finding
    times = {
        "forecast_at": found.at_ms, "low_at": found.low_ms, "high_at": found.high_ms, "onset_at": held.onset_ms,
        "raised_at": held.raised_ms, "told_at": held.told_ms, "told_low_at": held.told_low_ms,
        "told_high_at": held.told_high_ms, "calm_at": held.calm_ms, "reset_at": held.reset_ms, "ended_at": held.ended_ms,
    }  # fmt: skip
    return {
        "asset": found.asset,
        "plan": str(found.plan),
        "why": str(found.why),
        "samples": found.samples,
        "facts": [list(fact) for fact in found.facts],
        "points": [list(point) for point in found.points],
        "detail": found.detail,
        "made_at": now,
        "alert_id": held.alert,
        "counted": judged.counted,
        **{name: None if ms is None else from_ms(ms) for name, ms in times.items()},
    }


def worth_writing(before: Row | None, row: Mapping[str, Any]) -> bool:
    """Is a forecast another one than was written? A date that moves by less than a day is the same one."""
    if before is None:
        return True
    if any(before[name] != row[name] for name in ("why", "raised_at", "told_at", "calm_at", "reset_at", "ended_at")):
        return True
    if _far(before["forecast_at"], row["forecast_at"], 1.0) or _far(before["high_at"], row["high_at"], 7.0):
        return True
    old, new = before["counted"], row["counted"]
    return new is not None and (old is None or old["start"] != new["start"] or new["until"] - old["until"] >= _KEEP_COUNT_DAYS)


def is_news(before: Row | None, row: Mapping[str, Any]) -> bool:
    """Does a forecast belong into its history? When its reason changed, or its date left the interval that was written."""
    if before is None:
        return row["forecast_at"] is not None
    if before["why"] != row["why"]:
        return before["forecast_at"] is not None or row["forecast_at"] is not None
    at = row["forecast_at"]
    return at is not None and not before["low_at"] <= at <= before["high_at"]


def _far(one: datetime | None, other: datetime | None, days: float) -> bool:
    if one is None or other is None:
        return one is not other
    return abs((one - other).total_seconds()) >= days * 86_400


def _reset(held: Held) -> float:
    return (held.reset_ms or 0) / DAY_MS


def _unless_acute(found: Finding, chunk: Chunk, around: Surroundings) -> Finding:
    """Where the fault itself is open, nobody needs a planned order for it."""
    acute = found.why in PLANNED and chunk.acute(found.asset, around.book.plans.acute.get(found.plan, ()))
    return found._replace(why=Why.ACUTE) if acute else found


def _battery(tx: Tx, chunk: Chunk, asset: Asset, around: Surroundings) -> Judged:
    settings, today, daily = around.book.plans.battery, around.today, chunk.daily.get(asset.id, {})
    before = chunk.held.get((asset.id, Plan.BATTERY))
    held = held_of(before)
    devices = [
        device
        for device in around.devices.get(asset.id, ())
        if (device.valid_from is None or days_of(device.valid_from) <= today)
        and (device.valid_to is None or days_of(device.valid_to) > today)
    ]
    model = battery.model_of(asset, devices, around.book.plans.batteries)
    starts: list[float | None] = [None if device.valid_from is None else days_of(device.valid_from) for device in devices]
    starts += [_date(asset.attributes.get("battery_since")), battery.changed(daily, settings), _reset(held) or None]
    starts.append(_said(chunk, asset, around, daily))
    known = [start for start in starts if start is not None and start <= today]
    if model is None or not known:
        return Judged(battery.forecast(asset, daily, model, None, today, settings), held)
    start = max(known)
    charge = _counted(before)
    if charge is None or abs(charge.start - start) >= 1:
        charge = None
    older = (0.0, 0)
    first = int(today) - settings.window_days
    if charge is None and start < first:
        heard = forecasts.heard(tx, {asset.id: moment(start)}, MEASURES[asset.kind], moment(first))
        older = (float(heard[asset.id][0]), heard[asset.id][1]) if asset.id in heard else older
    charge = battery.count(asset, daily, start, today, settings, charge, older)
    found = battery.forecast(asset, daily, model, charge, today, settings, reset=start)
    return Judged(_unless_acute(found, chunk, around), held, charge._asdict())


def _said(chunk: Chunk, asset: Asset, around: Surroundings, daily: Mapping[str, Any]) -> float | None:
    """When the crew said that it changed the battery: counts where the device has no way to show it."""
    shows = battery.PERCENT in daily or battery.VOLTS in daily
    at = chunk.worked.get((asset.id, around.book.condition_of[Plan.BATTERY].id))
    return None if shows or at is None else days_of(at)


def _date(told: str | None) -> float | None:
    """A date of the register (ISO 8601); None where there is none or no date."""
    if not told:
        return None
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        return None
    return days_of(at if at.tzinfo is not None else at.replace(tzinfo=UTC))


def _counted(before: Row | None) -> Charge | None:
    return Charge(**before["counted"]) if before is not None and before["counted"] else None


def _repeat(chunk: Chunk, asset: Asset, around: Surroundings) -> Judged:
    held = held_of(chunk.held.get((asset.id, Plan.REPEAT)))
    done = chunk.worked.get((asset.id, around.book.condition_of[Plan.REPEAT].id))
    if done is not None and to_ms(done) > (held.reset_ms or 0):
        held = held._replace(reset_ms=to_ms(done))
    cases = [repeat.Case(days_of(row["opened_at"]), row["cause"], row["number"]) for row in chunk.troubles.get(asset.id, ())]
    found = repeat.forecast(asset, cases, around.today, around.book.plans.repeat, _reset(held))
    return Judged(found, held)
