"""The register of the made-up city: its assets and devices, the units that repair, and who is responsible for what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from citybrain.kernel.model import Asset, Device, Unit
from citybrain.kernel.register import Area, Register, Responsibility
from simulators.world import city as plan
from simulators.world.city import KINDS, City
from simulators.world.options import Options
from simulators.world.physics import drain, manhole, streetlight

CLASSES = ("primary", "secondary", "residential")
DISTRICTS_PER_DEPOT = 4
"""So many districts share a drainage depot and a lighting contractor."""
NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})


def district_id(number: int) -> str:
    """The name of a district."""
    return f"D{number + 1:02d}"


def asset(city: City, options: Options, index: int) -> Asset:
    """One asset with all that the register knows of it. Lengths in mm, power in W, interval in seconds."""
    kind, bits = city.kinds[index], city.statics[index]
    east, north = city.place_m(index)
    lat, lon = city.degrees(east, north)
    district = city.district_of(index)
    height = depth = pipe_mm = rated = None
    feeder = cabinet = catchment = downstream = None
    feeder_pos: int | None = None
    attributes = NO_ATTRIBUTES
    if kind == plan.MANHOLE:
        pit = manhole.shape(bits)
        depth, pipe_mm, height = pit.depth_mm, pit.pipe_mm, pit.depth_mm - manhole.SENSOR_BELOW_RIM_MM
    elif kind == plan.STREETLIGHT:
        rated = streetlight.rated_w(bits)
        cabinet = city.id_of(city.cabinet_of(index))
        feeder = f"{cabinet}-F1"
        feeder_pos = index - city.lamps_of(city.cabinet_of(index)).start + 1
    elif kind == plan.DRAIN:
        pipe = drain.shape(bits)
        depth, pipe_mm, height = pipe.depth_mm, pipe.pipe_mm, pipe.depth_mm - drain.SENSOR_BELOW_RIM_MM
        ends = (("upstream", city.upstream_of(index)), ("downstream", city.downstream_of(index)))
        attributes = MappingProxyType({name: city.id_of(other) for name, other in ends if other is not None})
        catchment, downstream = f"{district_id(district)}-C{city.catchment_of(index) + 1}", attributes.get("downstream")
    elif kind == plan.CABINET:
        feeder = f"{city.id_of(index)}-F1"
    return Asset(
        id=city.id_of(index),
        kind=KINDS[kind].value,
        lat=lat,
        lon=lon,
        district=district_id(district),
        cell=f"{math.floor(east / 100):+04d}{math.floor(north / 100):+04d}",
        street_class=CLASSES[min(2, (bits >> 20) % 4)],
        install_height_mm=height,
        depth_mm=depth,
        pipe_diameter_mm=pipe_mm,
        rated_power_w=rated,
        feeder=feeder,
        cabinet=cabinet,
        gateway=None if kind == plan.GATEWAY else city.id_of(city.gateway_of[index]),
        interval_s=options.interval_ms(kind) / 1000,
        name=f"{city.street_of(index)}",
        attributes=attributes,
        feeder_pos=feeder_pos,
        catchment=catchment,
        downstream=downstream,
    )


def register(city: City, options: Options) -> Register:
    """The whole register. For each asset one device of the same name, in the canonical format."""
    found = Register(version=1)
    for index in range(city.size):
        one = asset(city, options, index)
        found.assets[one.id] = one
        found.devices[one.id] = [Device(one.id, one.id, profile="canonical")]
    depots = math.ceil(city.districts / DISTRICTS_PER_DEPOT)
    for unit in _units(city, depots):
        found.units[unit.id] = unit
    found.responsibilities = tuple(_responsibilities(city, depots))
    found.areas = tuple(_area(city, number) for number in range(city.districts))
    return found


def _unit(identifier: str, name: str, name_zh: str, guardian_of: tuple[str, ...] = ()) -> Unit:
    return Unit(
        id=identifier,
        name=name,
        name_zh=name_zh,
        timezone="Asia/Shanghai",
        contacts=(f"log:{identifier}",),
        lead=(f"log:{identifier}-lead",),
        supervisor=("log:city-supervisor",),
        guardian_of=guardian_of,
    )


def _units(city: City, depots: int) -> list[Unit]:
    units = [
        _unit("city-hall", "City Services Centre", "市政公用服务中心", ("*",)),
        _unit("sensing", "Sensor Maintenance", "传感器运维中心"),
    ]
    for depot in range(1, depots + 1):
        units.append(_unit(f"drainage-{depot}", f"Drainage Service {depot}", f"排水服务中心{depot}"))
        units.append(_unit(f"lighting-{depot}", f"Lighting Contractor {depot}", f"路灯管理所{depot}"))
    for number in range(city.districts):
        units.append(
            _unit(f"office-{district_id(number)}", f"Street Office {number + 1}", f"街道办{number + 1}", (district_id(number),))
        )
    return units


def _responsibilities(city: City, depots: int) -> list[Responsibility]:
    """Sensors to those who keep sensors, water and covers to the depot of the district, lamps to its contractor."""
    rules = [
        Responsibility(f"sensors-{condition}", "contract", "sensing", condition=condition, note="sensor maintenance contract")
        for condition in ("DEV-SILENT", "DEV-STUCK", "DEV-BATTERY", "PLAN-BATTERY")
    ]
    for number in range(city.districts):
        area, depot = district_id(number), number // DISTRICTS_PER_DEPOT + 1
        for kind, unit in (
            ("manhole", "drainage"),
            ("drain", "drainage"),
            ("rain_gauge", "drainage"),
            ("streetlight", "lighting"),
            ("cabinet", "lighting"),
        ):
            rules.append(Responsibility(f"{area}-{kind}", "area", f"{unit}-{depot}", kind=kind, area=area))
        rules.append(Responsibility(f"{area}-guardian", "guardian", f"office-{area}", area=area))
    rules.append(Responsibility("city-guardian", "guardian", "city-hall"))
    return rules


def _area(city: City, number: int) -> Area:
    east, north = city.corner_m(number)
    corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)]
    ring = []
    for x, y in corners:
        lat, lon = city.degrees(east + x * city.side_m, north + y * city.side_m)
        ring.append([lon, lat])
    return Area(district_id(number), "district", f"District {number + 1}", {"type": "Polygon", "coordinates": [ring]})
