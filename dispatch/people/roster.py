"""People from and into the database.

Whoever needs them asks in the transaction in which they are used: one small query says whether what the process holds is still
right, so a change counts from the moment of its commit in every process.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import NamedTuple

from citybrain.kernel.errors import ConfigError, InputError, NotFound
from citybrain.kernel.ids import derived_id
from citybrain.store import people as store
from citybrain.store.db import Tx
from citybrain.yamlfile import YamlFile
from dispatch.people.file import read_people
from dispatch.people.model import People
from dispatch.people.rows import COUNTED, people_of, rows_of

_held: tuple[str | None, People] = (None, People())
"""What this process read last, by its stamp: the stamp names the content, whichever database it came from."""


class Imported(NamedTuple):
    """What an import did. `version` None: nothing was written (nothing new, or only tried)."""

    version: int | None
    changed: bool
    counts: dict[str, int]
    retired: tuple[str, ...]
    """people who were in the database and are not in the file"""


def current(tx: Tx) -> People:
    """Everybody as of this transaction."""
    global _held
    stamp = store.stamp(tx)
    if stamp != _held[0]:
        _held = (stamp, read(tx) if stamp else People())
    return _held[1]


def read(tx: Tx) -> People:
    """Everybody, read anew."""
    return people_of(store.rows(tx))


def import_file(
    tx: Tx, file: YamlFile, *, actor: str, now: datetime, units: frozenset[str] | None, dry_run: bool = False
) -> tuple[Imported | None, list[ConfigError]]:
    """Take over a people.yml, whole or not at all; the same again changes nothing. With faults nothing is done.

    `units`: the ids of the register.
    """
    wanted, faults = read_people(file, units)
    if faults:
        return None, faults
    rows = rows_of(wanted)
    digest = hashlib.sha256(json.dumps(rows, default=str, sort_keys=True).encode()).hexdigest()
    last = store.last_import(tx)
    known = {row["id"] for row in store.rows(tx)["people"] if row["active"]}
    report = Imported(
        None, last is None or last["digest"] != digest, {name: len(rows[name]) for name in COUNTED},
        tuple(sorted(known - wanted.people.keys())),
    )  # fmt: skip
    if dry_run or not report.changed:
        return report, []
    store.bump(tx, now)
    store.replace(tx, rows)
    version = store.add_import(
        tx, at=now, actor=actor, file=file.file, digest=digest, report={**report.counts, "retired": report.retired}
    )
    store.bump(tx, now)  # schedules that are new have a hand-over to be looked at from now on
    return report._replace(version=version), []


def add_override(
    tx: Tx, *, schedule: str, person: str, begin: datetime, end: datetime, actor: str, now: datetime,
    instead_of: str | None = None, layer: str = "", reason: str = "",
) -> str:  # fmt: skip
    """Somebody instead of somebody (None: of whoever it would be); its id. Raises NotFound, InputError."""
    store.bump(tx, now)
    people = read(tx)
    if schedule not in people.schedules:
        raise NotFound(f"no schedule {schedule!r}; there are: {', '.join(sorted(people.schedules)) or 'none'}")
    if layer and layer not in {one.id for one in people.schedules[schedule].layers}:
        raise NotFound(f"schedule {schedule!r} has no layer {layer!r}")
    for name in (person, instead_of):
        _known(people, name)
    _in_order(begin, end)
    if person == instead_of:
        raise InputError(f"{person!r} instead of {person!r}: give two people")
    id_ = derived_id("override", schedule, layer, person, instead_of or "", begin.isoformat(), end.isoformat())
    store.add_override(
        tx,
        {"id": id_, "schedule": schedule, "layer": layer, "person": person, "instead_of": instead_of, "starts": begin,
         "ends": end, "reason": reason, "created_by": actor, "created_at": now},
    )  # fmt: skip
    return id_


def add_leave(tx: Tx, *, person: str, begin: datetime, end: datetime, actor: str, now: datetime, reason: str = "") -> str:
    """Somebody is away from a time to a time; its id. Raises NotFound, InputError."""
    store.bump(tx, now)
    _known(read(tx), person)
    _in_order(begin, end)
    id_ = derived_id("leave", person, begin.isoformat(), end.isoformat())
    store.add_leave(
        tx,
        {"id": id_, "person": person, "starts": begin, "ends": end, "reason": reason, "created_by": actor, "created_at": now},
    )
    return id_


def withdraw(tx: Tx, id_: str, *, actor: str, now: datetime) -> None:
    """An override or a leave does not count any more. Raises NotFound."""
    store.bump(tx, now)
    if not store.withdraw(tx, id_, actor=actor, at=now):
        raise NotFound(f"no override or leave {id_!r} that counts")


def _known(people: People, person: str | None) -> None:
    if person is not None and not (person in people.people and people.people[person].active):
        raise NotFound(f"no person {person!r}; there are: {', '.join(sorted(people.people)) or 'none'}")


def _in_order(begin: datetime, end: datetime) -> None:
    if begin >= end:
        raise InputError(f"from {begin.isoformat()} to {end.isoformat()}: the end must be later")
