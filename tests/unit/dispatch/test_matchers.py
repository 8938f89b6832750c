"""Matchers: the syntax of Alertmanager, and what each compares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citybrain.kernel.errors import InputError
from citybrain.kernel.model import Asset
from dispatch.labels import labels_of
from dispatch.matchers import LABELS, OPERATORS, Matcher, all_match, parse, parse_all

LAMP = labels_of(
    Asset("sl-7", "streetlight", district="d1", feeder="F1", model="LED 90", catchment="c3", attributes={"owner": "city"}),
    condition="SL-OUT",
    cause="lamp_dark",
    severity="major",
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('cause="lamp_dark"', True),
        ("cause=lamp_dark", True),
        ("cause = lamp_dark ", True),
        ('cause!="lamp_dark"', False),
        ('cause=~"lamp_(dark|electric)"', True),
        ('cause=~"lamp"', False),  # a regular expression matches the whole value
        ('cause!~"lamp.*"', False),
        ('asset=~"sl-[0-9]+"', True),
        ('model="LED 90"', True),
        ("model=LED 90", True),
        ('unit=""', True),  # what is not there is the empty word
        ("unit=", True),
        ('unit!="x"', True),
        ('unit=~".+"', False),
        ('catchment="c3"', True),
        ('attr_owner="city"', True),
        ('attr_other!="city"', True),
        ('severity=~"critical|major"', True),
    ],
)
def test_what_a_matcher_says_of_a_lamp(text: str, found: bool) -> None:
    assert parse(text).matches(LAMP) is found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "write it as label"),
        ("cause", "write it as label"),
        ("couse=x", "no label 'couse'"),
        ('cause="x', "closing quote"),
        ('cause="x" y', "left over"),
        ('cause=~"("', "no regular expression"),
        (r'cause="\d"', "no escape"),
        ("cause=" + "x" * 1001, "at most 1000"),
    ],
)
def test_what_is_no_matcher_is_told_with_what_would_be_right(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse(text)


@pytest.mark.parametrize(
    "text", ['{cause="lamp_dark", district=d1}', 'cause="lamp_dark",district=d1', "{cause=lamp_dark,district=d1,}"]
)
def test_several_at_once(text: str) -> None:
    assert parse_all(text) == (Matcher("cause", "=", "lamp_dark"), Matcher("district", "=", "d1"))
    assert all_match(parse_all(text), LAMP)
    assert not all_match(parse_all(text), {**LAMP, "district": "d2"})


@pytest.mark.parametrize("text", ["", "{}", "{cause=x", "cause=x}", 'cause="x" district="y"'])
def test_several_that_are_none(text: str) -> None:
    with pytest.raises(InputError):
        parse_all(text)


@given(st.sampled_from(LABELS), st.sampled_from(("=", "!=")), st.text(max_size=30))
def test_written_and_read_again(label: str, operator: str, value: str) -> None:
    matcher = Matcher(label, operator, value)
    assert parse(str(matcher)) == matcher
    assert matcher.matches({label: value}) is (operator == "=")


@given(st.text(max_size=60))
def test_any_text_is_a_matcher_or_an_input_error(text: str) -> None:
    try:
        found = parse(text)
    except InputError:
        return
    assert found.operator in OPERATORS
    assert parse(str(found)) == found
