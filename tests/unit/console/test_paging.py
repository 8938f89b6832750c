from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citybrain.kernel.errors import InputError
from console import paging

AT, ID = datetime(2026, 3, 2, 11, 21, 6, 771000, tzinfo=UTC), UUID(int=7)


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_position_comes_back_as_it_went(at: datetime, name: UUID) -> None:
    assert paging.position("alerts", paging.encode("alerts", at, name)) == (at, name)


@given(st.integers(0, 2**63 - 1))
def test_a_number_comes_back_as_it_went(number: int) -> None:
    assert paging.number("orders", paging.encode("orders", number)) == number


def test_no_cursor_is_the_beginning() -> None:
    assert paging.position("alerts", None) is None
    assert paging.number("orders", None) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "zzz",
        "€",
        "bnVsbA",
        paging.encode("cases", AT, ID),
        paging.encode("alerts", AT),
        paging.encode("alerts", "no time", ID),
        paging.encode("alerts", "2026-01-01T00:00:00", ID),
        paging.encode("alerts", AT, "no uuid"),
        paging.encode("alerts", AT, ID)[:-3],
    ],
)
def test_what_is_no_cursor_of_this_list_is_refused(cursor: str) -> None:
    with pytest.raises(InputError, match="cursor"):
        paging.position("alerts", cursor)


@pytest.mark.parametrize("value", ["7", 7.5, True, -1, 2**63, None])
def test_a_number_must_be_one(value: object) -> None:
    with pytest.raises(InputError, match="cursor"):
        paging.number("orders", paging.encode("orders", value))


@given(st.text(max_size=60))
def test_rubbish_never_does_more_than_be_refused(cursor: str) -> None:
    for take in (paging.position, paging.number):
        with pytest.raises(InputError):
            take("alerts", cursor)
