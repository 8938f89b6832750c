"""How often somebody may be disturbed."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.allowance import Manners, Quiet, Verdict, decide, quiet_until, whose
from dispatch.channel_rules import load_channel_rules

NOON = datetime(2026, 6, 12, 4, 0, tzinfo=UTC)
SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
RULES = load_channel_rules()
SMS = RULES.kinds["sms"]
NIGHT = Quiet(time(22), time(7))


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def test_the_first_goes_at_once() -> None:
    assert decide(SMS, [], NOON, held=False) == Verdict("send", "sent")


def test_what_comes_within_a_minute_waits_and_then_goes_as_one() -> None:
    waits = decide(SMS, [NOON], at(0.5), held=False)
    assert waits[:3] == ("hold", "held_bundle", at(1))
    assert decide(SMS, [NOON], at(1), held=True).action == "bundle"
    assert decide(SMS, [NOON], at(1), held=False).action == "send"


@pytest.mark.parametrize(
    ("sent", "now", "until"),
    [
        ([0, 2, 4, 6, 8], 10, 15),  # 5 in 15 min: when the first falls out
        ([0, 2, 4, 6], 10, None),
        ([0, 6, 12, 18, 24, 30, 36, 42, 48, 54, 58], 59, 60),  # 11 in 60 min
        ([8 * n for n in range(21)], 170, 180),  # 21 in 180 min
        ([0, 2, 4, 6, 8], 15, None),
    ],
)
def test_the_allowance_of_a_telephone(sent: list[float], now: float, until: float | None) -> None:
    verdict = decide(SMS, [at(minute) for minute in sent], at(now), held=False)
    if until is None:
        assert verdict.action == "send"
    else:
        assert verdict[:3] == ("hold", "held_allowance", at(until))


def test_programs_are_told_everything() -> None:
    program = RULES.of("https://example.org")
    assert not program.calm
    assert decide(program, [NOON] * 1000, NOON, held=False).action == "send"


@given(st.lists(st.floats(0, 400), max_size=300))
def test_nobody_is_disturbed_more_often_than_allowed(waiting: list[float]) -> None:
    """Notices at any times, sent as the outbox does: each window keeps its number, and nothing is lost."""
    queue, now, carried = sorted(waiting), 0.0, 0
    sent: list[float] = []
    held = False
    while queue:
        now = max(now, queue[0])
        verdict = decide(SMS, [at(minute) for minute in sent if minute > now - 181], at(now), held=held)
        if verdict.action == "hold":
            assert verdict.until is not None
            assert verdict.until > at(now)
            now, held = (verdict.until - NOON) / timedelta(minutes=1), True
            continue
        due = [one for one in queue if one <= now]
        gone = due if verdict.action == "bundle" else due[:1]
        queue, carried, held = queue[len(gone) :], carried + len(gone), len(due) > len(gone)
        sent.append(now)
    assert carried == len(waiting)
    for most, span in ((5, 15), (11, 60), (21, 180)):
        for first in sent:
            assert sum(first <= one < first + span - 1e-6 for one in sent) <= most


def test_quiet_hours_go_over_midnight_by_the_wall_of_the_person() -> None:
    def until(hour: int, minute: int = 0, severity: str = "major", day: int = 12) -> datetime | None:
        return quiet_until(NIGHT, SHANGHAI, datetime(2026, 6, day, hour, minute, tzinfo=SHANGHAI), severity)

    seven = datetime(2026, 6, 13, 7, tzinfo=SHANGHAI)
    assert until(21, 59) is None
    assert until(22) == seven
    assert until(23, 59) == seven
    assert until(0, day=13) == seven
    assert until(6, 59, day=13) == seven
    assert until(7, day=13) is None
    assert until(23, severity="critical") is None
    assert quiet_until(None, SHANGHAI, NOON, "minor") is None
    midday = Quiet(time(12), time(14))
    assert quiet_until(midday, SHANGHAI, NOON, "minor") == datetime(2026, 6, 12, 14, tzinfo=SHANGHAI)
    assert quiet_until(midday, BERLIN, NOON, "minor") is None, "six in the morning there"


@pytest.mark.parametrize(
    ("now", "end"),
    [
        # Sunday 29 March 2026: 2:00 becomes 3:00 in Berlin; 25 October: 3:00 becomes 2:00
        (datetime(2026, 3, 28, 23, 30, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        (datetime(2026, 10, 24, 23, 30, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), None),
    ],
)
def test_quiet_hours_where_the_clock_is_changed(now: datetime, end: datetime | None) -> None:
    found = quiet_until(Quiet(time(23), time(2, 30)), BERLIN, now, "minor")
    if end is None or now.month == 3:
        # 2:30 does not exist on that Sunday in March: the hours end with the jump, or right after
        assert found is None or now < found <= now + timedelta(hours=2)
    else:
        assert found == end


def test_a_person_is_counted_over_all_their_contacts() -> None:
    assert whose("li", "twilio://x") == whose("li", "tgram://y") == "person:li"
    assert whose(None, "twilio://x") == "target:twilio://x"


def test_edits_are_for_what_is_no_call() -> None:
    chat = Manners("chat", edit=frozenset({"closed"}))
    assert chat.edits("closed")
    assert not chat.edits("overdue")
    assert RULES.of("https://x").edits("overdue"), "programs are told what each event replaces"
    assert not RULES.of("tgram://x").edits("dispatched")
    assert RULES.of("tgram://x").edits("closed")
