"""The ledger: what happened to a case and its order, written at the end of the chain of the case.

Who writes holds the case. `append` writes what concerns the order, `note` what concerns the case, `sent_out`, `ended` and
`reopened` the life of cases; what begins in a batch is drafted (`Drafted`). Reading and checking: `dispatch.audit`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from citybrain.kernel.errors import NotFound, StateError
from citybrain.store import ledger as store
from citybrain.store import orders as orders_store
from citybrain.store.db import Row, Tx
from dispatch.audit import Fault, verify
from dispatch.chain import GENESIS, VERSION, Entry, Facts, chained, follow
from dispatch.entries import CASE_NOTES, NEW, case_move
from dispatch.orders import NOTES, move

__all__ = [
    "GENESIS", "Drafted", "Entry", "Facts", "Fault", "append", "case_states", "chained", "ended", "entry_of", "note", "notes",
    "read", "reopened", "sent_out", "states", "verify",
]  # fmt: skip


def append(
    tx: Tx, order_id: str, event: str, from_state: str, *, at: datetime, actor: str, reason: str, detail: str = "",
    facts: Facts | None = None,
) -> str:  # fmt: skip
    """Write a move or a note about an order; its state after it. The caller holds the order's case.

    Raises StateError for a move that the table does not allow, NotFound for no such order; nothing is written then.
    """
    to_state = from_state if event in NOTES else move(from_state, event)
    head = store.head_of_order(tx, order_id)
    if head is None:
        raise NotFound(f"no order {order_id!r}")
    entry = chained(
        head.hash or GENESIS, head.case_id, order_id, event, from_state, to_state, at=at, actor=actor, reason=reason,
        detail=detail, facts=facts,
    )  # fmt: skip
    store.add(tx, _row(entry))
    return to_state


def note(
    tx: Tx, case_id: str, event: str, *, at: datetime, actor: str, reason: str, detail: str = "", facts: Facts | None = None
) -> None:
    """Write what concerns the case and leaves its state as it is (`CASE_NOTES`). The caller holds the case.

    Raises StateError for an event that no line of CASE_NOTES explains, NotFound for a case without a beginning.
    """
    notes(tx, [case_id], event, at=at, actor=actor, reason=reason, detail=detail, facts=facts)


def notes(
    tx: Tx, case_ids: Iterable[str], event: str, *, at: datetime, actor: str, reason: str, detail: str = "",
    facts: Facts | None = None,
) -> None:  # fmt: skip
    """The same note about several cases, by two statements."""
    if event not in CASE_NOTES:
        raise StateError("case", "any", event)
    _together(tx, case_ids, event, at=at, actor=actor, reason=reason, detail=detail, facts=facts)


def sent_out(tx: Tx, case_id: str, *, at: datetime, actor: str, reason: str, facts: Facts | None = None) -> None:
    """A case that waited goes out; facts as for `opened`."""
    _together(tx, [case_id], "sent_out", at=at, actor=actor, reason=reason, facts=facts)


def ended(
    tx: Tx, case_ids: Iterable[str], *, outcome: str, at: datetime, actor: str, reason: str, facts: Facts | None = None
) -> None:
    """Cases are closed. The caller holds them, and closes them with the same outcome and time."""
    _together(tx, case_ids, "ended", at=at, actor=actor, reason=reason, facts={"outcome": outcome, **(facts or {})})


def reopened(tx: Tx, case_id: str, *, at: datetime, actor: str, reason: str, facts: Facts | None = None) -> None:
    """A closed case is open again."""
    _together(tx, [case_id], "reopened", at=at, actor=actor, reason=reason, facts=facts)


def _together(
    tx: Tx, case_ids: Iterable[str], event: str, *, at: datetime, actor: str, reason: str, detail: str = "",
    facts: Facts | None = None,
) -> None:  # fmt: skip
    wanted = sorted(set(case_ids))
    heads = store.heads(tx, wanted)
    made = []
    for case_id in wanted:
        head = heads.get(case_id)
        if head is None:
            raise NotFound(f"no case {case_id!r} in the ledger: its chain has no beginning")
        after = head.state if event in CASE_NOTES else case_move(head.state, event)
        made.append(
            chained(
                head.hash or GENESIS, case_id, None, event, head.state, after, at=at, actor=actor, reason=reason,
                detail=detail, facts=facts,
            )
        )  # fmt: skip
    store.add_many(tx, [_row(entry) for entry in made])


class Drafted:
    """Entries of new cases and orders that are written together by a few statements; they are chained when they are written."""

    def __init__(self) -> None:
        self._loose: list[Entry] = []
        self._new: dict[str, str] = {}
        """new case -> its state"""

    def case(
        self, case_id: str, event: str, *, at: datetime, actor: str, reason: str, detail: str = "", facts: Facts | None = None
    ) -> None:
        """The beginning of a new case (`opened` or `waits`), or what follows of it. Raises StateError."""
        state = self._new.get(case_id, NEW)
        after = state if event in CASE_NOTES else case_move(state, event)
        self._new[case_id] = after
        self._add(case_id, None, event, state, after, at=at, actor=actor, reason=reason, detail=detail, facts=facts)

    def order(
        self, case_id: str, order_id: str, event: str, from_state: str, *, at: datetime, actor: str, reason: str,
        detail: str = "", facts: Facts | None = None,
    ) -> str:  # fmt: skip
        """A move of an order, or a note about it; its state after it. Raises StateError."""
        after = from_state if event in NOTES else move(from_state, event)
        self._add(case_id, order_id, event, from_state, after, at=at, actor=actor, reason=reason, detail=detail, facts=facts)
        return after

    def _add(
        self, case_id: str, order_id: str | None, event: str, before: str, after: str, *, at: datetime, actor: str,
        reason: str, detail: str, facts: Facts | None,
    ) -> None:  # fmt: skip
        self._loose.append(
            Entry(case_id, order_id, event, before, after, at, actor, reason, detail, facts or {}, VERSION, b"", b"")
        )

    def chain(self, tx: Tx) -> list[Row]:
        """All of them chained, as rows of the ledger; nothing is drafted any more. The caller holds the cases."""
        heads = {case: head.hash or GENESIS for case, head in store.heads(tx, self._old()).items()}
        rows: list[Row] = []
        for loose in self._loose:
            entry = follow(heads.get(loose.case_id, GENESIS), loose)
            heads[loose.case_id] = entry.hash
            rows.append(_row(entry))
        self._loose, self._new = [], {}
        return rows

    def _old(self) -> list[str]:
        return sorted({entry.case_id for entry in self._loose} - self._new.keys())


def read(tx: Tx, order_id: str | None = None) -> list[Entry]:
    """The entries of all cases in the order of writing, or those of the case of one order."""
    return [entry_of(row) for row in store.entries(tx, order_id)]


def states(tx: Tx, order_id: str | None = None) -> dict[str, str]:
    """The state of one order, or of all: what `verify` compares the history with."""
    return orders_store.states(tx, order_id)


def case_states(tx: Tx) -> dict[str, str]:
    """The state of every case."""
    return store.case_states(tx)


def entry_of(row: Mapping[str, Any]) -> Entry:
    """An entry from its row."""
    order = row["order_id"]
    given = {
        key: row[key] for key in ("event", "from_state", "to_state", "at", "actor", "reason", "detail", "facts", "version")
    }
    return Entry(
        case_id=str(row["case_id"]),
        order_id=None if order is None else str(order),
        prev_hash=bytes(row["prev_hash"]),
        hash=bytes(row["hash"]),
        seq=row["seq"],
        **given,
    )


def _row(entry: Entry) -> Row:
    row = entry._asdict()
    del row["seq"]
    return row
