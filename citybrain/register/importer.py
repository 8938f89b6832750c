"""Import a file into the register: read, map, compare, save — in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from pathlib import Path
from typing import Any

from citybrain import yamlfile
from citybrain.kernel.errors import ConfigError
from citybrain.register.building import Present, Taken, build, take_rows
from citybrain.register.fields import WHATS
from citybrain.register.mapping import ColumnMap
from citybrain.register.mapspec import MapSpec, check, identity
from citybrain.register.report import Report
from citybrain.register.table import read_table
from citybrain.store import register as store
from citybrain.store.db import Database, Tx


def read_map(path: Path) -> MapSpec:
    """A column map. Raises ConfigError with file, line and key of the first fault."""
    spec, faults = check(yamlfile.read(path))
    if spec is None:
        raise faults[0]
    return spec


def prepare(what: str, file: Path, map_file: Path | None) -> tuple[dict[Hashable, Taken], Report]:
    """Everything that needs no database: read and map a file. Raises ConfigError, RegisterError, UnavailableError."""
    if what not in WHATS:
        raise ConfigError(f"{what!r}: one of {', '.join(WHATS)}", key="what")
    spec = read_map(map_file) if map_file else None
    if spec is not None and spec.what != what:
        raise ConfigError(f"the map is for {spec.what}, not for {what}", file=str(map_file), key="what")
    table = read_table(file, spec)
    report = Report(str(file), what, table.row_word)
    try:
        columns = ColumnMap(spec or identity(what, table.header), table.header)
    except ConfigError as error:
        raise ConfigError(error.message, file=str(map_file or file), key=error.key) from error
    return take_rows(table.rows, columns, report), report


def import_file(
    db: Database,
    what: str,
    file: Path,
    map_file: Path | None = None,
    *,
    dry_run: bool = False,
    skip_refused: bool = False,
    calendars: Collection[str] | None = None,
) -> Report:
    """Import a file. When a row is refused nothing is imported, unless `skip_refused`: then all the others are.

    A field that the map fills takes the word of the file, also when it is blank; other fields stay as they are in the
    register. Objects that the file lacks stay. `calendars`: names that units may use (None: any).
    Raises ConfigError, RegisterError, UnavailableError; the database is then as it was.
    """
    taken, report = prepare(what, file, map_file)
    report.dry_run = dry_run

    def work(tx: Tx) -> None:
        report.new = report.changed = report.unchanged = 0
        report.refused = before.copy()
        found = build(what, taken, _present(tx, what, taken, calendars), report)
        report.imported = not dry_run and (skip_refused or not report.refused)
        if report.imported and found:
            _SAVERS[what](tx, found)

    before = report.refused.copy()  # a transaction that the database asks to repeat begins from here
    db.attempt(work)
    report.refused.sort()
    return report


def try_file(what: str, file: Path, map_file: Path | None = None, *, calendars: Collection[str] | None = None) -> Report:
    """What an import into an empty register would do, without a database; names of units and assets are not checked."""
    taken, report = prepare(what, file, map_file)
    report.dry_run = True
    build(what, taken, Present(calendars=calendars), report)
    report.refused.sort()
    return report


def _present(tx: Tx, what: str, taken: Mapping[Hashable, Taken], calendars: Collection[str] | None) -> Present:
    """What the register holds of what the rows speak of."""
    rules = store.load_rules(tx)
    present = Present(units=rules.units.keys(), calendars=calendars)
    if what == "assets":
        present.objects = dict(store.assets_by_id(tx, [item.row.id for item in taken.values()]))
    elif what == "devices":
        present.objects = {(d.id, d.asset, d.valid_from): d for found in store.load_devices(tx).values() for d in found}
        present.assets = store.assets_by_id(tx, [item.row.values["asset"] for item in taken.values()]).keys()
    elif what == "ownerships":
        ids = [item.row.id for item in taken.values()]
        present.objects = {
            (one.asset, one.valid_from): one for owners in store.ownerships_of(tx, ids).values() for one in owners
        }
        present.assets = store.assets_by_id(tx, ids).keys()
    elif what == "units":
        present.objects = dict(rules.units)
    elif what == "responsibilities":
        present.objects = {rule.id: rule for rule in rules.responsibilities}
    else:
        present.objects = {area.id: area for area in rules.areas}
    return present


_SAVERS: Mapping[str, Any] = {
    "assets": store.save_assets,
    "devices": store.save_devices,
    "ownerships": store.save_ownerships,
    "units": store.save_units,
    "responsibilities": store.save_responsibilities,
    "areas": store.save_areas,
}
