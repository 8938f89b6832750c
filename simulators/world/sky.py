"""Sun and lamp hours of the city: astral, once a day, for its centre (its districts are seconds apart)."""

from __future__ import annotations

from astral import Observer
from astral.sun import sunrise, sunset

from citybrain.kernel.times import from_ms, to_ms

DAY_MS = 86_400_000
LATE_FROM_MS, LATE_TO_MS = 23 * 3_600_000, 5 * 3_600_000
EVENING_DIM, LATE_DIM = 75.0, 50.0


class Sky:
    """Local time is the time of the zone (whole hours from the longitude), without summer time."""

    def __init__(self, lat: float, lon: float) -> None:
        self._observer = Observer(lat, lon, 0.0)
        self.offset_ms = round(lon / 15.0) * 3_600_000
        self._days: dict[int, tuple[int, int]] = {}
        self._lit: dict[int, int] = {}

    def local_ms(self, t_ms: int) -> int:
        """Milliseconds since local midnight."""
        return (t_ms + self.offset_ms) % DAY_MS

    def day_of(self, t_ms: int) -> int:
        """Number of the local day since the epoch."""
        return (t_ms + self.offset_ms) // DAY_MS

    def sun(self, day: int) -> tuple[int, int]:
        """Sunrise and sunset (upper limb on the horizon, -0.833 deg) of a local day, ms since the epoch."""
        known = self._days.get(day)
        if known is None:
            noon = day * DAY_MS + DAY_MS // 2 - self.offset_ms
            date = from_ms(noon).date()
            rise, fall = to_ms(sunrise(self._observer, date)), to_ms(sunset(self._observer, date))
            # astral answers for a UTC date: bring both to the local day around its noon
            rise += round((noon - DAY_MS // 4 - rise) / DAY_MS) * DAY_MS
            fall += round((noon + DAY_MS // 4 - fall) / DAY_MS) * DAY_MS
            known = self._days[day] = (rise, fall)
        return known

    def is_night(self, t_ms: int) -> bool:
        """Whether the sun is down."""
        rise, fall = self.sun(self.day_of(t_ms))
        return t_ms < rise or t_ms >= fall

    def dim_pct(self, t_ms: int, lag_ms: int) -> float:
        """The dimming schedule in % (0 = off): 75 in the evening and morning, 50 from 23 to 5 h. The photocell of a lamp
        switches `lag_ms` after sunset and as much before sunrise."""
        rise, fall = self.sun(self.day_of(t_ms))
        if rise - lag_ms <= t_ms < fall + lag_ms:
            return 0.0
        local = (t_ms + self.offset_ms) % DAY_MS
        return LATE_DIM if local >= LATE_FROM_MS or local < LATE_TO_MS else EVENING_DIM

    def lit_ms(self, t_ms: int, since_day: int) -> int:
        """How long the lamps burned from local midnight of `since_day` until now, in ms (for hour and energy counters)."""
        day = self.day_of(t_ms)
        before = self._lit.get(day)
        if before is None:
            before = 0
            for past in range(since_day, day):
                rise, fall = self.sun(past)
                before += DAY_MS - (fall - rise)
            self._lit[day] = before
        rise, fall = self.sun(day)
        midnight = day * DAY_MS - self.offset_ms
        return before + min(t_ms, rise) - midnight + max(0, t_ms - fall)
