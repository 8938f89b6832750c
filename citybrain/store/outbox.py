"""The outbox: what is to be said, to whom, and what came of it.

Two clocks: `created_at`, `done_at`, `hold_until`, the deliveries and the disturbances are city time; `next_at`, leases and
breakers are machine time, since a mail server does not run faster because a demo does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("outbox")


_ADDRESSED: Mapping[str, Any] = {"person": None, "step": None, "severity": None}


def add(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Notices to be sent; `person`, `step` and `severity` may be missing. One that is there already stays as it is."""
    if rows:
        tx.run(_SQL["add"], rows=Jsonb([{**_ADDRESSED, **row} for row in rows]))


def waiting_targets(tx: Tx, now: datetime, machine_now: datetime, *, limit: int) -> list[str]:
    """Targets with something to be sent now and a closed breaker, the longest waiting first."""
    return [row["target"] for row in tx.all(_SQL["waiting_targets"], now=now, machine_now=machine_now, limit=limit)]


def claim(tx: Tx, target: str, now: datetime, machine_now: datetime, lease_until: datetime) -> Row | None:
    """The next notice for a target, leased until a machine time; counts as an attempt."""
    return tx.one(_SQL["claim"], target=target, now=now, machine_now=machine_now, lease_until=lease_until)


def gather(tx: Tx, lead: Row, machine_now: datetime, lease_until: datetime, *, limit: int) -> list[Row]:
    """Everything else that waits for the target and person of a notice, from now on in one bundle with it."""
    rows = tx.all(
        _SQL["gather"], lead=lead["id"], target=lead["target"], person=lead["person"], machine_now=machine_now,
        lease_until=lease_until, limit=limit,
    )  # fmt: skip
    return sorted(rows, key=lambda row: (row["created_at"], row["id"]))


def fellows(tx: Tx, lead: object, lease_until: datetime) -> list[Row]:
    """The rest of a bundle that was made before, leased again."""
    rows = tx.all(_SQL["fellows"], lead=lead, lease_until=lease_until)
    return sorted(rows, key=lambda row: (row["created_at"], row["id"]))


def disband(tx: Tx, lead: object) -> None:
    """What is left of a bundle is no bundle any more."""
    tx.run(_SQL["disband"], lead=lead)


def hold(tx: Tx, notice: object, until: datetime, *, reason: str, at: datetime, detail: str = "") -> None:
    """A claimed notice is not sent before a city time; it was no attempt. The ledger of deliveries says why."""
    tx.run(_SQL["hold"], id=notice, until=until, reason=reason, at=at, detail=detail)


def hold_rest(
    tx: Tx, notice: Row, until: datetime, machine_now: datetime, *, reason: str, at: datetime, detail: str = ""
) -> None:
    """What else waits for the target and person of a notice waits until a city time with it."""
    tx.run(
        _SQL["hold_rest"], id=notice["id"], target=notice["target"], person=notice["person"], until=until,
        machine_now=machine_now, reason=reason, at=at, detail=detail,
    )  # fmt: skip


def one_at_a_time(tx: Tx, who: str, kind: str) -> None:
    """Until the end of the transaction nobody else counts how often `who` was disturbed."""
    tx.one(_SQL["one_at_a_time"], who=who, kind=kind)


def disturbed(tx: Tx, who: str, kind: str, since: datetime, *, but: object) -> list[datetime]:
    """When somebody was disturbed by a kind of channel after a city time, not counting notice `but`."""
    return [row["at"] for row in tx.all(_SQL["disturbed"], who=who, kind=kind, since=since, id=but)]


def disturb(tx: Tx, notice: object, who: str, kind: str, at: datetime) -> None:
    """Count a message that is about to be sent."""
    tx.run(_SQL["disturb"], id=notice, who=who, kind=kind, at=at)


def undisturb(tx: Tx, notice: object) -> None:
    """The target did not take it: it disturbed nobody."""
    tx.run(_SQL["undisturb"], id=notice)


def reader(tx: Tx, person: str | None) -> Row | None:
    """`timezone` and `language` (None: the city's) of the person of a notice; None when it names nobody that is known."""
    return tx.one(_SQL["reader"], person=person) if person is not None else None


def handle_of(tx: Tx, order_id: object, target: str) -> str | None:
    """The message about an order at a target that can be edited in place."""
    row = tx.one(_SQL["handle_of"], order_id=order_id, target=target)
    return str(row["handle"]) if row else None


def keep_handle(tx: Tx, notice: Row, handle: str, at: datetime) -> None:
    """The message of a notice can be edited by this handle."""
    tx.run(
        _SQL["keep_handle"], order_id=notice["order_id"], target=notice["target"], handle=handle, id=notice["id"], at=at
    )  # fmt: skip


def orders_now(tx: Tx, notices: Iterable[Row]) -> dict[object, Row]:
    """How the orders of notices stand now, by id."""
    ids = list({notice["order_id"] for notice in notices if notice["order_id"] is not None})
    return {row.pop("id"): row for row in tx.all(_SQL["orders_now"], ids=ids)} if ids else {}


def finish(tx: Tx, notice: object, state: str, *, reason: str, at: datetime) -> None:
    """A notice is `sent`, `dropped` or `failed`."""
    tx.run(_SQL["finish"], id=notice, state=state, reason=reason, at=at)


def again(tx: Tx, notice: object, *, reason: str, next_at: datetime) -> None:
    """Try a notice again at a machine time."""
    tx.run(_SQL["again"], id=notice, reason=reason, next_at=next_at)


def record(tx: Tx, notices: Iterable[object], *, at: datetime, outcome: str, reason: str, detail: str) -> None:
    """One line in the ledger of deliveries for each notice; `outcome` is `sent`, `retry`, `failed` or `dropped`."""
    lines = [{"id": one, "at": at, "outcome": outcome, "reason": reason, "detail": detail} for one in notices]
    tx.many(_SQL["record"], lines)


def breaker_ok(tx: Tx, target: str) -> None:
    """The target answers: forget its failures."""
    tx.run(_SQL["breaker_ok"], target=target)


def breaker_failed(tx: Tx, target: str) -> int:
    """The target failed; how often in a row."""
    row = tx.one(_SQL["breaker_failed"], target=target)
    return int(row["failures"]) if row else 0


def breaker_open(tx: Tx, target: str, until: datetime) -> None:
    """Send nothing to a target until a machine time."""
    tx.run(_SQL["breaker_open"], target=target, until=until)


def breakers(tx: Tx) -> list[Row]:
    """Targets that failed lately."""
    return tx.all(_SQL["breakers"])


def deliveries_of(tx: Tx, order_id: str) -> list[Row]:
    """What was sent to whom about an order."""
    return tx.all(_SQL["deliveries_of"], order_id=order_id)


def told(
    tx: Tx, *, order_id: str | None = None, person: str | None = None, since: datetime | None = None,
    outcome: str | None = None, limit: int = 200,
) -> list[Row]:  # fmt: skip
    """The ledger of deliveries, oldest first: who was told what and when, what was held or dropped, and why.

    `target` may hold a key: show it through `citybrain.kernel.contacts.safe`.
    """
    return tx.all(_SQL["told"], order_id=order_id, person=person, since=since, outcome=outcome, limit=limit)


def told_about_case(tx: Tx, case_id: str) -> list[Row]:
    """The ledger of deliveries about all orders of a case, oldest first."""
    return tx.all(_SQL["told_about_case"], case_id=case_id)


def notices_of(tx: Tx, order_id: str) -> list[Row]:
    """The notices about an order and how they stand."""
    return tx.all(_SQL["notices_of"], order_id=order_id)


def use_link(tx: Tx, nonce: bytes, *, order_id: str, verb: str, actor: str, at: datetime, expires: datetime) -> bool:
    """A link is used in this transaction; False when it was used before. Somebody who uses it at the same time waits."""
    row = tx.one(_SQL["use_link"], nonce=nonce, order_id=order_id, verb=verb, actor=actor, at=at, expires=expires)
    return row is not None


def link_used(tx: Tx, nonce: bytes) -> Row | None:
    """`used_at` and `actor` of a link that was used."""
    return tx.one(_SQL["link_used"], nonce=nonce)


def prune(tx: Tx, before: datetime) -> int:
    """Forget notices and deliveries done before a time; how many notices."""
    tx.run(_SQL["prune_deliveries"], before=before)
    tx.run(_SQL["prune_disturbances"], before=before)
    tx.run(_SQL["prune_links"], before=before)
    return tx.run(_SQL["prune"], before=before)
