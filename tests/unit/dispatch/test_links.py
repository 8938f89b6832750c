"""Signed links: only what we made is read, and it is read as it was made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from dispatch.links import VERBS, Claim, nonce, read, sign

KEY = b"a key of the tests"
AT = datetime(2026, 6, 12, 4, 0, tzinfo=UTC)
ORDER = "6f1fd7a2-9d5f-5e0e-8b3e-0c1d2e3f4a5b"

claims = st.builds(
    Claim,
    st.uuids().map(str),
    st.sampled_from(sorted(VERBS)),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.integers(0, 10**6).map(lambda hours: AT + timedelta(hours=hours % 9000)),
    st.binary(min_size=12, max_size=12),
)


@given(claims)
def test_what_is_signed_is_read(claim: Claim) -> None:
    token = sign(KEY, claim)
    assert read(KEY, token) == claim
    assert read(KEY + b"x", token) is None
    assert len(token) < 512


@given(claims, st.data())
def test_no_letter_may_differ(claim: Claim, data: st.DataObject) -> None:
    token = sign(KEY, claim)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda char: char != token[place]))
    assert read(KEY, token[:place] + other + token[place + 1 :]) is None
    assert read(KEY, token[:place]) is None
    assert read(KEY, token + other) is None


@given(st.text())
def test_other_texts_are_no_links(text: str) -> None:
    assert read(KEY, text) is None


def test_a_link_fits_into_a_short_message() -> None:
    token = sign(KEY, Claim(ORDER, "ack", "li", AT, nonce("n", "ack")))
    assert len(token) <= 72
    assert UUID(ORDER).hex not in token


def test_each_notice_and_verb_has_a_link_of_its_own() -> None:
    assert len({nonce(notice, verb) for notice in ("a", "b") for verb in VERBS}) == 4
