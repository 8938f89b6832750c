"""Migrations: numbered SQL files, only ever added. Run at start, under a lock.

A migration may have halves, `0004_name.plain.sql` and `0004_name.timescale.sql`: the one for this database's kind of archive
is applied behind `0004_name.sql`. The kind is chosen when that migration is applied, and stays for life.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import LiteralString

from citybrain.kernel.errors import ConfigError
from citybrain.store.db import Database, Tx
from citybrain.store.sql import load

log = logging.getLogger(__name__)
_SQL = load("migrate")

PLAIN, TIMESCALE = "plain", "timescaledb"
"""kinds of archive"""
_SUFFIXES = {PLAIN: "plain", TIMESCALE: "timescale"}
_OLDEST = (2, 13)
"""version of TimescaleDB: the first with hypertables `by_range`"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration: its file, and its half for each kind of archive when it has halves."""

    number: int
    name: str
    sql: LiteralString
    halves: Mapping[str, LiteralString] = field(default_factory=dict)

    def parts(self, kind: str) -> tuple[LiteralString, ...]:
        """What is applied to a database with that kind of archive, in order."""
        return (self.sql, self.halves[kind]) if self.halves else (self.sql,)

    def digest(self, kind: str) -> str:
        """SHA-256 of its parts."""
        return hashlib.sha256("".join(self.parts(kind)).encode()).hexdigest()


def known() -> list[Migration]:
    """All migrations that this program brings, in order."""
    texts: dict[str, LiteralString] = {
        entry.name: entry.read_text(encoding="utf-8") for entry in files("citybrain.store").joinpath("migrations").iterdir()
    }
    found = []
    for name in sorted(texts):
        stem, *middle = name.removesuffix(".sql").split(".")
        if name.endswith(".sql") and not middle:
            halves = {kind: texts[half] for kind, suffix in _SUFFIXES.items() if (half := f"{stem}.{suffix}.sql") in texts}
            found.append(Migration(int(stem.split("_", 1)[0]), name, texts[name], halves))
    return found


def migrate(db: Database) -> int:
    """Bring the schema up to date; the number of migrations applied. Refuses a schema newer than the program."""
    with db.transaction() as tx:
        return migrate_in(tx)


def migrate_in(tx: Tx) -> int:
    """The same within a transaction."""
    mine = known()
    newest = mine[-1].number
    applied = 0
    tx.run(_SQL["lock"])
    tx.run(_SQL["create_table"])
    done = {row["number"]: row for row in tx.all(_SQL["applied"])}
    beyond = [row for number, row in done.items() if number > newest]
    if beyond:
        raise ConfigError(
            f"the database has schema {max(row['number'] for row in beyond)}, this program knows up to {newest}: "
            "start the newer program, or restore the backup made before its upgrade",
            key="CITYBRAIN_DATABASE_URL",
        )
    kind = choose_kind(tx)
    for step in mine:
        if step.number in done:
            if done[step.number]["digest"] != step.digest(kind):
                raise ConfigError(
                    f"migration {step.name} was changed after it had been applied; migrations are only added",
                    key=step.name,
                )
            continue
        for part in step.parts(kind):
            tx.run(part)
        tx.run(_SQL["record"], number=step.number, name=step.name, digest=step.digest(kind))
        applied += 1
    return applied


def kind_of(tx: Tx) -> str:
    """The kind of archive of a migrated database."""
    row = tx.one(_SQL["kind"])
    return str(row["kind"]) if row else PLAIN


def choose_kind(tx: Tx) -> str:
    """The kind that the database has, or shall get. Raises ConfigError where TimescaleDB cannot be used as it is."""
    found = tx.one(_SQL["extension"]) or {}
    has_archive = tx.one(_SQL["has_archive"])
    usable = found.get("installed") and found["license"] != "apache"
    if has_archive and has_archive["yes"]:
        kind = kind_of(tx)
        if kind == TIMESCALE and not found.get("installed"):
            raise ConfigError(
                "this database was made with TimescaleDB, and the extension is not there: use a server that has it",
                key="CITYBRAIN_DATABASE_URL",
            )
        if kind == PLAIN and usable:
            log.warning(
                "the archive of this database was made without TimescaleDB and stays so, although the extension is there now; "
                "a database made anew would use it"
            )
        return kind
    if found.get("loaded") and not found.get("installed"):
        raise ConfigError(
            "the server has loaded TimescaleDB, but this database does not have it, and what is chosen now is for life: "
            "run CREATE EXTENSION timescaledb in this database, or use a server without it",
            key="CITYBRAIN_DATABASE_URL",
        )
    if not usable:
        return PLAIN
    version = str(found["installed"])
    if tuple(int(part) for part in version.split("-")[0].split(".")[:2]) < _OLDEST:
        raise ConfigError(
            f"TimescaleDB {version} is too old: {'.'.join(map(str, _OLDEST))} or newer is needed", key="CITYBRAIN_DATABASE_URL"
        )
    return TIMESCALE
