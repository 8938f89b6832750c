"""The register in the database: load it whole, take over what changed, save parts of it.

Every change takes the next version (one row of `register_state`, held until the caller's transaction ends), so changes
come one after the other and a reader that asks `changed_since` misses none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, LiteralString, NamedTuple

import orjson
from psycopg.rows import tuple_row
from psycopg.types.json import Jsonb

from citybrain.kernel.model import Asset, Device, Unit
from citybrain.kernel.register import Area, Ownership, Register, Responsibility
from citybrain.store.db import COPY_ESCAPES, COPY_NULL, Tx
from citybrain.store.sql import load

_SQL = load("register")
_CHUNK = 20_000
"""Rows that are held as text at a time on their way into or out of the database."""
_NONE: Mapping[str, str] = MappingProxyType({})
_SHARED = (1, 4, 5, 6, 7, 12, 13, 14, 15, 17, 22)
"""Columns of assets whose values repeat (kind, unit, district…): each value is kept in memory once."""


class Saved(NamedTuple):
    """How many rows were new, and how many were there and are now different."""

    new: int
    changed: int


class Changes(NamedTuple):
    """What is newer than a version. `devices` has all bindings of each device that changed; `rules` the units,
    responsibilities and areas when any of them changed; `ownerships` all of each asset of which one changed."""

    version: int
    assets: list[Asset]
    devices: dict[str, list[Device]]
    rules: Register | None
    ownerships: dict[str, list[Ownership]]


def current_version(tx: Tx) -> int:
    """The version of the newest committed change of the register (0 = nothing was ever saved)."""
    return _version(tx, _SQL["version"])


def load_register(tx: Tx) -> Register:
    """The whole register. About 1 s for 100,000 assets."""
    version = current_version(tx)  # before the rows: what commits meanwhile is only taken over twice
    assets = {asset.id: asset for asset in _assets(tx, _SQL["assets"])}
    register = _rules(tx)
    register.version, register.assets, register.devices = version, assets, _bindings(tx, _SQL["devices"])
    register.ownerships = dict(_ownerships(tx, _SQL["ownerships"]))
    return register


def changed_since(tx: Tx, version: int) -> Changes:
    """What was saved after `version`. Nothing ever disappears from the register, so this is all there is to take over."""
    row = tx.one(_SQL["versions"])
    newest, rules = (row["version"], row["rules"]) if row else (0, 0)
    if newest <= version:
        return Changes(version, [], {}, None, {})
    return Changes(
        newest,
        list(_assets(tx, _SQL["assets_since"], version=version)),
        _bindings(tx, _SQL["devices_since"], version=version),
        _rules(tx) if rules > version else None,
        _ownerships(tx, _SQL["ownerships_since"], version=version),
    )


def assets_by_id(tx: Tx, ids: Sequence[str]) -> dict[str, Asset]:
    """Those of some assets that are in the register."""
    return {asset.id: asset for asset in _assets(tx, _SQL["assets_by_id"], ids=list(ids))}


def load_rules(tx: Tx) -> Register:
    """The register without assets and devices: units, responsibilities, areas."""
    return _rules(tx)


def ownerships_of(tx: Tx, ids: Sequence[str]) -> dict[str, list[Ownership]]:
    """The dated owners of some assets, each in order of their first day."""
    return _ownerships(tx, _SQL["ownerships_of"], ids=list(ids))


def load_ownerships(tx: Tx) -> dict[str, list[Ownership]]:
    """The dated owners of all assets, each in order of their first day."""
    return _ownerships(tx, _SQL["ownerships"])


def load_devices(tx: Tx) -> dict[str, list[Device]]:
    """Every binding of every device, oldest first."""
    return _bindings(tx, _SQL["devices"])


def save_assets(tx: Tx, assets: Iterable[Asset]) -> Saved:
    """Insert or replace assets (whole rows). Ids must not repeat within one call. Other processes that save a part of the
    register wait until the caller's transaction ends."""
    version = _version(tx, _SQL["bump"])
    tx.run(_SQL["stage_assets"])
    for chunk in _chunks(assets):
        tx.copy_text(_SQL["copy_assets"], "".join(_line(asset, version) for asset in chunk).encode())
    row = tx.one(_SQL["take_assets"])
    tx.run(_SQL["drop_staged_assets"])
    return Saved(row["new"], row["changed"]) if row else Saved(0, 0)


def save_devices(tx: Tx, devices: Iterable[Device]) -> int:
    """Insert or replace bindings; the number of rows written. A binding that begins at a given time ends the open one of the
    same device to another asset; bindings that begin together stand beside each other (one controller, several lamps)."""
    version = _version(tx, _SQL["bump"])
    written = 0
    for chunk in _chunks(devices):
        rows = _json(chunk)
        tx.run(_SQL["end_bindings"], rows=rows, version=version)
        written += tx.run(_SQL["save_devices"], rows=rows, version=version)
    return written


def save_units(tx: Tx, units: Iterable[Unit]) -> int:
    """Insert or replace units; the number of rows written."""
    return _save_rules(tx, _SQL["save_units"], units)


def save_responsibilities(tx: Tx, rules: Iterable[Responsibility]) -> int:
    """Insert or replace rules of responsibility; the number of rows written."""
    return _save_rules(tx, _SQL["save_responsibilities"], rules)


def save_ownerships(tx: Tx, owners: Iterable[Ownership]) -> int:
    """Insert or replace dated owners; the number of rows written. One that begins ends the one before it, the day before."""
    version = _version(tx, _SQL["bump"])
    written = 0
    for chunk in _chunks(owners):
        rows = _json(chunk)
        tx.run(_SQL["end_ownerships"], rows=rows, version=version)
        written += tx.run(_SQL["save_ownerships"], rows=rows, version=version)
    return written


def save_areas(tx: Tx, areas: Iterable[Area]) -> int:
    """Insert or replace districts and cells; the number of rows written."""
    return _save_rules(tx, _SQL["save_areas"], areas)


def add_provisional(tx: Tx, assets: Sequence[Asset], devices: Sequence[Device]) -> None:
    """Add assets and devices that made themselves known by a message. What is there already stays as it is."""
    if not assets and not devices:
        return
    version = _version(tx, _SQL["bump"])
    columns = ("id", "kind", "lat", "lon", "district", "interval_s", "model", "name", "install_height_mm", "depth_mm")
    rows = []
    for asset in assets:
        row = {name: getattr(asset, name) for name in columns}
        rows.append(row | {"attributes": Jsonb(dict(asset.attributes)), "version": version})
    tx.many(_SQL["add_asset"], rows)
    tx.many(
        _SQL["add_device"],
        [{"id": item.id, "asset": item.asset, "profile": item.profile, "version": version} for item in devices],
    )


def _version(tx: Tx, sql: LiteralString) -> int:
    row = tx.one(sql)
    return int(row["version"]) if row else 0


def _save_rules(tx: Tx, sql: LiteralString, items: Iterable[Any]) -> int:
    _version(tx, _SQL["bump_rules"])
    return sum(tx.run(sql, rows=_json(chunk)) for chunk in _chunks(items))


def _rules(tx: Tx) -> Register:
    units = {}
    for row in tx.all(_SQL["units"]):
        for name in ("contacts", "lead", "supervisor", "guardian_of"):
            row[name] = tuple(row[name])
        units[row["id"]] = Unit(**row)
    return Register(
        units=units,
        responsibilities=tuple(Responsibility(**row) for row in tx.all(_SQL["responsibilities"])),
        areas=tuple(Area(**row) for row in tx.all(_SQL["areas"])),
    )


def _bindings(tx: Tx, sql: LiteralString, **params: Any) -> dict[str, list[Device]]:
    found: dict[str, list[Device]] = defaultdict(list)
    for row in tx.all(sql, **params):
        found[row["id"]].append(Device(**row))
    return dict(found)


def _ownerships(tx: Tx, sql: LiteralString, **params: Any) -> dict[str, list[Ownership]]:
    found: dict[str, list[Ownership]] = defaultdict(list)
    for row in tx.all(sql, **params):
        found[row["asset"]].append(Ownership(**row))
    return dict(found)


def _assets(tx: Tx, sql: LiteralString, **params: Any) -> Iterator[Asset]:
    known: dict[str | None, str | None] = {}
    with tx.conn.cursor("register_assets", row_factory=tuple_row) as cursor:
        cursor.itersize = _CHUNK
        for row in cursor.execute(sql, params or None):
            values = list(row)
            for at in _SHARED:
                values[at] = known.setdefault(values[at], values[at])
            values[-1] = MappingProxyType(values[-1]) if values[-1] else _NONE
            yield Asset(*values)


def _chunks(items: Iterable[Any]) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _json(items: Sequence[Any]) -> Jsonb:
    return Jsonb([asdict(item) for item in items])


def _line(asset: Asset, version: int) -> str:
    """One row in COPY's text format, in the order of `copy_assets`."""
    a = asset
    attributes = orjson.dumps(dict(a.attributes)).decode() if a.attributes else "{}"
    values = (a.id, a.kind, a.lat, a.lon, a.unit, a.district, a.cell, a.street_class, a.install_height_mm, a.depth_mm)
    more = (a.pipe_diameter_mm, a.rated_power_w, a.feeder, a.cabinet, a.gateway, a.model, a.interval_s, a.schedule, a.name)
    net = (a.feeder_pos, a.downstream, a.catchment)
    row, last = (
        [COPY_NULL if one is None else str(one).translate(COPY_ESCAPES) for one in part] for part in (values + more, net)
    )
    return "\t".join([*row, "t" if a.provisional else "f", *last, attributes.translate(COPY_ESCAPES), str(version)]) + "\n"
