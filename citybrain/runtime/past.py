"""A past for a made-up city: a month of readings in which a few things wear, so that there is something to forecast on its
first day. Written through the store as test uplinks: they are in the sums, and no rule judges them, not in hindsight either
(three messages a day would be long silences).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

from citybrain.kernel.ids import content_hash
from citybrain.kernel.model import Asset, Device, Flag, Kind, Reading, Value
from citybrain.kernel.register import Register
from citybrain.kernel.times import to_ms
from citybrain.store import forecasts, readings
from citybrain.store import register as register_store
from citybrain.store.db import Database
from forecast.battery import idle_mah, model_of, uplink_mah
from forecast.book import Book
from forecast.finding import Plan
from forecast.lamp import like

DAYS = 32
_HOURS = (3, 11, 19)
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
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    by_kind: dict[str, list[Asset]] = {}
    for name in sorted(register.assets):
        by_kind.setdefault(register.assets[name].kind, []).append(register.assets[name])
    piped = [one for one in by_kind.get(Kind.DRAIN, []) if one.pipe_diameter_mm]
    drains = [piped[0], piped[-1]] if len(piped) > 1 else piped
    covers = by_kind.get(Kind.MANHOLE, [])[:2]
    lamps = _alike(by_kind.get(Kind.STREETLIGHT, []))
    gauges = [one for one in by_kind.get(Kind.RAIN_GAUGE, []) if one.district in {drain.district for drain in drains}]
    told: list[Reading] = []
    for drain in drains:
        told += _readings(drain, midnight, _silt(drain, book.plans.silt.share_of_diameter, random))
    for gauge in gauges:
        told += _readings(gauge, midnight, ({"rain_mm": 4.0 if day % _SHOWER == 0 else 0.0} for day in range(DAYS)))
    for cover in covers[:1]:
        limit = book.plans.cover.tilt_deg
        told += _readings(
            cover, midnight, ({"tilt_deg": limit - 0.15 - 0.03 * left + random.gauss(0, 0.02)} for left in _left())
        )
    for number, lamp in enumerate(lamps):
        drift = 0.004 if number == 0 else 0.0
        told += _readings(lamp, midnight, _power(lamp, drift, book.plans.lamp.low, random))
    worn = {
        Plan.SILT: [drain.id for drain in drains],
        Plan.COVER: [cover.id for cover in covers[:1]],
        Plan.LAMP: [lamp.id for lamp in lamps[:1]],
        Plan.BATTERY: [cover.id for cover in covers[1:]],
    }
    devices = [device for cover in covers[1:] for device in _old_devices(cover, register, book, now)]
    for cover in covers[1:]:
        told += _readings(cover, midnight, ({"snr_db": -12.0} for _ in range(DAYS)))
    with db.transaction() as tx:
        readings.add(tx, told)
        register_store.save_devices(tx, devices)
        forecasts.set_next(tx, now)
    return {plan: names for plan, names in worn.items() if names}


def _left() -> range:
    """Days that are left until today, from the first day on."""
    return range(DAYS, 0, -1)


def _readings(asset: Asset, midnight: datetime, values: Iterable[Mapping[str, Value]]) -> Iterator[Reading]:
    """Three messages a day, one for each item of `values`, the last on the day before `midnight`."""
    for left, told in zip(_left(), values, strict=True):
        for hour in _HOURS:
            at_ms = to_ms(midnight - timedelta(days=left) + timedelta(hours=hour))
            key = content_hash(f"{asset.id} {at_ms}".encode())
            yield Reading(asset.id, asset.kind, asset.id, at_ms, at_ms, dict(told), key=key, flags=Flag.SIMULATED)


def _silt(drain: Asset, share: float, random: Random) -> Iterator[Mapping[str, Value]]:
    limit = share * (drain.pipe_diameter_mm or 0.0)
    slope = min(1.2, 0.8 * limit / DAYS)
    for left in _left():
        wet = 60.0 if (DAYS - left) % _SHOWER == 0 else 0.0
        yield {"level_mm": round(limit - 8 - slope * left + wet + random.gauss(0, 1.0), 1)}


def _power(lamp: Asset, drift: float, low: float, random: Random) -> Iterator[Mapping[str, Value]]:
    own = low + 0.05 if drift else 1.0
    for left in _left():
        share = own + drift * left
        yield {
            "power_w": round((lamp.rated_power_w or 0.0) * _LIT * share * (1 + random.gauss(0, 0.003)), 2),
            "dim_pct": _DIM_PCT,
        }


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
