"""When the test message counts as silent, and that it is said once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from citybrain.config import Settings
from citybrain.kernel.errors import ConfigError
from dispatch.watching import Watched, WatchPlan, look, notices, watch_plan

T = datetime(2026, 6, 12, 4, 0, tzinfo=UTC)
PLAN = WatchPlan(10, 6, ("log:duty", "mailto:duty@example.org", "log:duty"))


def s(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


def watched(came: float | None, *, since: float = 0, looked: float, silent: float | None = None) -> Watched:
    return Watched(None if came is None else s(came), s(since), s(looked), None if silent is None else s(silent))


@pytest.mark.parametrize(
    ("state", "at", "action"),
    [
        (None, 0, "flies"),
        (watched(100, looked=155), 160, "flies"),
        (watched(100, looked=155), 160.5, "fell_silent"),
        # none ever came: it counts from when somebody began to watch
        (watched(None, looked=55), 60, "flies"),
        (watched(None, looked=55), 61, "fell_silent"),
        (watched(100, looked=195, silent=161), 200, "still_silent"),
        (watched(150, looked=195, silent=161), 200, "still_silent"),
        (watched(199, looked=195, silent=161), 200, "back"),
        # nobody looked for an hour: the program was off, and so was the sender
        (watched(100, looked=105), 3700, "flies"),
        # a restart of a minute is no excuse
        (watched(100, looked=130), 190, "fell_silent"),
        # the clock was set back
        (watched(5000, looked=5000), 100, "flies"),
        (watched(100, looked=105, silent=90), 3700, "back"),
        (watched(80, looked=105, silent=90), 3700, "still_silent"),
    ],
)
def test_what_a_look_finds(state: Watched | None, at: float, action: str) -> None:
    assert look(state, PLAN, s(at)).action == action


def test_a_silence_is_told_once_however_often_somebody_looks() -> None:
    state, told, at = watched(0, looked=0), [], 0.0
    came: float | None = 0.0
    while at < 400:
        at += 2.5
        if at in {300, 310, 320, 330, 340, 350, 360, 370, 380, 390, 400}:
            came = at
        found = look(state._replace(came_at=s(came)), PLAN, s(at))
        if found.action in {"fell_silent", "back"}:
            told.append((found.action, at))
        assert s(at) < found.next_look <= s(at + 5)
        state = Watched(s(came), found.watch_since, s(at), found.silent_at)
    assert told == [("fell_silent", 62.5), ("back", 300)]


def test_without_test_messages_nobody_watches() -> None:
    found = look(watched(0, looked=1, silent=5), WatchPlan(), s(9999))
    assert (found.action, found.silent_at, found.next_look) == ("off", None, s(9999 + 60))


def test_who_watches_is_told_once_each() -> None:
    rows = notices("canary_silent", PLAN, T, s(61), T)
    assert [row["target"] for row in rows] == ["log:duty", "mailto:duty@example.org"]
    assert [row["channel"] for row in rows] == ["log", "email"]
    assert {row["severity"] for row in rows} == {"critical"}, "it passes quiet hours"
    again = notices("canary_silent", PLAN, T, s(900), T)
    assert {row["id"] for row in rows} & {row["id"] for row in again} == set(), "another silence is another notice"


def test_the_plan_of_the_settings() -> None:
    plan = watch_plan(Settings(canary_s=5, canary_missed=4, watch_contacts=["log:duty"]))
    assert (plan, plan.patience) == (WatchPlan(5, 4, ("log:duty",)), timedelta(seconds=20))
    with pytest.raises(ConfigError, match="duty@example.org"):
        watch_plan(Settings(watch_contacts=["duty@example.org"]))
