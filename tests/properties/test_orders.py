"""Laws of the work order's table and ledger, for any sequence of events."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from citybrain.kernel.errors import StateError
from dispatch.audit import verify
from dispatch.chain import GENESIS, Entry, chained
from dispatch.orders import EVENTS, FINAL, NEW, NOTES, STATES, TABLE, move, replay
from tests.dispatch_kit import NOON

EVENT = st.sampled_from([*EVENTS, *NOTES])


def walked(events: list[str]) -> tuple[list[str], str]:
    """The events that were allowed, one after the other, and the state reached."""
    state, taken = NEW, []
    for event in events:
        try:
            state = state if event in NOTES and state != NEW else move(state, event)
        except StateError:
            continue
        taken.append(event)
    return taken, state


@given(st.lists(EVENT, max_size=40))
def test_whatever_is_tried_the_order_is_where_its_history_says(events: list[str]) -> None:
    taken, state = walked(["dispatch", *events])
    assert replay(taken) == state
    assert state in STATES


@given(st.lists(EVENT, max_size=40))
def test_what_is_over_stays_over(events: list[str]) -> None:
    taken, state = walked(["dispatch", *events])
    if state in FINAL:
        assert set(TABLE[state]) <= {"reopen"}, "only people, and only what is closed"
        last = [event for event in taken if event not in NOTES][-1]
        assert last == ("close" if state == "closed" else "cancel")
    if state == "closed":
        moves = [event for event in taken if event not in NOTES]
        assert moves[-2] == "verify", "nothing is closed that was not verified"


def chain(events: list[str]) -> list[Entry]:
    found: list[Entry] = []
    state = NEW
    for n, event in enumerate(events):
        after = state if event in NOTES else move(state, event)
        prev = found[-1].hash if found else GENESIS
        at = NOON + timedelta(seconds=n)
        found.append(chained(prev, "c", "o", event, state, after, at=at, actor="a", reason=f"r{n}", detail=""))
        state = after
    return found


@given(st.lists(EVENT, max_size=20), st.data())
def test_no_harm_to_a_ledger_goes_unseen(events: list[str], data: st.DataObject) -> None:
    taken, state = walked(["dispatch", *events])
    whole = chain(taken)
    assert verify(whole, {"o": state}) == []
    at = data.draw(st.integers(0, len(whole) - 1))
    match data.draw(st.sampled_from(["change", "drop", "double", "swap"])):
        case "change":
            field = data.draw(st.sampled_from(["event", "from_state", "to_state", "actor", "reason", "detail"]))
            harmed = [*whole[:at], whole[at]._replace(**{field: "forged"}), *whole[at + 1 :]]
        case "drop":
            harmed = whole[:at] + whole[at + 1 :]
            if at == len(whole) - 1 and whole[at].event in NOTES:
                # a note at the very end leaves no trace in the state; the daily anchor is for that
                return
        case "double":
            harmed = [*whole[: at + 1], *whole[at:]]
        case _:
            if len(whole) < 2:
                return
            at = min(at, len(whole) - 2)
            harmed = [*whole[:at], whole[at + 1], whole[at], *whole[at + 2 :]]
    assert verify(harmed, {"o": state}) != []
