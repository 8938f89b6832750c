"""The chain: what was changed, dropped, slipped in or cut off shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from citybrain.kernel.errors import InputError, StateError
from dispatch.audit import verify
from dispatch.chain import GENESIS, Entry, chained, plain, seal, sealed
from dispatch.entries import CASE_NOTES, CASE_TABLE, NEW, case_move
from tests.dispatch_kit import NOON

Chain = list[Entry]


def chain(case: str = "c-1", order: str = "o-1") -> Chain:
    steps = [
        (None, "opened", NEW, "open", "dispatch"),
        (order, "dispatch", NEW, "dispatched", "dispatch"),
        (order, "reminded", "dispatched", "dispatched", "cycle"),
        (None, "grouped", "open", "open", "dispatch"),
        (order, "ack", "dispatched", "acknowledged", "班组七"),
        (order, "fix", "acknowledged", "fixed", "crew"),
    ]
    found: Chain = []
    for n, (of, event, before, after, actor) in enumerate(steps):
        prev = found[-1].hash if found else GENESIS
        at = NOON + timedelta(minutes=n)
        found.append(chained(prev, case, of, event, before, after, at=at, actor=actor, reason="因为", facts={"n": n}))
    return found


def test_what_was_written_is_intact() -> None:
    mixed = [entry for pair in zip(chain(), chain("c-2", "o-2"), strict=True) for entry in pair]
    assert verify(mixed, {"o-1": "fixed", "o-2": "fixed"}, {"c-1": "open", "c-2": "open"}) == []
    assert verify([]) == []


@pytest.mark.parametrize("field", ["event", "from_state", "to_state", "actor", "reason", "detail", "order_id"])
def test_a_changed_field_shows(field: str) -> None:
    entries = chain()
    entries[2] = entries[2]._replace(**{field: "forged"})
    assert "hash_mismatch" in {fault.reason for fault in verify(entries)}


@pytest.mark.parametrize(
    "changed", [{"facts": {"n": 2, "due": "later"}}, {"version": 1}, {"version": 3}, {"at": NOON}, {"case_id": "c-9"}]
)
def test_the_rest_of_an_entry_is_covered_too(changed: dict[str, Any]) -> None:
    entries = chain()
    entries[2] = entries[2]._replace(**changed)
    assert "hash_mismatch" in {fault.reason for fault in verify(entries)}


def forged_and_resealed(entries: Chain) -> Chain:
    old = entries[2]
    entries[2] = chained(
        old.prev_hash, "c-1", "o-1", "reminded", "dispatched", "dispatched", at=old.at, actor="x", reason="", detail=""
    )
    return entries


@pytest.mark.parametrize(
    ("harm", "reasons"),
    [
        (lambda e: e[:2] + e[3:], {"broken_chain"}),
        (lambda e: e[1:], {"broken_chain", "wrong_state"}),
        (lambda e: [*e[:2], e[4], e[2], e[3], e[5]], {"broken_chain", "wrong_state"}),
        (lambda e: e[:3] + [e[2]] + e[3:], {"broken_chain"}),
        (forged_and_resealed, {"broken_chain"}),
        (lambda e: e[:5], {"cut_off"}),
        (lambda e: [], {"cut_off"}),
    ],
)
def test_harm_shows(harm: Callable[[Chain], Chain], reasons: set[str]) -> None:
    assert {fault.reason for fault in verify(harm(chain()), {"o-1": "fixed"}, {"c-1": "open"})} == reasons


def test_a_move_that_the_table_does_not_know_shows_even_when_it_is_sealed() -> None:
    first = chained(GENESIS, "c-1", "o-1", "dispatch", NEW, "dispatched", at=NOON, actor="x", reason="")
    odd = chained(first.hash, "c-1", "o-1", "close", "dispatched", "closed", at=NOON, actor="x", reason="")
    wrong = chained(first.hash, "c-1", "o-1", "ack", "dispatched", "closed", at=NOON, actor="x", reason="")
    assert [fault.reason for fault in verify([first, odd])] == ["unknown_move"]
    assert [fault.reason for fault in verify([first, wrong])] == ["unknown_move"]
    case = chained(GENESIS, "c-1", None, "ended", NEW, "closed", at=NOON, actor="x", reason="")
    assert [fault.reason for fault in verify([case])] == ["unknown_move"]


def test_the_hash_does_not_depend_on_the_time_zone_and_cannot_be_confused() -> None:
    shanghai = NOON.astimezone(timezone(timedelta(hours=8)))
    assert seal(GENESIS, "a", "b", at=NOON) == seal(GENESIS, "a", "b", at=shanghai)
    assert seal(GENESIS, "ab", "", at=NOON) != seal(GENESIS, "a", "b", at=NOON)
    assert seal(GENESIS, 'a","b', at=NOON) != seal(GENESIS, "a", "b", at=NOON)


def test_the_canonical_forms_are_fixed_for_good() -> None:
    """Recorded: a change of these values would make every ledger ever written look forged."""
    at = datetime(2026, 6, 12, 4, 0, 0, 123456, tzinfo=UTC)
    old = Entry("c-1", "o-1", "dispatch", NEW, "dispatched", at, "dispatch", "alone", "给排水", {}, 1, GENESIS, b"")
    assert sealed(old).hex() == "8516b0056ab3a96aa16da615e2264a386c495ff5b838d88d366e8ef5874b7835"
    facts = {"unit": "给排水", "clocks": [{"value": 2.0, "due": at}], "share": 0.1}
    new = chained(
        GENESIS,
        "c-1",
        "o-1",
        "dispatch",
        NEW,
        "dispatched",
        at=at,
        actor="dispatch",
        reason="alone",
        detail="给排水",
        facts=facts,
    )
    assert new.hash.hex() == "2f1c9c00291546e5dac7796608739bf8badabc4b5e734f36d93a83e400c49549"
    assert new._replace(facts={**new.facts, "clocks": [{"due": "2026-06-12T04:00:00.123456+00:00", "value": 2}]}) == new


def test_facts_are_made_plain() -> None:
    told = {
        "at": NOON,
        "day": NOON.date(),
        "id": UUID(int=1),
        "some": ("b", "a"),
        "set": {2, 1},
        "n": 3.0,
        "x": 0.25,
        "no": None,
    }
    assert plain(told) == {
        "at": "2026-06-12T04:00:00.000000+00:00", "day": "2026-06-12", "id": str(UUID(int=1)), "some": ["b", "a"],
        "set": [1, 2],
        "n": 3, "x": 0.25, "no": None,
    }  # fmt: skip
    assert plain(plain(told)) == plain(told)
    for odd in (float("nan"), float("inf"), object()):
        with pytest.raises(InputError, match="facts"):
            plain({"n": [odd]})


def test_every_move_of_a_case_stands_in_its_table() -> None:
    assert case_move("gathering", "sent_out") == "open"
    with pytest.raises(StateError, match="event 'sent_out' is not allowed in state 'closed'"):
        case_move("closed", "sent_out")
    moves = {event for events in CASE_TABLE.values() for event in events}
    assert not moves & CASE_NOTES.keys()
    assert all(text.endswith(".") for text in CASE_NOTES.values())
