"""A past for a made-up city: sums by day of a month in which a few things wear, so that there is something to forecast on its
first day. There are no readings behind them: what was never heard is judged by no rule, not in hindsight either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from citybrain.kernel.model import Asset, Device, Kind
from citybrain.kernel.register import Register
from citybrain.store import forecasts, summaries
from citybrain.store import register as register_store
from citybrain.store.db import Database
from citybrain.store.summaries import DaySum
from forecast.battery import idle_mah, model_of, uplink_mah
from forecast.book import Book
from forecast.finding import Plan
from forecast.lamp import like

DAYS = 32
_SHOWER = 9
"""it rains on every ninth day"""
_PEERS = 12
_DIM_PCT, _LIT = 75.0, 0.70
"""share of the rated power that a healthy lamp draws at that dimming"""
_BATTERY_LEFT_DAYS = 40


def seed_history(db: Database, register: Register, book: Book, now: datetime, *, seed: int = 7) -> dict[Plan, list[str]]:
    """Give a city without readings a past of a month up to yesterday, and ask for forecasts at once; which assets wear.

    Two drains silt up, a frame sinks, a lamp fades beside lamps that do not, and a battery of years is about to end (its device
    gets the date on which it was put in, in `register` too). What the register does not have is left out.
    """
    random = Random(seed)
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    by_kind: dict[str, list[Asset]] = {}
    for name in sorted(register.assets):
        by_kind.setdefault(register.assets[name].kind, []).append(register.assets[name])
    piped = [one for one in by_kind.get(Kind.DRAIN, []) if one.pipe_diameter_mm]
    drains = [piped[0], piped[-1]] if len(piped) > 1 else piped
    covers = by_kind.get(Kind.MANHOLE, [])[:2]
    lamps = _alike(by_kind.get(Kind.STREETLIGHT, []))
    gauges = [one for one in by_kind.get(Kind.RAIN_GAUGE, []) if one.district in {drain.district for drain in drains}]
    sums: list[DaySum] = []
    for drain in drains:
        sums += _sums(drain, "level_mm", midnight, _silt(drain, book.plans.silt.share_of_diameter, random), swing=60.0)
    for gauge in gauges:
        sums += _sums(gauge, "rain_mm", midnight, (4.0 if _showery(left) else 0.0 for left in _left()), n=1)
    for cover in covers[:1]:
        tilt = (book.plans.cover.tilt_deg - 0.15 - 0.03 * left + random.gauss(0, 0.02) for left in _left())
        sums += _sums(cover, "tilt_deg", midnight, tilt)
    for number, lamp in enumerate(lamps):
        drift = 0.004 if number == 0 else 0.0
        sums += _sums(lamp, "power_w", midnight, _power(lamp, drift, book.plans.lamp.low, random))
        sums += _sums(lamp, "dim_pct", midnight, (_DIM_PCT for _ in _left()))
    for cover in covers[1:]:
        sums += _sums(cover, "snr_db", midnight, (-12.0 for _ in _left()))
    worn = {
        Plan.SILT: [drain.id for drain in drains],
        Plan.COVER: [cover.id for cover in covers[:1]],
        Plan.LAMP: [lamp.id for lamp in lamps[:1]],
        Plan.BATTERY: [cover.id for cover in covers[1:]],
    }
    devices = [device for cover in covers[1:] for device in _old_devices(cover, register, book, now)]
    with db.transaction() as tx:
        summaries.seed(tx, sums, midnight)
        register_store.save_devices(tx, devices)
        forecasts.set_next(tx, now)
    return {plan: names for plan, names in worn.items() if names}


def _left() -> range:
    """Days that are left until today, from the first day on."""
    return range(DAYS, 0, -1)


def _showery(left: int) -> bool:
    return (DAYS - left) % _SHOWER == 0


def _sums(
    asset: Asset, measure: str, midnight: datetime, values: Iterable[float], *, n: int = 96, swing: float = 0.0
) -> Iterator[DaySum]:
    """One sum a day, the last of the day before `midnight`. `values` are the least of each day, the greatest `swing` above."""
    for left, value in zip(_left(), values, strict=True):
        mean = value + swing / 2
        yield DaySum(asset.id, measure, midnight - timedelta(days=left), n, mean * n, value, value + swing)


def _silt(drain: Asset, share: float, random: Random) -> Iterator[float]:
    limit = share * (drain.pipe_diameter_mm or 0.0)
    slope = min(1.2, 0.8 * limit / DAYS)
    for left in _left():
        yield round(limit - 8 - slope * left + (60.0 if _showery(left) else 0.0) + random.gauss(0, 1.0), 1)


def _power(lamp: Asset, drift: float, low: float, random: Random) -> Iterator[float]:
    own = low + 0.05 if drift else 1.0
    for left in _left():
        yield round((lamp.rated_power_w or 0.0) * _LIT * (own + drift * left) * (1 + random.gauss(0, 0.003)), 2)


def _alike(lamps: Sequence[Asset]) -> list[Asset]:
    """So many lamps of one model and power, of the most usual one."""
    alike: dict[tuple[str, float], list[Asset]] = {}
    for lamp in lamps:
        if lamp.rated_power_w:
            alike.setdefault(like(lamp), []).append(lamp)
    most = max(alike.values(), key=len, default=[])
    return most[:_PEERS] if len(most) >= _PEERS else []


def _old_devices(cover: Asset, register: Register, book: Book, now: datetime) -> list[Device]:
    """The device of a cover, put in so long ago that its battery is about to end."""
    devices = register.devices.get(cover.id, [])
    model = model_of(cover, devices, book.plans.batteries)
    if model is None or not devices or not cover.interval_s:
        return []
    per_day = 86_400 / cover.interval_s * uplink_mah(model, max(model.airtime_s)) + idle_mah(model)
    life = model.capacity_ah * 1000 * book.plans.battery.usable / per_day
    since = now - timedelta(days=max(DAYS + 1.0, life - _BATTERY_LEFT_DAYS))
    register.devices[cover.id] = [Device(device.id, device.asset, device.profile, since, device.valid_to) for device in devices]
    return list(register.devices[cover.id])
