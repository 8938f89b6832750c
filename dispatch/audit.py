"""PURE. Is the ledger what was written? Every entry, every chain, its head, and the state that it leads to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from citybrain.kernel.errors import StateError
from dispatch.chain import GENESIS, Entry, sealed
from dispatch.entries import CASE_NOTES, case_move
from dispatch.entries import NEW as NEW_CASE
from dispatch.orders import NEW, NOTES, move


class Fault(NamedTuple):
    """A place where the ledger is not what was written. `entry` counts the entries of that case from 0."""

    case_id: str
    order_id: str
    """"" for what concerns the case"""
    entry: int
    reason: str
    """hash_mismatch, broken_chain, unknown_move, wrong_state or cut_off"""
    detail: str


class Story:
    """The chain of one case, as far as it was read."""

    __slots__ = ("case", "entries", "head", "orders")

    def __init__(self) -> None:
        self.head, self.entries = GENESIS, 0
        self.case = NEW_CASE
        self.orders: dict[str, str] = {}
        """order -> its state"""

    def follow(self, entry: Entry) -> Iterator[Fault]:
        """Go on by one entry; what is wrong with it."""
        for reason, detail in self._wrong(entry):
            yield Fault(entry.case_id, entry.order_id or "", self.entries, reason, detail)
        self.head, self.entries = entry.hash, self.entries + 1
        if entry.order_id is not None:
            self.orders[entry.order_id] = entry.to_state
        else:
            self.case = entry.to_state

    def _wrong(self, entry: Entry) -> Iterator[tuple[str, str]]:
        what = f"{entry.event} at {entry.at.isoformat()}"
        if sealed(entry) != entry.hash:
            yield "hash_mismatch", f"{what} was changed after it had been written"
        if entry.prev_hash != self.head:
            yield "broken_chain", f"{what} does not follow the entry before it"
        of_order = entry.order_id is not None
        state = self.orders.get(entry.order_id or "", NEW) if of_order else self.case
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


def verify(
    entries: Iterable[Entry], states: Mapping[str, str] | None = None, cases: Mapping[str, str] | None = None
) -> list[Fault]:
    """Check every chain among `entries`; empty when all is as it was written.

    `states` (order id -> state) and `cases` (case id -> state) add the check that each history leads to the state that is there.
    """
    faults: list[Fault] = []
    stories: dict[str, Story] = {}
    for entry in entries:
        faults += stories.setdefault(entry.case_id, Story()).follow(entry)
    reached = {order: (case, story, state) for case, story in stories.items() for order, state in story.orders.items()}
    for order, state in (states or {}).items():
        case, story, end = reached.get(order, ("", Story(), NEW))
        if end != state:
            detail = f"the history ends in {end!r}, the order is {state!r}"
            faults.append(Fault(case, order, story.entries, "cut_off", detail))
    for case, state in (cases or {}).items():
        story = stories.get(case, Story())
        if story.case != state:
            detail = f"the history ends in {story.case!r}, the case is {state!r}"
            faults.append(Fault(case, "", story.entries, "cut_off", detail))
    return faults
