"""Waits, breakers and texts of the outbox."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from citybrain.kernel.ids import derived_id
from citybrain.text import LANGUAGES, table
from dispatch.composing import compose
from dispatch.cycle.send import BREAKER_AFTER, BREAKER_LONGEST_S, LONGEST_WAIT_S, MAX_ATTEMPTS, breaker_s, wait_s
from dispatch.notices import PURPOSES
from dispatch.watching import BACK, SILENT, TEST
from tests.dispatch_kit import NOON


def test_waits_grow_with_a_jitter_that_is_always_the_same() -> None:
    waits = [wait_s("a", attempt) for attempt in range(1, MAX_ATTEMPTS + 1)]
    assert all(before < after for before, after in pairwise(waits[:6]))
    assert 8 <= waits[0] <= 12
    assert max(waits) <= LONGEST_WAIT_S * 1.2
    assert waits == [wait_s("a", attempt) for attempt in range(1, MAX_ATTEMPTS + 1)]
    assert len({wait_s(f"notice-{n}", 1) for n in range(50)}) == 50, "not everybody comes back at once"


def test_the_breaker_opens_after_some_failures_and_for_longer_each_time() -> None:
    pauses = [breaker_s(failures) for failures in range(BREAKER_AFTER, BREAKER_AFTER + 8)]
    assert breaker_s(BREAKER_AFTER - 1) == 0
    assert pauses[:3] == [30, 60, 120]
    assert max(pauses) == breaker_s(10_000) == BREAKER_LONGEST_S


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_notice_has_its_words(purpose: str, language: str) -> None:
    notice: dict[str, Any] = {
        "id": UUID(derived_id("n")),
        "order_id": UUID(derived_id("o")),
        "purpose": purpose,
        "target": "log:x",
        "body": {"unit": "u", "unit_name": "Unit", "unit_name_zh": "单位", "timezone": "Asia/Shanghai",
                 "title_en": "Cover {open}", "title_zh": "井盖打开", "reason": "said {by} somebody"},
        "created_at": NOON,
    }  # fmt: skip
    order = {
        "number": 17, "state": "dispatched", "unit": "u", "due_at": NOON + timedelta(hours=2), "dispatched_at": NOON,
        "asset": "mh-1", "asset_name": "", "condition": "MH-OPEN", "severity": "critical", "children": 0,
    }  # fmt: skip
    message = compose(notice, order, language, NOON + timedelta(minutes=30), NOON)
    assert "17" in message.subject
    assert "{" not in message.text.replace("{open}", "").replace("{by}", "")
    if purpose == "dispatched":
        assert "2026-06-12 14:00" in message.text, "the due time is that of the unit's wall"
        assert ("1 h 30 min" if language == "en" else "30") in message.text
    assert message.data["due_at"] == "2026-06-12T06:00:00+00:00"
    compose(notice, {}, language, NOON, NOON)


@pytest.mark.parametrize(("language", "words"), [("en", "the limit has passed"), ("zh", "时限已过")])
def test_codes_are_words_for_people_and_codes_for_programs(language: str, words: str) -> None:
    notice: dict[str, Any] = {
        "id": UUID(derived_id("n")),
        "order_id": UUID(derived_id("o")),
        "purpose": "escalated_lead",
        "target": "log:x",
        "body": {"unit": "u", "reason": "limit_passed"},
        "created_at": NOON,
    }
    message = compose(notice, {"number": 17, "unit": "u", "severity": "critical"}, language, NOON, NOON)
    assert words in message.text
    assert (message.data["reason"], message.data["severity"]) == ("limit_passed", "critical")


def test_both_languages_say_the_same_things() -> None:
    english, chinese = table("dispatch", "en"), table("dispatch", "zh")
    assert english.keys() == chinese.keys()
    assert {key.removesuffix("_subject").removesuffix("_text") for key in english} == {*PURPOSES, TEST, SILENT, BACK}
    for key in english:
        holes = [set(re.findall(r"{(\w+)}", words[key])) for words in (english, chinese)]
        assert holes[0] == holes[1], key
