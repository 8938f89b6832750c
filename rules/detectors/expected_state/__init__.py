"""A lamp that is dark when it should be lit, or lit when it should be dark."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from citybrain.kernel.model import Asset
from rules.detectors.base import GOOD, NAN, Bad, Env, Memory, Observe, Verdict
from rules.detectors.expected_state.schedule import DUSK_TO_DAWN, Duty, parse, zone
from rules.detectors.words import name_of, with_unit

OWN: Final = False


@dataclass(frozen=True, slots=True)
class Params:
    """The lamp is lit when power_w exceeds `on_fraction` of its rated power, or when `lamp_on` says so and no power is known.

    A meter that shows 0 V, as no device that talks can have, is not believed.

    Schedules: an asset without one burns from dusk to dawn. `schedules` maps the names that assets use to spans such as
    `dusk-23:30 05:00-dawn`, `18:00-06:00`, `always` or `never`; clock times are in `timezone`. For an unknown name there
    is no verdict.
    """

    mode: str
    """should_be_on or should_be_off."""
    min_sun_deg: float = 3.0
    """should_be_off: judged while the sun is higher than this (degrees above the horizon)."""
    max_sun_deg: float = -6.0
    """should_be_on: judged while the sun is lower than this (-6: end of civil twilight)."""
    grace_s: float = 900
    """No verdict for so long after and before a moment of switching (warm-up, photocells that differ)."""
    on_fraction: float = 0.04
    """Share of rated_power_w above which a lamp is lit (standby of a driver is 1 to 2 W)."""
    on_w: float = 4.0
    """The same in W, for a lamp whose rated power is not known."""
    failure_flags: tuple[str, ...] = ("lamp_failure",)
    """should_be_on: these flags of the device mean dark."""
    dim_s: float = 14400
    """should_be_on: dimmed to nothing holds for so long (s) for messages of the device that do not tell the dimming."""
    schedules: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if self.mode not in ("should_be_on", "should_be_off"):
            raise ValueError(f"mode: must be should_be_on or should_be_off, got {self.mode!r}")
        for name, spec in self.schedules.items():
            try:
                parse(spec)
            except ValueError as error:
                raise ValueError(f"schedules: {name}: {error}") from error
        zone(self.timezone)


def measures(params: Params) -> tuple[str, ...]:
    """What it judges."""
    flags = params.failure_flags if params.mode == "should_be_on" else ()
    return ("power_w", "lamp_on", *flags)


def fixed(params: Params, asset: Asset) -> tuple[float, ...]:
    """The power (W) above which the lamp is lit."""
    return (params.on_fraction * asset.rated_power_w if asset.rated_power_w else params.on_w,)


def cells(params: Params) -> int:
    """should_be_on: when it was last heard to be dimmed to nothing (ms); NaN since it was lit, or dimmed otherwise."""
    return 1 if params.mode == "should_be_on" else 0


def common(params: Params, asset: Asset) -> tuple[Hashable, ...]:
    """The place to a tenth of a degree (24 s of the sun's way at most) and the schedule."""
    return (_tenth(asset.lat), _tenth(asset.lon), asset.schedule)


def compile(params: Params, asset: Asset, env: Env, base: int) -> Observe:
    """The judge. The sun is asked only for a lamp that would be wrong by night, or by day."""
    lit_wanted = params.mode == "should_be_on"
    duty = _duty(params, asset, lit_wanted)
    flags = params.failure_flags if lit_wanted else ()
    off, dim_ms = base + 1, params.dim_s * 1000

    def on_purpose(values: Mapping[str, Any], at_ms: int, memory: Memory) -> bool:
        """Dimmed to nothing on command, told in this message or in one before it."""
        dim = values.get("dim_pct")
        if dim is None:
            return at_ms - memory[off] <= dim_ms
        memory[off] = at_ms if dim == 0 else NAN
        return bool(dim == 0)

    def observe(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        power = values.get("power_w")
        if power is not None and values.get("voltage_v") != 0:
            lit = power > memory[base]
        else:
            on = values.get("lamp_on")
            if on is not None:
                lit = on == 1
            elif flags and any(flag in values for flag in flags):
                lit = True
            else:
                return None
        if lit_wanted:
            for flag in flags:
                if values.get(flag) == 1:
                    lit = False
            if lit:
                memory[off] = NAN
                return GOOD
            if on_purpose(values, at_ms, memory):
                return None
            return _dark(values) if duty is not None and duty.asked(at_ms) else None
        if not lit:
            return GOOD
        return _burning(values) if duty is not None and duty.asked(at_ms) else None

    def _dark(values: Mapping[str, Any]) -> Bad:
        for flag in flags:
            if values.get(flag) == 1:
                return Bad("dark_at_night", f"dark while it should be lit: the device reports {name_of(flag)}")
        return Bad("dark_at_night", f"dark while it should be lit: {_shown(values)}")

    def _burning(values: Mapping[str, Any]) -> Bad:
        return Bad("lit_by_day", f"lit while it should be dark: {_shown(values)}")

    return observe


def _shown(values: Mapping[str, Any]) -> str:
    power = values.get("power_w")
    return f"lamp on: {values.get('lamp_on')}" if power is None else f"power {with_unit('power_w', power)}"


def _duty(params: Params, asset: Asset, lit_wanted: bool) -> Duty | None:
    """None where it cannot be known: an unknown schedule, or no position for one that follows the sun."""
    spec = DUSK_TO_DAWN if asset.schedule is None else params.schedules.get(asset.schedule)
    lat, lon = _tenth(asset.lat), _tenth(asset.lon)
    if spec is None or ((lat is None or lon is None) and ("dusk" in spec or "dawn" in spec)):
        return None
    degrees = params.max_sun_deg if lit_wanted else params.min_sun_deg
    grace_ms = round(params.grace_s * 1000)
    return Duty(spec, lat or 0.0, lon or 0.0, degrees, grace_ms, zone(params.timezone), lit=lit_wanted)


def _tenth(degrees: float | None) -> float | None:
    return None if degrees is None else round(degrees, 1)
