"""What the trends of a chunk of assets are made of, read in a few queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from citybrain.kernel.ids import content_hash
from citybrain.kernel.model import Asset, Device, Kind
from citybrain.kernel.register import Register
from citybrain.kernel.times import EPOCH
from citybrain.store import forecasts
from citybrain.store.db import Row, Tx
from forecast import battery, cover, lamp, silt
from forecast.book import Book
from forecast.days import Daily, Day
from forecast.finding import Plan
from forecast.lamp import Like, Peers

_RADIO = ("rssi_dbm", battery.SNR, battery.VOLTS, battery.PERCENT, battery.BOOT)
MEASURES: Mapping[str, tuple[str, ...]] = {
    Kind.DRAIN: (*silt.MEASURES, "distance_mm", *_RADIO),
    Kind.MANHOLE: (*cover.MEASURES, "distance_mm", "level_mm", *_RADIO),
    Kind.STREETLIGHT: lamp.MEASURES,
}
"""kind of asset -> what is read of it; of the other kinds nothing, and only their faults count"""

_DAY = timedelta(days=1)


def moment(day: float) -> datetime:
    """The time of a day since 1970."""
    return EPOCH + timedelta(days=day)


def days_of(at: datetime) -> float:
    """A time in days since 1970."""
    return (at - EPOCH) / _DAY


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some assets with everything that is known of them."""

    assets: Sequence[Asset]
    daily: Mapping[str, Daily]
    held: Mapping[tuple[str, str], Row]
    troubles: Mapping[str, Sequence[Row]]
    worked: Mapping[tuple[str, str], datetime]
    firing: frozenset[tuple[str, str]]

    def acute(self, asset: str, conditions: Iterable[str]) -> bool:
        """Is the fault itself there?"""
        return any((asset, condition) in self.firing for condition in conditions)


@dataclass(slots=True)
class Surroundings:
    """What assets are compared with, read when it is first asked for and kept for one run: rain and lamps of the same model."""

    book: Book
    register: Register
    today: float
    devices: dict[str, list[Device]] = field(default_factory=dict)
    _gauges: dict[str, list[str]] = field(default_factory=dict)
    _lamps: dict[Like, list[str]] = field(default_factory=dict)
    _wet: dict[str, frozenset[int] | None] = field(default_factory=dict)
    _peers: dict[Like, Peers] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for bound in list(self.register.devices.values()):
            for device in bound:
                self.devices.setdefault(device.asset, []).append(device)
        for asset in list(self.register.assets.values()):
            if asset.kind == Kind.RAIN_GAUGE:
                for place in _places(asset):
                    self._gauges.setdefault(place, []).append(asset.id)
            elif asset.kind == Kind.STREETLIGHT:
                self._lamps.setdefault(lamp.like(asset), []).append(asset.id)

    def wet(self, tx: Tx, asset: Asset) -> frozenset[int] | None:
        """The wet days where a drain is: by the gauges of its catchment, else of its district; None where there is none."""
        settings = self.book.plans.silt
        for place in _places(asset):
            if place not in self._gauges:
                continue
            if place not in self._wet:
                gauges = self._gauges[place]
                daily = read(tx, gauges, (silt.RAIN,), self.today - settings.window_days - settings.wet_days_after, self.today)
                self._wet[place] = silt.wet_days([daily.get(gauge, {}) for gauge in gauges], settings)
            if self._wet[place] is not None:
                return self._wet[place]
        return None

    def peers(self, tx: Tx, asset: Asset) -> Peers:
        """What lamps like this one draw: of so many of them, chosen once and for all by a hash of their ids."""
        settings, like = self.book.plans.lamp, lamp.like(asset)
        if like not in self._peers:
            chosen = sorted(self._lamps.get(like, []), key=lambda name: content_hash(name.encode()))[: settings.peers_max]
            daily = read(tx, chosen, lamp.MEASURES, self.today - settings.window_days, self.today)
            self._peers[like] = lamp.peers_of([daily[name] for name in chosen if name in daily])
        return self._peers[like]


def _places(asset: Asset) -> list[str]:
    """Where an asset's rain falls, the nearest place first; of a gauge: what it measures."""
    more = asset.attributes.get("catchments", "").split(";") if asset.kind == Kind.RAIN_GAUGE else ()
    names = [f"catchment {name.strip()}" for name in (asset.catchment or "", *more) if name.strip()]
    return [*names, *([f"district {asset.district}"] if asset.district else [])]


def read(tx: Tx, assets: Sequence[str], measures: Iterable[str], first: float, today: float) -> dict[str, Daily]:
    """asset -> measure -> full days from `first` on and before today (both in days since 1970)."""
    found = forecasts.daily(tx, assets, measures, moment(int(first)), moment(int(today)))
    return {name: {measure: [Day(*day) for day in days] for measure, days in daily.items()} for name, daily in found.items()}


def gather(tx: Tx, assets: Sequence[Asset], book: Book, today: float) -> Chunk:
    """Everything about some assets."""
    names = [asset.id for asset in assets]
    window = max(
        book.plans.silt.window_days, book.plans.battery.window_days, book.plans.cover.window_days, book.plans.lamp.window_days
    )
    daily: dict[str, Daily] = {}
    for kind, measures in MEASURES.items():
        daily |= read(tx, [asset.id for asset in assets if asset.kind == kind], measures, today - window, today)
    acute = {condition for listed in book.plans.acute.values() for condition in listed}
    return Chunk(
        assets=assets,
        daily=daily,
        held=forecasts.of_assets(tx, names),
        troubles=forecasts.troubles(tx, names, moment(today - book.plans.repeat.within_days)),
        worked=forecasts.worked(tx, names, [book.condition_of[Plan.REPEAT].id, book.condition_of[Plan.BATTERY].id]),
        firing=frozenset(forecasts.firing(tx, names, acute)),
    )
