"""PURE. The numbers by which forecasts are made, as `forecast.book` reads them from YAML (sources stand beside them there)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Window:
    """Which days a trend is made of, and how near its date must be. Days; `confidence` is that of intervals (0..1)."""

    window_days: int
    days_min: int
    stale_days: int
    """no value for so long: nothing is said"""
    horizon_days: float
    """a date so near is planned"""
    width_max_days: float
    """an interval wider than this is no plan"""
    confidence: float


@dataclass(frozen=True, slots=True)
class Silt(Window):
    """Silt in a drain: the dry-weather minimum of its level, mm."""

    share_of_diameter: float
    rain_mm: float
    """a day with so much rain is wet"""
    wet_days_after: int
    slope_min_mm: float
    """a rise of less than this a day is no silt"""
    step_mm: float
    """a drop of at least this is a cleaning"""


@dataclass(frozen=True, slots=True)
class Battery(Window):
    """The charge of a battery, counted."""

    usable: float
    """share of the capacity that can be had"""
    loss: float
    """share of the frames that nobody hears"""
    volt_step: float
    """a rise of the voltage with a start of the device: another battery"""
    percent_step: float
    """a rise of the told charge: another battery"""
    snr_margin_db: float


@dataclass(frozen=True, slots=True)
class Cover(Window):
    """A cover that rocks or settles."""

    knocks_per_day: float
    tilt_deg: float
    tilt_slope_min: float
    """a tilt that grows by less than this a day (deg) is none"""
    knocks_growth_min: float
    """knocks that grow by less than this a day (share) do not grow"""
    knocks_step: float
    """knocks that fall by this factor: repaired"""
    tilt_step_deg: float


@dataclass(frozen=True, slots=True)
class Lamp(Window):
    """A lamp's power against its like at the same dimming."""

    low: float
    high: float
    """shares of the peers' median: beyond them the driver or lamp is changed"""
    z_min: float
    peers_min: int
    peers_max: int
    """so many peers of a model are looked at"""
    slope_min: float
    """a share that moves by less than this a day does not move"""
    step: float
    """a return towards 1 by at least this: replaced"""


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same fault again and again."""

    times: int
    within_days: float
    confidence: float
    ignore: Sequence[str]
    """causes that do not count: what a new engineering order would not change"""


@dataclass(frozen=True, slots=True)
class BatteryModel:
    """A battery in a kind of device: charges in mAh, currents in mA and µA, times in seconds."""

    name: str
    devices: Sequence[str]
    """patterns of profiles or models of devices"""
    kinds: Sequence[str]
    """kinds of assets it is taken for when nothing else fits"""
    capacity_ah: float
    self_discharge: float
    """share of the capacity a year"""
    tx_ma: float
    airtime_s: Mapping[int, float]
    """spreading factor -> seconds on air"""
    spreading_factor: int
    """where neither the register nor the signal says it"""
    measure_mah: float
    """one measurement with its receive windows"""
    measures_per_uplink: float
    sleep_ua: float
    doubt: float
    """half of the interval of consumption, as a share"""


@dataclass(frozen=True, slots=True)
class Life:
    """When planned orders change and end."""

    calm_days: float
    """well for so long without a repair that was seen: resolved"""
    again_share: float
    """a date beyond so many horizons is not planned any more"""
    chunk: int
    """assets in one transaction"""
    rest_s: float
    """real seconds of rest after each"""


@dataclass(frozen=True, slots=True)
class Plans:
    """All of them. `acute`: plan -> conditions whose open alert means that an order for the fault itself is there."""

    silt: Silt
    battery: Battery
    cover: Cover
    lamp: Lamp
    repeat: Repeat
    life: Life
    batteries: Sequence[BatteryModel]
    acute: Mapping[str, frozenset[str]] = field(default_factory=dict)
