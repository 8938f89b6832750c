"""Nobody resolves by hand what still fires: it is cancelled with a code, or the sensor ends it."""

from __future__ import annotations

import pytest

from citybrain.kernel.errors import InputError
from citybrain.text import text
from dispatch.cancelling import CODES, code_of, reason_of
from dispatch.orders import FINAL, PEOPLE, TABLE


def test_the_only_end_that_people_can_make_is_to_cancel() -> None:
    ends = {event for moves in TABLE.values() for event, state in moves.items() if state in FINAL | {"verified"}}
    assert ends & set(PEOPLE) == {"cancel"}
    assert {"verify", "close"} <= ends, "the sensor's"


@pytest.mark.parametrize(
    ("code", "words", "found", "reason"),
    [
        ("false_alarm", "cobweb", ("false_alarm", "cobweb"), "false_alarm"),
        ("false_alarm", "", ("false_alarm", ""), "false_alarm"),
        ("", "duplicate", ("duplicate", ""), "duplicate"),
        ("", "duplicate: of #12", ("duplicate", "of #12"), "duplicate"),
        ("", "planned works", ("other", "planned works"), "planned works"),
        ("", "test of the siren", ("other", "test of the siren"), "test of the siren"),
        ("other", "the mayor says so", ("other", "the mayor says so"), "the mayor says so"),
    ],
)
def test_a_reason_has_a_code_and_what_was_said_before_still_works(
    code: str, words: str, found: tuple[str, str], reason: str
) -> None:
    assert code_of(code, words) == found
    assert reason_of(*found) == reason


@pytest.mark.parametrize(("code", "words"), [("", ""), ("other", ""), ("nonsense", "words"), ("", "other")])
def test_without_one_there_is_no_cancelling(code: str, words: str) -> None:
    with pytest.raises(InputError, match="code|reason"):
        code_of(code, words)


@pytest.mark.parametrize("code", sorted(CODES.keys() - {"other"}))
def test_codes_have_words_in_both_languages(code: str) -> None:
    assert text(f"orders.reason_{code}", "zh") != text(f"orders.reason_{code}", "en")
