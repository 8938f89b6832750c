"""Migrations: numbered SQL files, only ever added. Run at start, under a lock."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import LiteralString

from citybrain.kernel.errors import ConfigError
from citybrain.store.db import Database
from citybrain.store.sql import load

_SQL = load("migrate")


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration file."""

    number: int
    name: str
    sql: LiteralString
    digest: str


def known() -> list[Migration]:
    """All migrations that this program brings, in order."""
    found = []
    for entry in sorted(files("citybrain.store").joinpath("migrations").iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".sql"):
            text = entry.read_text(encoding="utf-8")
            number = int(entry.name.split("_", 1)[0])
            digest = hashlib.sha256(text.encode()).hexdigest()
            found.append(Migration(number, entry.name, text, digest))
    return found


def migrate(db: Database) -> int:
    """Bring the schema up to date; the number of migrations applied. Refuses a schema newer than the program."""
    mine = known()
    newest = mine[-1].number
    applied = 0
    with db.transaction() as tx:
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
        for step in mine:
            if step.number in done:
                if done[step.number]["digest"] != step.digest:
                    raise ConfigError(
                        f"migration {step.name} was changed after it had been applied; migrations are only added",
                        key=step.name,
                    )
                continue
            tx.run(step.sql)
            tx.run(_SQL["record"], number=step.number, name=step.name, digest=step.digest)
            applied += 1
    return applied
