"""An asset judged again: what is told, and which identity an episode keeps."""

from __future__ import annotations

from citybrain.kernel.events import AlertEvent
from citybrain.kernel.ids import alert_id
from citybrain.kernel.model import Asset, Reading
from rules.detectors import threshold
from rules.rejudge import Episode, Rejudged, canonical, rejudge
from rules.rulebook import Dwell
from tests.unit.rules.helpers import at, book, engine, reading, rule

COVER = Asset("mh-1", "manhole")
BOOK = book(
    rule(
        "OPEN",
        "manhole",
        "threshold",
        threshold.Params("tilt_deg", 10, 5),
        raise_after=Dwell(2, 0),
        clear_after=Dwell(2, 0),
    )
)
NOW = at(600)


def tilts(**by_minute: float) -> list[Reading]:
    """`m10=15.0`: a tilt of 15° at minute 10."""
    return [reading(COVER, float(name[1:]), tilt_deg=value) for name, value in by_minute.items()]


def again(readings: list[Reading], *known: Episode, since: float = 0) -> Rejudged:
    return rejudge(COVER, readings, (), known, BOOK, at(since), NOW)


def episode(onset: float, end: float | None, phase: str = "resolved", *, past: bool = False) -> Episode:
    key = alert_id("mh-1", "OPEN", at(onset))
    return Episode(key, "OPEN", "major", phase, at(onset), None if end is None else at(end), past)


def line(event: AlertEvent) -> tuple[str, str, float, float | None]:
    end = None if event.end_ms is None else (event.end_ms - at(0)) / 60_000
    return event.change, event.phase, (event.onset_ms - at(0)) / 60_000, end


def test_nothing_new_tells_nothing() -> None:
    readings = tilts(m0=1, m10=15, m20=15, m30=1, m40=1)
    assert again(readings, episode(10, 30)).events == []
    assert again(readings[:3], episode(10, None, "firing")).events == []
    assert again(readings[:4], episode(10, None, "clearing")).events == []


def test_history_is_added_and_never_raised() -> None:
    (added,) = again(tilts(m0=1, m10=15, m20=15, m30=1, m40=1)).events
    assert line(added) == ("added", "resolved", 10, 30)
    assert (added.at_ms, added.reason, added.id) == (NOW, "late_readings", alert_id("mh-1", "OPEN", at(10)))
    assert added.detail.startswith("found in late readings: 2026-05-28T20:36:40.000Z to 2026-05-28T20:56:40.000Z; tilt 15°")


def test_what_lasts_and_was_unknown_is_raised() -> None:
    assert [line(one) for one in again(tilts(m0=1, m10=15, m20=15)).events] == [("raised", "firing", 10, None)]
    clearing = again(tilts(m0=1, m10=15, m20=15, m30=1)).events
    assert [line(one) for one in clearing] == [("raised", "firing", 10, None), ("clearing", "clearing", 10, None)]


def test_an_earlier_onset_keeps_the_identity() -> None:
    known = episode(20, None, "firing")
    result = again(tilts(m0=1, m5=15, m10=15, m20=15, m30=15), known, since=5)
    (amended,) = result.events
    assert line(amended) == ("amended", "firing", 5, None)
    assert amended.id == known.id
    judge = engine(BOOK, COVER)
    judge.adopt("mh-1", result.state)
    events = judge.step(tilts(m700=1, m710=1)).events
    assert [(one.id, one.change, one.onset_ms) for one in events] == [
        (known.id, "clearing", at(5)),
        (known.id, "resolved", at(5)),
    ]


def test_a_late_end_resolves() -> None:
    known = episode(10, None, "firing")
    events = again(tilts(m0=1, m10=15, m20=15, m30=1, m40=1), known).events
    assert [line(one) for one in events] == [("amended", "resolved", 10, 30), ("resolved", "resolved", 10, 30)]
    assert {one.id for one in events} == {known.id}


def test_a_gap_that_was_no_gap_reopens() -> None:
    known = episode(10, 30)
    events = again(tilts(m0=1, m10=15, m20=15, m30=1, m35=15, m40=1, m45=15), known).events
    assert [line(one) for one in events] == [("amended", "firing", 10, None), ("refired", "firing", 10, None)]


def test_what_did_not_happen_is_withdrawn() -> None:
    known = episode(10, None, "firing")
    (withdrawn,) = again(tilts(m0=1, m10=15, m15=1, m20=15, m30=1), known).events
    assert line(withdrawn) == ("withdrawn", "resolved", 10, 10)
    assert (withdrawn.id, withdrawn.reason) == (known.id, "not_confirmed")


def test_what_was_over_before_is_not_touched() -> None:
    old = episode(10, 30)
    readings = tilts(m0=1, m10=1, m100=15, m110=15, m120=1, m130=1)
    assert [line(one) for one in again(readings, old, since=100).events] == [("added", "resolved", 100, 120)]
    gone = tilts(m10=15, m20=15, m30=1, m40=1, m100=1)
    assert again(gone, since=90).events == []


def test_two_become_one_and_the_other_is_withdrawn() -> None:
    first, second = episode(10, 30), episode(50, 80)
    readings = tilts(m0=1, m10=15, m20=15, m30=1, m35=15, m40=1, m50=15, m60=15, m80=1, m90=1)
    events = again(readings, first, second).events
    assert [(one.id, *line(one)) for one in events] == [
        (first.id, "amended", "resolved", 10, 80),
        (second.id, "withdrawn", "resolved", 50, 80),
    ]


def test_a_past_episode_that_turns_out_to_last_is_raised() -> None:
    past = episode(10, 30, past=True)
    events = again(tilts(m0=1, m10=15, m20=15, m30=15), past).events
    assert [(one.id, *line(one)) for one in events] == [(past.id, "raised", "firing", 10, None)]


def test_what_began_before_the_archive_keeps_its_onset() -> None:
    known = episode(-500, None, "firing")
    readings = tilts(m0=15, m10=15, m20=15)
    assert again(readings, known).events == []
    judge = engine(BOOK, COVER)
    judge.adopt("mh-1", again(readings, known).state)
    (clearing,) = judge.step(tilts(m700=1)).events
    assert (clearing.id, clearing.onset_ms) == (known.id, at(-500))


def test_what_ended_before_the_archive_is_resolved() -> None:
    (event,) = again(tilts(m0=1, m10=1), episode(-500, None, "firing")).events
    assert line(event) == ("resolved", "resolved", -500, 0)


def test_a_name_that_is_taken_is_not_given_again() -> None:
    moved = episode(100, 120)._replace(onset_ms=at(10), end_ms=at(30))
    readings = tilts(m0=1, m10=15, m20=15, m30=1, m40=1, m100=15, m110=15, m120=1, m130=1)
    (added,) = again(readings, moved).events
    assert line(added) == ("added", "resolved", 100, 120)
    assert added.id != moved.id


def test_no_readings_at_all() -> None:
    assert again([]).events == []
    assert again([]).state == b""


def test_canonical_order_and_repeats() -> None:
    one = reading(COVER, 1, key=5, window_ms=60_000, tilt_deg=1.0)
    repeat = one._replace(observed_ms=one.observed_ms + 60_000)
    later = one._replace(observed_ms=one.observed_ms + 60_001)
    same_time = reading(COVER, 1, key=4, tilt_deg=2.0)
    assert canonical([later, repeat, one, same_time]) == ([same_time, one, later], [repeat])
    assert again([later, repeat, one]).superseded == [repeat]
