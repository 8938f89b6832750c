"""PURE. Batteries: the charge that was drawn is counted, never read from the voltage.

A Li-SOCl2 cell stands near 3.6 V for nine tenths of its life and can show 3.65 V when it is empty. So

    charge a day = uplinks * (charge on air at the spreading factor) + measurements * charge of one + sleep + self-discharge

is added up from the day on which the battery was put in: a date of the register, or a start of the device with a step of its
voltage (or of the charge that it tells). The archive keeps the number of messages by day for ten years; for days before it
began, the mean of the days that it has stands in.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from statistics import mean
from typing import NamedTuple

from citybrain.kernel.model import Asset, Device
from forecast.days import Daily, Day, ms_of, noon
from forecast.finding import Finding, Plan, Why, judged
from forecast.settings import Battery, BatteryModel
from forecast.trend import Crossing

VOLTS, PERCENT, LOW, BOOT, SNR = "battery_v", "battery_pct", "battery_low", "boot", "snr_db"
_RATE_DAYS = 30
_SIDE = 3
"""values before and after a start of the device that are compared"""
_HOURS = 24.0
_MAH = 1000.0
_REQUIRED_DB = {7: -7.5, 8: -10.0, 9: -12.5, 10: -15.0, 11: -17.5, 12: -20.0}
"""spreading factor -> least signal to noise that it is understood at (SX1276 datasheet)"""


class Charge(NamedTuple):
    """What was counted up to a day (the first that is not counted yet): uplinks on the air, on `days` days."""

    start: float
    """since when, days since 1970"""
    until: int
    uplinks: float
    days: int
    """days of the archive; the others were estimated"""


def model_of(asset: Asset, devices: Sequence[Device], models: Sequence[BatteryModel]) -> BatteryModel | None:
    """The battery of an asset's device: by attribute `battery`, else by its profile or model, else by the kind of asset."""
    named = asset.attributes.get("battery")
    if named is not None:
        return next((model for model in models if model.name == named), None)
    names = [name.lower() for name in (*(device.profile for device in devices), asset.model) if name]
    for model in models:
        if any(fnmatchcase(name, pattern) for name in names for pattern in model.devices):
            return model
    return next((model for model in models if asset.kind in model.kinds), None)


def uplinks(daily: Daily) -> dict[int, int]:
    """Messages heard by day: as many as the measure that came most often."""
    heard: dict[int, int] = {}
    for days in daily.values():
        for one in days:
            heard[one.day] = max(one.n, heard.get(one.day, 0))
    return heard


def changed(daily: Daily, settings: Battery) -> float | None:
    """The newest day on which another battery was put in, as the device shows it (days since 1970)."""
    starts = {one.day for one in daily.get(BOOT, ()) if one.high >= 1}
    found = [
        *_steps(daily.get(VOLTS, ()), settings.volt_step, starts),
        *_steps(daily.get(PERCENT, ()), settings.percent_step, None),
    ]
    return max(found, default=None)


def _steps(days: Sequence[Day], least: float, only: set[int] | None) -> list[float]:
    """The days of lasting rises, each once: where it was sharpest. `only`: on these days or the day behind them."""
    steps: list[tuple[int, float]] = []
    for cut in range(1, len(days)):
        day = days[cut].day
        if only is not None and day not in only and day - 1 not in only:
            continue
        before, after = days[max(0, cut - _SIDE) : cut], days[cut + 1 : cut + 1 + _SIDE] or days[cut : cut + 1]
        if mean(one.mean for one in after) - mean(one.mean for one in before) < least:
            continue
        sharp = days[cut].mean - days[cut - 1].mean
        if steps and day - steps[-1][0] <= _SIDE:
            steps[-1] = max(steps[-1], (day, sharp), key=lambda step: step[1])
        else:
            steps.append((day, sharp))
    return [float(day) for day, _ in steps]


def spreading_factor(asset: Asset, daily: Daily, model: BatteryModel, margin_db: float) -> tuple[int, str]:
    """Spreading factor and where it is from: attribute `sf`, else what adaptive data rate would choose, else the usual one."""
    told = asset.attributes.get("sf", "")
    if told.isdecimal() and int(told) in model.airtime_s:
        return int(told), "register"
    heard = daily.get(SNR, ())[-_RATE_DAYS:]
    if not heard:
        return model.spreading_factor, "usual"
    snr = mean(one.mean for one in heard)
    fits = [sf for sf, need in sorted(_REQUIRED_DB.items()) if snr >= need + margin_db and sf in model.airtime_s]
    return (fits[0] if fits else max(model.airtime_s)), "signal"


def uplink_mah(model: BatteryModel, sf: int) -> float:
    """Charge of one uplink with its measurements."""
    on_air = model.tx_ma * model.airtime_s[sf] / 3600
    return on_air + model.measures_per_uplink * model.measure_mah


def idle_mah(model: BatteryModel) -> float:
    """Charge of a day without any uplink: sleep and self-discharge."""
    return model.sleep_ua / _MAH * _HOURS + model.self_discharge * model.capacity_ah * _MAH / 365.25


def count(
    asset: Asset, daily: Daily, start: float, today: float, settings: Battery, before: Charge | None = None,
    older: tuple[float, int] = (0.0, 0),
) -> Charge:  # fmt: skip
    """Count on from `before` (of the same battery) with the days of `daily`. `older`: uplinks heard and days before those.

    A day on which nothing was heard (an outage of ours) costs as much as the interval of reports says: the device sent.
    """
    heard = uplinks(daily)
    expected = 86_400 / asset.interval_s if asset.interval_s else 0.0
    if before is None or abs(before.start - start) >= 1 or before.until > today:
        total, days, until = older[0] / (1 - settings.loss), older[1], min(heard, default=int(today))
    else:
        total, days, until = before.uplinks, before.days, before.until
    for day in range(max(until, int(start)), int(today)):
        if day in heard or expected:
            total += max(heard.get(day, 0) / (1 - settings.loss), expected)
            days += 1
    return Charge(start, int(today), total, days)


def forecast(
    asset: Asset, daily: Daily, model: BatteryModel | None, charge: Charge | None, today: float, settings: Battery,
    reset: float | None = None,
) -> Finding:  # fmt: skip
    """When the usable charge is used up. `charge` None: nobody knows since when. `reset`: a change that was seen (days)."""
    found = Finding(Plan.BATTERY, asset.id, Why.NO_MODEL, reset_ms=None if reset is None else ms_of(reset))
    if model is None:
        return found
    if charge is None:
        return found._replace(why=Why.UNKNOWN_START)
    heard = uplinks(daily)
    recent = [n for day, n in sorted(heard.items()) if day < int(today)][-_RATE_DAYS:]
    found = found._replace(since_ms=ms_of(charge.start), samples=charge.days)
    if charge.days < settings.days_min or not recent:
        return found._replace(why=Why.TOO_FEW_DAYS)
    expected = 86_400 / asset.interval_s if asset.interval_s else 0.0
    rate = max(mean(recent) / (1 - settings.loss), expected)
    sf, source = spreading_factor(asset, daily, model, settings.snr_margin_db)
    per_uplink, idle = uplink_mah(model, sf), idle_mah(model)
    age = today - charge.start
    unknown = max(0.0, age - charge.days)
    drawn = (charge.uplinks + unknown * charge.uplinks / charge.days) * per_uplink + age * idle
    per_day = rate * per_uplink + idle
    usable = model.capacity_ah * _MAH * settings.usable
    doubt = model.doubt if source == "register" else model.doubt * 1.5 if source == "signal" else model.doubt * 2
    met = Crossing(*(today + (usable / share - drawn) / per_day for share in (1.0, 1 + doubt, 1 - doubt)))
    found = found._replace(
        facts=(
            ("battery", model.name),
            ("spreading_factor", f"{sf} ({source})"),
            ("uplinks_per_day", round(rate, 1)),
            ("uplinks_counted", round(charge.uplinks)),
            ("days_counted", charge.days),
            ("days_estimated", round(unknown)),
            ("drawn_mah", round(drawn)),
            ("usable_mah", round(usable)),
            ("mah_per_day", round(per_day, 3)),
        ),
        points=tuple((ms_of(noon(day)), "uplinks", float(heard[day])) for day in sorted(heard)[-5:]),
        detail=f"{drawn:.0f} of {usable:.0f} mAh drawn in {age:.0f} days, {per_day:.2f} mAh a day at SF{sf}",
    )
    # an interval of years is usual, and an empty battery says nothing any more: its early end decides
    return judged(found, met, today, horizon=settings.horizon_days, width_max=settings.width_max_days, early=True)
