"""The chain: what was changed, dropped, slipped in or cut off shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from dispatch.ledger import GENESIS, OrderEvent, chained, seal, verify
from dispatch.orders import NEW
from tests.dispatch_kit import NOON

Chain = list[OrderEvent]


def chain(order: str = "o-1") -> Chain:
    steps = [
        ("dispatch", NEW, "dispatched", "dispatch"),
        ("reminded", "dispatched", "dispatched", "cycle"),
        ("ack", "dispatched", "acknowledged", "班组七"),
        ("fix", "acknowledged", "fixed", "crew"),
    ]
    found: Chain = []
    for n, (event, before, after, actor) in enumerate(steps):
        prev = found[-1].hash if found else GENESIS
        at = NOON + timedelta(minutes=n)
        found.append(chained(prev, order, event, before, after, at=at, actor=actor, reason="因为", detail=""))
    return found


def test_what_was_written_is_intact() -> None:
    mixed = [entry for pair in zip(chain("o-1"), chain("o-2"), strict=True) for entry in pair]
    assert verify(mixed, {"o-1": "fixed", "o-2": "fixed"}) == []
    assert verify([]) == []


@pytest.mark.parametrize("field", ["event", "from_state", "to_state", "actor", "reason", "detail"])
def test_a_changed_field_shows(field: str) -> None:
    entries = chain()
    entries[2] = entries[2]._replace(**{field: "forged"})
    assert "hash_mismatch" in {fault.reason for fault in verify(entries)}


def forged_and_resealed(entries: Chain) -> Chain:
    changed = entries[1]._replace(actor="x", hash=b"")
    entries[1] = chained(
        changed.prev_hash, "o-1", "reminded", "dispatched", "dispatched", at=changed.at, actor="x", reason="", detail=""
    )
    return entries


@pytest.mark.parametrize(
    ("harm", "reasons"),
    [
        (lambda e: e[:1] + e[2:], {"broken_chain"}),
        (lambda e: e[1:], {"broken_chain", "wrong_state"}),
        (lambda e: [e[0], e[2], e[1], e[3]], {"broken_chain", "wrong_state"}),
        (lambda e: e[:2] + [e[1]] + e[2:], {"broken_chain"}),
        (forged_and_resealed, {"broken_chain"}),
        (lambda e: e[:3], {"cut_off"}),
        (lambda e: [], {"cut_off"}),
    ],
)
def test_harm_shows(harm: Callable[[Chain], Chain], reasons: set[str]) -> None:
    assert {fault.reason for fault in verify(harm(chain()), {"o-1": "fixed"})} == reasons


def test_a_move_that_the_table_does_not_know_shows_even_when_it_is_sealed() -> None:
    first = chain()[0]
    odd = chained(first.hash, "o-1", "close", "dispatched", "closed", at=NOON, actor="x", reason="", detail="")
    wrong = chained(first.hash, "o-1", "ack", "dispatched", "closed", at=NOON, actor="x", reason="", detail="")
    assert [fault.reason for fault in verify([first, odd])] == ["unknown_move"]
    assert [fault.reason for fault in verify([first, wrong])] == ["unknown_move"]


def test_the_hash_does_not_depend_on_the_time_zone_and_cannot_be_confused() -> None:
    shanghai = NOON.astimezone(timezone(timedelta(hours=8)))
    assert seal(GENESIS, "a", "b", at=NOON) == seal(GENESIS, "a", "b", at=shanghai)
    assert seal(GENESIS, "ab", "", at=NOON) != seal(GENESIS, "a", "b", at=NOON)
    assert seal(GENESIS, 'a","b', at=NOON) != seal(GENESIS, "a", "b", at=NOON)


def test_the_canonical_form_is_fixed_for_good() -> None:
    """Recorded: a change of this value would make every ledger ever written look forged."""
    at = datetime(2026, 6, 12, 4, 0, 0, 123456, tzinfo=UTC)
    entry = chained(GENESIS, "o-1", "dispatch", NEW, "dispatched", at=at, actor="dispatch", reason="alone", detail="给排水")
    assert entry.hash.hex() == "8516b0056ab3a96aa16da615e2264a386c495ff5b838d88d366e8ef5874b7835"
