"""PURE. Is the ledger what was written? Every entry, every chain, its head, and the state that it leads to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from citybrain.kernel.errors import StateError
from dispatch.anchors import Anchor, Tree, chain_faults
from dispatch.chain import GENESIS, Entry, Facts, sealed
from dispatch.entries import BEGINNINGS, CASE_NOTES, case_move
from dispatch.entries import NEW as NEW_CASE
from dispatch.orders import FINAL, NEW, NOTES, move


class Fault(NamedTuple):
    """A place where the ledger is not what was written. `entry` counts the entries of that case from 0."""

    case_id: str
    order_id: str
    """"" for what concerns the case"""
    entry: int
    reason: str
    """hash_mismatch, broken_chain, unknown_move, wrong_state, cut_off, slipped_in, no_chain, row_changed, anchored_differ, or
    one of `dispatch.anchors.chain_faults`"""
    detail: str


class OrderStory:
    """An order as its history tells it. None: the history does not say (entries of version 1)."""

    __slots__ = ("closed_at", "reworks", "returns", "state", "unit")

    def __init__(self) -> None:
        self.state, self.reworks, self.returns = NEW, 0, 0
        self.unit: str | None = None
        self.closed_at: datetime | None = None

    def follow(self, entry: Entry) -> None:
        """Go on by one entry."""
        moved = entry.from_state != entry.to_state
        self.state = entry.to_state
        self.reworks += moved and entry.to_state == "rework"
        self.returns += moved and entry.to_state == "returned"
        if moved and entry.event in {"dispatch", "redispatch"}:
            self.unit = _said(entry).get("to" if entry.event == "redispatch" else "unit", self.unit)
        if moved:
            self.closed_at = entry.at if entry.to_state in FINAL else None


class Story:
    """The chain of one case, as far as it was read."""

    __slots__ = ("closed_at", "entries", "facts", "head", "opened_at", "orders", "outcome", "seq_sum", "state")

    def __init__(self) -> None:
        self.head, self.entries, self.seq_sum = GENESIS, 0, 0
        self.state = NEW_CASE
        self.facts: Facts = {}
        """what its first entry says of it"""
        self.opened_at: datetime | None = None
        self.closed_at: datetime | None = None
        self.outcome: str | None = None
        self.orders: dict[str, OrderStory] = {}

    def follow(self, entry: Entry) -> Iterator[Fault]:
        """Go on by one entry; what is wrong with it."""
        for reason, detail in self._wrong(entry):
            yield Fault(entry.case_id, entry.order_id or "", self.entries, reason, detail)
        self.head, self.entries, self.seq_sum = entry.hash, self.entries + 1, self.seq_sum + entry.seq
        if entry.order_id is not None:
            self.orders.setdefault(entry.order_id, OrderStory()).follow(entry)
            return
        self.state = entry.to_state
        if entry.event in BEGINNINGS:
            self.facts, self.opened_at = _said(entry), _opened(entry)
        if entry.event in {"ended", "taken_over"} and entry.to_state == "closed":
            self.closed_at, self.outcome = entry.at, _said(entry).get("outcome")
        elif entry.event == "reopened":
            self.closed_at = self.outcome = None

    def _wrong(self, entry: Entry) -> Iterator[tuple[str, str]]:
        what = f"{entry.event} at {entry.at.isoformat()}"
        if sealed(entry) != entry.hash:
            yield "hash_mismatch", f"{what} was changed after it had been written"
        if entry.prev_hash != self.head:
            yield "broken_chain", f"{what} does not follow the entry before it"
        of_order = entry.order_id is not None
        order = self.orders.get(entry.order_id or "")
        state = self.state if not of_order else order.state if order else NEW
        if entry.from_state != state and entry.event != "taken_over":
            yield "wrong_state", f"{entry.event} starts in {entry.from_state!r}, it was {state!r}"
        notes, step = (NOTES, move) if of_order else (CASE_NOTES, case_move)
        try:
            expected = entry.from_state if entry.event in notes else step(entry.from_state, entry.event)
        except StateError as error:
            yield "unknown_move", str(error)
            return
        if expected != entry.to_state:
            yield "unknown_move", f"{entry.event} from {entry.from_state!r} leads to {expected!r}, not {entry.to_state!r}"


def _opened(entry: Entry) -> datetime | None:
    if entry.event != "taken_over":
        return entry.at
    try:
        return datetime.fromisoformat(_said(entry).get("opened_at", ""))
    except (TypeError, ValueError):
        return None


def _said(entry: Entry) -> Facts:
    """The facts of an entry; whoever forged it may have put anything there."""
    return entry.facts if isinstance(entry.facts, Mapping) else {}


def verify(
    entries: Iterable[Entry], states: Mapping[str, str] | None = None, cases: Mapping[str, str] | None = None
) -> list[Fault]:
    """Check every chain among `entries`; empty when all is as it was written.

    `states` (order id -> state) and `cases` (case id -> state) add the check that each history leads to the state that is.
    """
    faults: list[Fault] = []
    stories: dict[str, Story] = {}
    for entry in entries:
        faults += stories.setdefault(entry.case_id, Story()).follow(entry)
    reached = {
        order: (case, story.entries, end.state) for case, story in stories.items() for order, end in story.orders.items()
    }
    for order, state in (states or {}).items():
        case, number, told = reached.get(order, ("", 0, NEW))
        if told != state:
            faults.append(Fault(case, order, number, "cut_off", f"the history ends in {told!r}, the order is {state!r}"))
    for case, state in (cases or {}).items():
        story = stories.get(case, Story())
        if story.state != state:
            detail = f"the history ends in {story.state!r}, the case is {state!r}"
            faults.append(Fault(case, "", story.entries, "cut_off", detail))
    return faults


class Auditor:
    """Checks a whole ledger, entry by entry in the order of writing, and then everything that stands beside it."""

    def __init__(
        self, anchors: Sequence[Anchor] = (), copies: Sequence[Anchor] = (), *, end: tuple[int, bytes] | None = None,
        whole: bool = True,
    ) -> None:  # fmt: skip
        """`copies`: anchors kept outside; `end`: the recorded end of the chain of anchors; `whole` False: entries of some cases
        only, which no anchor can be compared with."""
        self.faults = [
            Fault("", "", 0, reason, f"{day}: {detail}" if day else detail)
            for day, reason, detail in chain_faults(anchors, copies, end)
        ]
        self.stories: dict[str, Story] = {}
        self.entries = self.anchored = 0
        self._anchors = [(anchor, Tree()) for anchor in anchors] if whole else []
        self._turn = 0

    def follow(self, entry: Entry) -> None:
        """The next entry."""
        story = self.stories.get(entry.case_id)
        if story is None:
            story = self.stories[entry.case_id] = Story()
        self.faults += story.follow(entry)
        self.entries += 1
        while self._turn < len(self._anchors) and entry.seq > self._anchors[self._turn][0].to_seq:
            self._turn += 1
        if self._turn < len(self._anchors) and entry.seq > self._anchors[self._turn][0].from_seq:
            self._anchors[self._turn][1].add(entry.seq, entry.hash)
            self.anchored += 1

    def finish(
        self, ends: Iterable[Mapping[str, Any]], cases: Iterable[Mapping[str, Any]], orders: Iterable[Mapping[str, Any]]
    ) -> list[Fault]:
        """Compare with the anchors, the recorded ends of the chains, and the cases and orders as they stand; all faults."""
        for anchor, tree in self._anchors:
            if (tree.leaves, tree.root()) != (anchor.entries, anchor.root):
                detail = f"{anchor.day}: {tree.leaves} entries are not the {anchor.entries} that were anchored"
                self.faults.append(Fault("", "", 0, "anchored_differ", detail))
        self._ends(ends)
        self._cases(cases)
        self._orders(orders)
        return self.faults

    def _ends(self, ends: Iterable[Mapping[str, Any]]) -> None:
        open_ends = set(self.stories)
        for row in ends:
            case = str(row["case_id"])
            story = self.stories.get(case, Story())
            open_ends.discard(case)
            state = "" if story.state == NEW_CASE else story.state
            told = {"entries": story.entries, "head": story.head, "state": state, "seq_sum": story.seq_sum}
            for key, value in told.items():
                found = bytes(row[key]) if key == "head" else row[key]
                if value != found:
                    what = f"{key} of the end of the chain is {_shown(found)}, the entries give {_shown(value)}"
                    self.faults.append(Fault(case, "", story.entries, "cut_off", what))
        self.faults += [Fault(case, "", 0, "slipped_in", "a chain without a recorded end") for case in sorted(open_ends)]

    def _cases(self, cases: Iterable[Mapping[str, Any]]) -> None:
        known = set(self.stories)
        for row in cases:
            case = str(row["id"])
            story = self.stories.get(case)
            known.discard(case)
            if story is None:
                self.faults.append(Fault(case, "", 0, "no_chain", "the case has no entry"))
                continue
            told = {"state": story.state, "opened_at": story.opened_at, **{key: story.facts.get(key) for key in _OF_CASE}}
            told |= {"closed_at": story.closed_at, "outcome": story.outcome}
            self._compare(Fault(case, "", story.entries, "row_changed", ""), "case", row, told)
        self.faults += [Fault(case, "", 0, "slipped_in", "a chain without a case") for case in sorted(known)]

    def _orders(self, orders: Iterable[Mapping[str, Any]]) -> None:
        known = {order for story in self.stories.values() for order in story.orders}
        for row in orders:
            case, order = str(row["case_id"]), str(row["id"])
            known.discard(order)
            story = self.stories.get(case, Story())
            end = story.orders.get(order)
            if end is None:
                self.faults.append(Fault(case, order, story.entries, "no_chain", "the order has no entry in its case"))
                continue
            told: dict[str, Any] = {"state": end.state, "reworks": end.reworks, "returns": end.returns}
            told |= {"unit": end.unit} if end.unit is not None else {}
            told["closed_at"] = end.closed_at
            self._compare(Fault(case, order, story.entries, "row_changed", ""), "order", row, told)
        self.faults += [Fault("", order, 0, "slipped_in", "entries without an order") for order in sorted(known)]

    def _compare(self, where: Fault, what: str, row: Mapping[str, Any], told: Mapping[str, Any]) -> None:
        for key, value in told.items():
            if row[key] != value:
                detail = f"{key} of the {what} is {_shown(row[key])}, its history says {_shown(value)}"
                self.faults.append(where._replace(detail=detail))


_OF_CASE = ("asset", "kind", "cause")


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else value.isoformat() if isinstance(value, datetime) else repr(value)
