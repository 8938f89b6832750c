"""Who is told, when, and whether it still makes sense."""

from __future__ import annotations

import pytest

from citybrain.kernel.model import Unit
from dispatch.notices import PURPOSES, STILL, channel_of, ladder, notice_id, stale, still
from dispatch.orders import FINAL, STATES


def unit(contacts: str = "", lead: str = "", supervisor: str = "") -> Unit:
    return Unit("u", "U", contacts=tuple(contacts.split()), lead=tuple(lead.split()), supervisor=tuple(supervisor.split()))


@pytest.mark.parametrize(
    ("of", "start", "level", "targets", "skipped"),
    [
        (unit("a b", "c", "d"), "unit", "unit", ("a", "b"), ()),
        (unit("", "c", "d"), "unit", "lead", ("c",), ("unit",)),
        (unit("a", "", "d"), "lead", "supervisor", ("d",), ("lead",)),
        (unit("a", "", ""), "lead", None, (), ("lead", "supervisor")),
        (unit("a", "c", ""), "supervisor", None, (), ("supervisor",)),
        (None, "unit", None, (), ("unit", "lead", "supervisor")),
    ],
)
def test_ladder(of: Unit | None, start: str, level: str | None, targets: tuple[str, ...], skipped: tuple[str, ...]) -> None:
    assert ladder(of, start) == (level, targets, skipped)


@pytest.mark.parametrize(
    ("contact", "channel"),
    [
        ("log:x", "log"),
        ("https://a.example/x", "webhook"),
        ("HTTP://a.example", "webhook"),
        ("mailto:a@b.example", "email"),
        ("pigeon:post", "unknown"),
        ("", "unknown"),
        ("https://[broken", "unknown"),
    ],
)
def test_channel_of(contact: str, channel: str) -> None:
    assert channel_of(contact) == channel


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("state", STATES)
def test_only_ends_are_told_of_orders_that_are_over(purpose: str, state: str) -> None:
    found = stale(purpose, order_state=state, was_state="dispatched", unit="u", was_unit="u")
    if purpose in {"closed", "cancelled"}:
        assert found is None
    elif state in FINAL:
        assert found == "state_changed"
    elif state == "dispatched":
        assert found is None
    elif purpose in {"dispatched", "reminder_50", "reminder_80"}:
        assert found == "state_changed", "acknowledging stops what was queued"


def test_what_was_said_to_another_unit_is_not_said_any_more() -> None:
    facts = {"order_state": "dispatched", "was_state": "dispatched", "unit": "new", "was_unit": "old"}
    assert stale("dispatched", **facts) == stale("overdue", **facts) == "unit_changed"
    assert stale("cancelled", **facts) is None


def test_timers_mean_nothing_once_it_is_said_to_be_fixed() -> None:
    for purpose in STILL:
        assert not any(still(purpose, state) for state in ("fixed", "verified", "closed", "cancelled"))
    assert not still("reminder_50", "acknowledged")
    assert still("limit", "returned"), "the clock does not wait for a signature"


def test_the_id_of_a_notice_is_the_same_for_the_same_notice_only() -> None:
    one = notice_id("o", "dispatched", "log:a", "0.0")
    assert one == notice_id("o", "dispatched", "log:a", "0.0")
    assert len({one, notice_id("o", "dispatched", "log:b", "0.0"), notice_id("o", "dispatched", "log:a", "1.0")}) == 3
