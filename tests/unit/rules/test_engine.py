"""The engine: fates, episodes, timers, the register, and states that come and go."""

from __future__ import annotations

import pytest

from citybrain.kernel.errors import ConfigError
from citybrain.kernel.ids import alert_id, shard_of
from citybrain.kernel.model import Asset, Flag
from rules.detectors import dry_high, flag, no_data, stuck, threshold
from rules.engine import Engine, Fate
from rules.rulebook import Dwell, Override
from tests.unit.rules.helpers import START, at, book, engine, reading, rule, told

COVER = Asset("mh-1", "manhole", interval_s=600, model="DC410")
OPEN = rule("OPEN", "manhole", "threshold", threshold.Params("tilt_deg", 10, 5), clear_after=Dwell(2, 60))
SILENT = rule("SILENT", "any", "no_data", no_data.Params(k=3))
BOOK = book(OPEN, SILENT)


def test_an_episode_from_onset_to_end() -> None:
    judge = engine(BOOK, COVER)
    assert told(judge.step([reading(COVER, 0, tilt_deg=1.0)]).events) == []
    (raised,) = judge.step([reading(COVER, 10, tilt_deg=15.0)]).events
    assert raised.id == alert_id("mh-1", "OPEN", at(10))
    assert (raised.change, raised.phase, raised.reason) == ("raised", "firing", "above_raise")
    assert (raised.severity, raised.kind, raised.rulebook) == ("major", "manhole", "test")
    assert raised.detail == "tilt 15° is above 10°"
    assert raised.evidence == ((at(10), "tilt_deg", 15.0),)
    events = judge.step([reading(COVER, minute, tilt_deg=1.0) for minute in (20, 30)]).events
    assert told(events) == ["OPEN clearing 20", "OPEN resolved 30"]
    assert {event.id for event in events} == {raised.id}
    assert (events[1].end_ms, events[1].onset_ms) == (at(20), at(10))


def test_evidence_is_what_led_to_the_decision() -> None:
    slow = rule("OPEN", "manhole", "threshold", threshold.Params("tilt_deg", 10, 5), raise_after=Dwell(3, 0))
    judge = engine(book(slow), COVER)
    events = judge.step([reading(COVER, minute, tilt_deg=15.0 + minute) for minute in range(5)]).events
    assert [one.value for one in events[0].evidence] == [15.0, 16.0, 17.0]
    assert events[0].onset_ms == at(0)


def test_dwell_runs_out_by_the_clock() -> None:
    judge = engine(
        book(rule("OPEN", "manhole", "threshold", threshold.Params("tilt_deg", 10, 5), raise_after=Dwell(1, 90))), COVER
    )
    assert told(judge.step([reading(COVER, 0, tilt_deg=15.0)]).events) == []
    assert told(judge.tick(at(1.4))) == []
    (raised,) = judge.tick(at(7))
    assert (raised.at_ms, raised.onset_ms) == (at(1.5), at(0))


def test_an_asset_runs_its_own_timers_before_its_reading() -> None:
    judge = engine(
        book(rule("OPEN", "manhole", "threshold", threshold.Params("tilt_deg", 10, 5), raise_after=Dwell(1, 90))), COVER
    )
    events = judge.step([reading(COVER, 0, tilt_deg=15.0), reading(COVER, 2, tilt_deg=0.0)]).events
    assert told(events) == ["OPEN raised 1.5", "OPEN clearing 2", "OPEN resolved 2"]


def test_silence_and_a_word() -> None:
    judge = engine(BOOK, COVER)
    judge.step([reading(COVER, 0, battery_pct=80)])
    judge.step([reading(COVER, 10, battery_pct=80)])
    assert told(judge.tick(at(39))) == []
    (raised,) = judge.tick(at(60))
    assert (raised.at_ms, raised.onset_ms, raised.reason) == (at(40), at(40), "silent")
    assert raised.detail == "nothing heard for 30 min, last at 2026-05-28T20:36:40.000Z"
    assert told(judge.tick(at(600))) == []
    assert told(judge.step([reading(COVER, 700, battery_pct=80)]).events) == ["SILENT clearing 700", "SILENT resolved 700"]
    assert told(judge.tick(at(800))) == ["SILENT raised 730"]


def test_ticks_go_by_due_then_asset_then_condition() -> None:
    slow = [
        rule(key, "manhole", "threshold", threshold.Params("tilt_deg", 10, 5), raise_after=Dwell(1, 60)) for key in ("B", "A")
    ]
    covers = [Asset(f"mh-{n}", "manhole", interval_s=1e6) for n in range(3)]
    judge = engine(book(*slow), *covers)
    judge.step([reading(covers[2], 0, tilt_deg=20), reading(covers[1], 1, tilt_deg=20), reading(covers[0], 1, tilt_deg=20)])
    events = judge.tick(at(10))
    assert [(one.asset, one.condition) for one in events] == [(f"mh-{n}", key) for n in (2, 0, 1) for key in ("A", "B")]


def test_fates() -> None:
    judge = engine(BOOK, COVER)
    stranger = Asset("who", "manhole")
    first = reading(COVER, 10, tilt_deg=1.0)
    fates = judge.step(
        [
            first,
            first,
            reading(COVER, 5, tilt_deg=1.0),
            reading(COVER, 5, tilt_deg=1.0),
            reading(COVER, 10, key=1, tilt_deg=50.0),
            reading(COVER, 10, key=at(10) + 1, tilt_deg=1.0),
            reading(stranger, 0, tilt_deg=90.0),
        ]
    ).fates
    assert [fate.name for fate in fates] == ["FRESH", "DUPLICATE", "LATE", "DUPLICATE", "LATE", "FRESH", "FRESH"]
    assert judge.assets() == 1


def test_a_repeat_within_its_window() -> None:
    judge = engine(BOOK, COVER)
    readings = [reading(COVER, minute, key=7, window_ms=60_000, tilt_deg=1.0) for minute in (10, 10.5, 11, 11.1, 9.5)]
    assert [fate.name for fate in judge.step(readings).fates] == ["FRESH", "DUPLICATE", "DUPLICATE", "FRESH", "LATE"]


def test_many_messages_within_one_window_are_all_remembered() -> None:
    judge = engine(BOOK, COVER)
    readings = [reading(COVER, n / 10, key=n + 1, window_ms=3_600_000, tilt_deg=1.0) for n in range(40)]
    assert set(judge.step(readings).fates) == {Fate.FRESH}
    again = [one._replace(observed_ms=one.observed_ms + 1_800_000) for one in readings]
    assert set(judge.step(again).fates) == {Fate.DUPLICATE}


def test_two_devices_may_use_the_same_key() -> None:
    judge = engine(BOOK, COVER)
    one = reading(COVER, 1, key=5, window_ms=60_000, tilt_deg=1.0)
    fates = judge.step([one, one._replace(device="other", observed_ms=one.observed_ms + 1)]).fates
    assert fates == [Fate.FRESH, Fate.FRESH]


def test_older_than_a_timer_that_fired_is_late() -> None:
    judge = engine(BOOK, COVER)
    judge.step([reading(COVER, 0, tilt_deg=1.0)])
    assert told(judge.tick(at(40))) == ["SILENT raised 30"]
    fates, events = judge.step([reading(COVER, 29, tilt_deg=1.0), reading(COVER, 30, tilt_deg=1.0)])
    assert fates == [Fate.LATE, Fate.FRESH]
    assert told(events) == ["SILENT clearing 30", "SILENT resolved 30"]


def test_simulated_readings_judge_nothing() -> None:
    judge = engine(BOOK, COVER)
    test = reading(COVER, 10, flags=Flag.SIMULATED, tilt_deg=90.0)
    fates, events = judge.step([reading(COVER, 0, tilt_deg=1.0), test, test, reading(COVER, 9, tilt_deg=1.0)])
    assert fates == [Fate.FRESH, Fate.FRESH, Fate.DUPLICATE, Fate.FRESH]
    assert events == []


def test_stored_values_are_judged_by_their_time_only() -> None:
    judge = engine(BOOK, COVER)
    assert told(judge.step([reading(COVER, 0, flags=Flag.HISTORY, tilt_deg=40.0)]).events) == ["OPEN raised 0"]


def test_a_text_where_a_number_belongs_harms_only_its_condition() -> None:
    two = book(OPEN, rule("ALARM", "manhole", "flag", flag.Params(("tilt_alarm",))), SILENT)
    judge = engine(two, COVER)
    assert told(judge.step([reading(COVER, 0, tilt_deg="steep", tilt_alarm=True)]).events) == ["ALARM raised 0"]
    assert told(judge.step([reading(COVER, 1, tilt_deg="steep", tilt_alarm=True)]).events) == []
    assert told(judge.step([reading(COVER, 2, tilt_deg=30.0, tilt_alarm=True)]).events) == ["OPEN raised 2"]


def test_overrides_of_model_and_asset() -> None:
    rules = rule(
        "OPEN",
        "manhole",
        "threshold",
        threshold.Params("tilt_deg", 10, 5),
        overrides=(
            Override(model="DC410", params={"raise_": 20.0}),
            Override(asset="mh-3", enabled=False),
            Override(asset="mh-1", severity="critical"),
        ),
    )
    covers = [COVER, Asset("mh-2", "manhole"), Asset("mh-3", "manhole")]
    judge = engine(book(rules), *covers)
    events = judge.step([reading(cover, 0, tilt_deg=15.0) for cover in covers]).events
    assert [(one.asset, one.severity) for one in events] == [("mh-2", "major")]
    events = judge.step([reading(cover, 1, tilt_deg=25.0) for cover in covers]).events
    assert [(one.asset, one.severity) for one in events] == [("mh-1", "critical")]


def test_a_new_rulebook_keeps_what_is_remembered() -> None:
    judge = engine(BOOK, COVER)
    judge.step([reading(COVER, 0, tilt_deg=15.0)])
    strict = rule("OPEN", "manhole", "threshold", threshold.Params("tilt_deg", 3, 2), clear_after=Dwell(1, 0))
    judge.use(book(strict, SILENT, version="two"))
    assert told(judge.step([reading(COVER, 1, tilt_deg=2.5)]).events) == []
    (clearing, resolved) = judge.step([reading(COVER, 2, tilt_deg=1.0)]).events
    assert (clearing.rulebook, resolved.onset_ms) == ("two", at(0))


def test_a_condition_that_is_removed_ends_its_episodes() -> None:
    judge = engine(BOOK, COVER)
    judge.step([reading(COVER, 0, tilt_deg=15.0)])
    judge.use(book(SILENT))
    (ended,) = judge.tick(at(1))
    assert (ended.condition, ended.change, ended.reason, ended.severity) == ("OPEN", "resolved", "rule_removed", "major")
    assert (ended.at_ms, ended.end_ms) == (at(0), at(0))
    assert told(judge.tick(at(40))) == ["SILENT raised 30"]


def test_a_pending_condition_that_is_removed_says_nothing() -> None:
    slow = rule("OPEN", "manhole", "threshold", threshold.Params("tilt_deg", 10, 5), raise_after=Dwell(1, 600))
    judge = engine(book(slow), COVER)
    judge.step([reading(COVER, 0, tilt_deg=15.0)])
    judge.use(book())
    assert judge.tick(at(60)) == []


def test_a_changed_row_of_the_register_counts_from_then_on() -> None:
    register = {"dr-1": Asset("dr-1", "drain", pipe_diameter_mm=400)}
    rules = book(
        rule("FULL", "drain", "threshold", threshold.Params("level_mm", 1.0, 0.9, of="pipe_diameter_mm")),
        rule("STUCK", "drain", "stuck", stuck.Params("level_mm", 3, 60)),
    )
    judge = Engine(0, rules, register.get)
    drain = register["dr-1"]
    judge.step([reading(drain, minute, level_mm=390.0) for minute in (0, 1)])
    register["dr-1"] = drain = Asset("dr-1", "drain", pipe_diameter_mm=300)
    judge.refresh("dr-1")
    judge.refresh("nobody")
    assert told(judge.step([reading(drain, 2, level_mm=390.0)]).events) == ["FULL raised 2", "STUCK raised 2"]
    del register["dr-1"]
    judge.refresh("dr-1")
    assert told(judge.tick(at(3))) == ["FULL resolved 2", "STUCK resolved 2"]
    assert judge.step([reading(drain, 4, level_mm=390.0)]).events == []


def test_rain_of_a_gauge_in_another_shard_is_context() -> None:
    gauge = Asset("rg-1", "rain_gauge", district="north")
    drain = Asset("dr-1", "drain", district="north", pipe_diameter_mm=400)
    params = dry_high.Params(above=0.6, dry_hours=2, seconds_without_gauge=60)
    other = (shard_of("rg-1") + 1) % 32
    judge = engine(book(rule("BLOCK", "drain", "dry_high", params)), gauge, drain, shard=other)
    rain = [reading(gauge, minute, rain_mm=2.0) for minute in (0, 10)]
    assert judge.step(rain).fates == [Fate.CONTEXT, Fate.CONTEXT]
    assert judge.assets() == 0
    assert judge.step([reading(drain, 60, level_mm=300.0)]).events == []
    again = engine(book(rule("BLOCK", "drain", "dry_high", params)), gauge, drain, shard=other)
    again.load(judge.dump())
    assert again.step([reading(drain, 61, level_mm=300.0), reading(drain, 90, level_mm=300.0)]).events == []
    assert told(again.step([reading(drain, 200, level_mm=300.0)]).events) == []
    assert told(again.step([reading(drain, 202, level_mm=300.0)]).events) == ["BLOCK raised 202"]


def test_states_of_somebody_else_are_refused() -> None:
    judge = engine(BOOK, COVER)
    for data in (b"", b"nonsense", (2).to_bytes(8, "little") + b"{}"):
        with pytest.raises(ConfigError, match="not a state of the rules engine"):
            judge.load(data)


def test_an_empty_state_is_a_state() -> None:
    judge = engine(BOOK, COVER)
    judge.load(engine(BOOK).dump())
    assert judge.assets() == 0
    assert judge.dump_asset("mh-1") == b""
    judge.step([reading(COVER, 0, tilt_deg=1.0)])
    judge.adopt("mh-1", b"")
    assert judge.assets() == 0
    assert START


def test_silence_is_one_observation_however_many_readings_the_rule_asks_for() -> None:
    slow = rule("SILENT", "any", "no_data", no_data.Params(k=3), raise_after=Dwell(3, 300), clear_after=Dwell(1, 0))
    judge = engine(book(slow), COVER)
    judge.step([reading(COVER, 0, battery_pct=80)])
    (raised,) = judge.tick(at(60))
    assert (raised.onset_ms, raised.at_ms) == (at(30), at(35))


def test_an_interval_that_is_a_slip_of_the_register_is_not_believed() -> None:
    for interval in (0.0, -5.0, float("nan"), float("inf"), 1e30):
        cover = Asset("mh-1", "manhole", interval_s=interval)
        judge = engine(book(rule("SILENT", "any", "no_data", no_data.Params(k=2, default_interval_s=600))), cover)
        judge.step([reading(cover, 0, battery_pct=80)])
        assert told(judge.tick(at(60))) == ["SILENT raised 20"]
