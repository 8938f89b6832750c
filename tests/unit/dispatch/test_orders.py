"""The table of the work order."""

from __future__ import annotations

import pytest

from citybrain.kernel.errors import StateError
from dispatch.orders import EVENTS, FINAL, NEW, NOTES, PEOPLE, STATES, TABLE, WITH_REASON, allowed, move, replay


def test_the_way_of_an_order() -> None:
    assert replay(["dispatch", "ack", "arrive", "fix", "verify", "close"]) == "closed"
    assert replay(["dispatch", "reminded", "fix", "rework", "overdue", "arrive", "fix", "verify", "close"]) == "closed"
    assert replay(["dispatch", "return", "redispatch", "cancel"]) == "cancelled"
    assert replay(["dispatch", "verify", "close"]) == "closed", "the sensor needs nobody to say so"
    assert replay(["dispatch", "fix", "verify", "close", "reopen", "ack", "fix", "verify", "close"]) == "closed"


def test_every_state_is_reached_and_every_open_one_can_end() -> None:
    reached, frontier = {NEW}, [NEW]
    while frontier:
        following = set(TABLE[frontier.pop()].values()) - reached
        reached |= following
        frontier += following
    assert reached == {NEW, *STATES}
    for state in set(STATES) - FINAL:
        ends, frontier = {state}, [state]
        while frontier:
            following = set(TABLE[frontier.pop()].values()) - ends
            ends |= following
            frontier += following
        assert ends & FINAL, state


@pytest.mark.parametrize("state", TABLE)
@pytest.mark.parametrize("event", [*EVENTS, "close_by_hand", *NOTES])
def test_what_the_table_does_not_say_is_refused(state: str, event: str) -> None:
    if event in TABLE[state]:
        assert move(state, event) == TABLE[state][event]
        return
    with pytest.raises(StateError) as caught:
        move(state, event)
    assert repr(state) in str(caught.value)
    assert repr(event) in str(caught.value)


def test_nobody_closes_an_order_by_hand() -> None:
    assert not {"verify", "close", "rework", "redispatch", "dispatch"} & set(PEOPLE)
    assert all(set(allowed(state)) <= set(PEOPLE) for state in STATES)
    assert allowed("closed") == allowed("cancelled") == ()
    assert allowed("dispatched") == ("ack", "arrive", "make_safe", "fix", "return", "cancel")
    assert "reopen" not in PEOPLE, "reopening is asked of the case too: see dispatch.reopening"


def test_events_and_notes_are_apart() -> None:
    assert not set(EVENTS) & set(NOTES)
    assert set(PEOPLE) >= WITH_REASON
