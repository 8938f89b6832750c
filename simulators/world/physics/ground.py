"""What all devices of the city share: the plan, the sky, the weather, the water that people use."""

from __future__ import annotations

import math

from simulators.world.city import City
from simulators.world.sky import DAY_MS, Sky
from simulators.world.weather import Weather

_STEP_MS = 900_000


def _use(hour: float) -> float:
    """Sewage flow at an hour of the day over its daily mean: a morning and an evening peak, a low before dawn.

    The usual shape of a dry-weather diurnal curve (peaks at 8 and 20 h, minimum near 4 h); 0.45 .. 1.5 of the mean.
    """

    def hump(at: float, width: float) -> float:
        away = min(abs(hour - at), 24 - abs(hour - at))
        return math.exp(-((away / width) ** 2))

    return 0.72 + 0.68 * hump(8.0, 2.2) + 0.60 * hump(20.0, 2.8) - 0.27 * hump(3.8, 2.8)


_TABLE = [_use(step * 0.25) for step in range(97)]


class Ground:
    """The surroundings of every device. `start_ms` is when the world begins."""

    __slots__ = ("city", "sky", "weather", "start_ms", "start_day")

    def __init__(self, city: City, sky: Sky, weather: Weather, start_ms: int) -> None:
        self.city, self.sky, self.weather, self.start_ms = city, sky, weather, start_ms
        self.start_day = sky.day_of(start_ms)

    def use(self, t_ms: int, shift_ms: int) -> float:
        """Sewage flow over its daily mean at a moment, for a catchment that is `shift_ms` behind the city."""
        local = (t_ms + self.sky.offset_ms - shift_ms) % DAY_MS
        step = local // _STEP_MS
        low = _TABLE[step]
        return low + (_TABLE[step + 1] - low) * (local - step * _STEP_MS) / _STEP_MS

    def air_cel(self, t_ms: int) -> float:
        """Air temperature: 16 +/- 7 degrees Celsius, coldest at 4 h."""
        return 16.0 - 7.0 * math.cos((self.sky.local_ms(t_ms) / DAY_MS - 4 / 24) * math.tau)

    def elapsed_days(self, t_ms: int) -> float:
        """Days since the world began."""
        return (t_ms - self.start_ms) / DAY_MS
