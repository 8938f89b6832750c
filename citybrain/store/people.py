"""People, teams, schedules, overrides, leave and policies in the database: plain rows (`dispatch.people.roster` makes sense of
them). Every change takes `bump` first, so changes come one after the other, and everybody sees that there was one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("people")

TABLES = (
    "people", "contacts", "teams", "team_members", "schedules", "layers", "layer_members", "entries", "overrides", "leaves",
    "policies", "steps",
)  # fmt: skip
"""What `rows` gives, by name."""


def stamp(tx: Tx) -> str | None:
    """New with every change; None before the first."""
    row = tx.one(_SQL["stamp"])
    return str(row["stamp"]) if row and row["stamp"] else None


def bump(tx: Tx, now: datetime) -> None:
    """Something changes: nobody else changes anything until the end of the transaction. Hand-overs are looked at again."""
    tx.one(_SQL["bump"])
    tx.run(_SQL["look_again"], now=now)


def rows(tx: Tx) -> dict[str, list[Row]]:
    """Everything, by the names of TABLES."""
    return {name: tx.all(_SQL[name]) for name in TABLES}


def replace(tx: Tx, what: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """What a file says instead of what was there. People who are not in it are kept for history; overrides and leave stay."""

    def ids(name: str) -> list[str]:
        return [row["id"] for row in what[name]]

    tx.run(_SQL["retire_people"], ids=ids("people"))
    tx.many(_SQL["save_person"], [dict(row) for row in what["people"]])
    tx.run(_SQL["clear_contacts"])
    tx.many(_SQL["save_contact"], [dict(row) for row in what["contacts"]])
    tx.run(_SQL["drop_teams"], ids=ids("teams"))
    tx.many(_SQL["save_team"], [dict(row) for row in what["teams"]])
    tx.run(_SQL["clear_team_members"])
    tx.many(_SQL["save_team_member"], [dict(row) for row in what["team_members"]])
    tx.run(_SQL["drop_schedules"], ids=ids("schedules"))
    tx.many(_SQL["save_schedule"], [dict(row) for row in what["schedules"]])
    tx.run(_SQL["clear_layers"])
    tx.many(_SQL["save_layer"], [{**row, "hours": Jsonb(row["hours"])} for row in what["layers"]])
    tx.many(_SQL["save_layer_member"], [dict(row) for row in what["layer_members"]])
    tx.run(_SQL["clear_policies"])
    tx.many(_SQL["save_policy"], [dict(row) for row in what["policies"]])
    tx.many(_SQL["save_step"], [dict(row) for row in what["steps"]])


def last_import(tx: Tx) -> Row | None:
    """The newest version of people.yml that was taken over."""
    return tx.one(_SQL["last_import"])


def add_import(tx: Tx, *, at: datetime, actor: str, file: str, digest: str, report: Mapping[str, Any]) -> int:
    """One more version; its number."""
    row = tx.one(_SQL["add_import"], at=at, actor=actor, file=file, digest=digest, report=Jsonb(dict(report)))
    return int(row["version"]) if row else 0


def add_override(tx: Tx, row: Mapping[str, Any]) -> bool:
    """An override; False when it is there already."""
    return tx.run(_SQL["add_override"], **row) > 0


def add_leave(tx: Tx, row: Mapping[str, Any]) -> bool:
    """A leave; False when it is there already."""
    return tx.run(_SQL["add_leave"], **row) > 0


def withdraw(tx: Tx, id_: str, *, actor: str, at: datetime) -> bool:
    """An override or a leave does not count any more; False when there is none of that id."""
    return any(tx.run(_SQL[name], id=id_, actor=actor, at=at) for name in ("withdraw_override", "withdraw_leave"))


def replace_entries(
    tx: Tx, schedule: str, layer: str, begin: datetime, end: datetime, entries: Sequence[Mapping[str, Any]]
) -> None:
    """The shifts that a calendar gives between two times, instead of those that were there."""
    tx.run(_SQL["clear_entries"], schedule=schedule, layer=layer, begin=begin, end=end)
    tx.many(_SQL["add_entry"], [{**entry, "schedule": schedule, "layer": layer} for entry in entries])
