"""The plan of the made-up city: which asset is where and hangs on what. Everything follows from (seed, size) by arithmetic,
so that a city of a million assets costs a few bytes each.

Districts are squares in a square; each has streets along and across, lamps, covers and drains stand along them in order, and
whatever is near each other shares a gateway (and lamps a cabinet, and drains a main).
"""

from __future__ import annotations

import math
from array import array

from citybrain.kernel.errors import InputError
from citybrain.kernel.model import Kind
from simulators.world.noise import static, unit

LAT, LON = 31.30, 120.60
"""Centre of the made-up city (only its sun and its time zone matter)."""
M_PER_DEG = 111_320.0
ASSETS_PER_KM2 = 1500.0
LAMPS_PER_CABINET = 40
ASSETS_PER_GATEWAY = 200
DRAINS_PER_MAIN = 8
CATCHMENTS = 4
"""Most catchments of a district."""

KINDS: tuple[Kind, ...] = (
    Kind.RAIN_GAUGE,
    Kind.GATEWAY,
    Kind.CABINET,
    Kind.MANHOLE,
    Kind.STREETLIGHT,
    Kind.DRAIN,
)
"""In the order of the asset numbers."""
RAIN_GAUGE, GATEWAY, CABINET, MANHOLE, STREETLIGHT, DRAIN = range(6)
PREFIX = ("RG", "GW", "CB", "MH", "SL", "DR")
_ACROSS_M = (9.0, 12.0, 7.0, 0.0, 6.0, 4.0)
"""How far a kind stands from the middle of its street, so that two things do not share a spot."""


class City:
    """A city of `assets` assets of all kinds. Raises InputError when there are fewer than 50."""

    def __init__(self, seed: int, assets: int) -> None:
        if assets < 50:
            raise InputError(f"a city needs at least 50 assets, got {assets}")
        self.seed, self.size = seed, assets
        self.districts = max(1, min(256, round(math.sqrt(assets / 150))))
        self.gateways_each = max(2 if self.districts == 1 else 1, math.ceil(assets / ASSETS_PER_GATEWAY / self.districts))
        gateways = self.gateways_each * self.districts
        lamps = int(assets * 0.38)
        cabinets = max(1, round(lamps / LAMPS_PER_CABINET))
        drains = int(assets * 0.20)
        covers = assets - self.districts - gateways - cabinets - lamps - drains
        self.count = (self.districts, gateways, cabinets, covers, lamps, drains)
        starts = [0]
        for number in self.count:
            starts.append(starts[-1] + number)
        self.first = tuple(starts)
        self.kinds = bytearray()
        for kind, number in enumerate(self.count):
            self.kinds.extend(bytes([kind]) * number)
        self.statics = array("Q", (static(seed, index) for index in range(assets)))
        self.side_m = math.sqrt(assets / self.districts / ASSETS_PER_KM2) * 1000
        self.columns = math.ceil(math.sqrt(self.districts))
        self.streets = max(2, int(math.sqrt(assets / self.districts) / 4))
        self.gateway_of = array("I", (self._gateway(index) for index in range(assets)))

    def id_of(self, index: int) -> str:
        """The name of an asset, such as MH-000017."""
        kind = self.kinds[index]
        return f"{PREFIX[kind]}-{index - self.first[kind] + 1:06d}"

    def index_of(self, asset: str) -> int | None:
        """The number of an asset; None when the city has none of this name."""
        prefix, _, number = asset.partition("-")
        if prefix not in PREFIX or not number.isascii() or not number.isdigit():
            return None
        kind = PREFIX.index(prefix)
        index = self.first[kind] + int(number) - 1
        return index if index in self.of_kind(kind) and self.id_of(index) == asset else None

    def of_kind(self, kind: int) -> range:
        """The numbers of all assets of a kind."""
        return range(self.first[kind], self.first[kind + 1])

    def district_of(self, index: int) -> int:
        """The number of the district an asset stands in."""
        kind = self.kinds[index]
        return (index - self.first[kind]) * self.districts // self.count[kind]

    def _rank(self, index: int) -> tuple[int, int]:
        """(place, number) of an asset among those of its kind in its district."""
        kind = self.kinds[index]
        count, d = self.count[kind], self.district_of(index)
        begin, end = -(-d * count // self.districts), -(-(d + 1) * count // self.districts)
        return index - self.first[kind] - begin, max(1, end - begin)

    def _gateway(self, index: int) -> int:
        place, number = self._rank(index)
        return self.first[GATEWAY] + self.district_of(index) * self.gateways_each + place * self.gateways_each // number

    def cabinet_of(self, lamp: int) -> int:
        """The cabinet that feeds a lamp."""
        return self.first[CABINET] + (lamp - self.first[STREETLIGHT]) * self.count[CABINET] // self.count[STREETLIGHT]

    def lamps_of(self, cabinet: int) -> range:
        """The lamps of a cabinet."""
        place, cabinets, lamps = cabinet - self.first[CABINET], self.count[CABINET], self.count[STREETLIGHT]
        begin, end = -(-place * lamps // cabinets), -(-(place + 1) * lamps // cabinets)
        return range(self.first[STREETLIGHT] + begin, self.first[STREETLIGHT] + end)

    def downstream_of(self, drain: int) -> int | None:
        """The next drain down the same main; None at its end."""
        place, number = self._rank(drain)
        return None if place % DRAINS_PER_MAIN == DRAINS_PER_MAIN - 1 or place == number - 1 else drain + 1

    def catchment_of(self, drain: int) -> int:
        """The number of the catchment of a drain in its district: so many mains lie in one that a district has at most four."""
        place, number = self._rank(drain)
        mains = -(-number // DRAINS_PER_MAIN)
        return place // DRAINS_PER_MAIN * CATCHMENTS // max(mains, 1)

    def upstream_of(self, drain: int) -> int | None:
        """The next drain up the same main; None at its head."""
        return None if self._rank(drain)[0] % DRAINS_PER_MAIN == 0 else drain - 1

    def members_of(self, gateway: int) -> list[int]:
        """The assets that are heard through a gateway (itself included)."""
        return [index for index, heard in enumerate(self.gateway_of) if heard == gateway]

    def corner_m(self, district: int) -> tuple[float, float]:
        """South-west corner of a district, metres east and north of the centre."""
        rows = math.ceil(self.districts / self.columns)
        column, row = district % self.columns, district // self.columns
        return (column - self.columns / 2) * self.side_m, (row - rows / 2) * self.side_m

    def place_m(self, index: int) -> tuple[float, float]:
        """Metres east and north of the centre."""
        kind = self.kinds[index]
        place, number = self._rank(index)
        east, north = self.corner_m(self.district_of(index))
        run = (place + 0.5) / number * self.streets
        street = min(int(run), self.streets - 1)
        along = (0.03 + 0.94 * (run - street)) * self.side_m
        lanes = (self.streets + 1) // 2
        wobble = unit(self.statics[index], 7) * 2
        across = (street // 2 + 0.5) / lanes * self.side_m + _ACROSS_M[kind] + wobble
        return (east + along, north + across) if street % 2 == 0 else (east + across, north + along)

    def degrees(self, east_m: float, north_m: float) -> tuple[float, float]:
        """(lat, lon) of a place, rounded to centimetres."""
        return round(LAT + north_m / M_PER_DEG, 7), round(LON + east_m / (M_PER_DEG * math.cos(math.radians(LAT))), 7)

    def street_of(self, index: int) -> str:
        """Name of the street an asset stands on."""
        place, number = self._rank(index)
        street = min(int((place + 0.5) / number * self.streets), self.streets - 1)
        return f"{'Street' if street % 2 == 0 else 'Lane'} {self.district_of(index) + 1}-{street + 1}"
