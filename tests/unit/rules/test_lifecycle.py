"""The table of an episode's life, and its dwells."""

from __future__ import annotations

import itertools

import pytest

from citybrain.kernel.errors import StateError
from citybrain.kernel.events import AlertPhase
from rules.lifecycle import (
    BAD,
    CLEARING,
    FIRING,
    GOOD,
    LASTED,
    PENDING,
    REMOVED,
    RESOLVED,
    TABLE,
    UNSURE,
    Episode,
    Signal,
    Timing,
    due,
    feed,
    move,
)

AT_ONCE = Timing(1, 0, 1, 0, 3, 3_600_000, 1_800_000)
SLOW = Timing(2, 60_000, 2, 120_000, 2, 3_600_000, 600_000)


def test_the_table_is_whole() -> None:
    refused = {(RESOLVED, LASTED), (FIRING, LASTED)}
    for phase, signal in itertools.product(AlertPhase, Signal):
        if (phase, signal) in refused:
            with pytest.raises(StateError) as error:
                move(phase, signal)
            assert (error.value.state, error.value.event) == (phase, signal)
        else:
            assert move(phase, signal) == TABLE[phase, signal]


def test_dwells_of_zero_end_at_once() -> None:
    episode = Episode()
    assert feed(episode, AT_ONCE, BAD, 1000) == ["raised"]
    assert (episode.phase, episode.onset_ms) == (FIRING, 1000)
    assert feed(episode, AT_ONCE, BAD, 2000) == []
    assert feed(episode, AT_ONCE, GOOD, 3000) == ["clearing", "resolved"]
    assert (episode.phase, episode.good_ms) == (RESOLVED, 3000)


def test_raise_needs_both_readings_and_seconds() -> None:
    episode = Episode()
    assert feed(episode, SLOW, BAD, 0) == []
    assert due(episode, SLOW) is None
    assert feed(episode, SLOW, BAD, 30_000) == []
    assert (episode.phase, due(episode, SLOW)) == (PENDING, 60_000)
    assert feed(episode, SLOW, LASTED, 60_000) == ["raised"]
    assert due(episode, SLOW) is None


def test_a_raise_that_only_a_reading_can_end() -> None:
    times = SLOW._replace(raise_by_clock=False)
    episode = Episode()
    feed(episode, times, BAD, 0)
    assert feed(episode, times, BAD, 30_000) == []
    assert due(episode, times) is None
    assert feed(episode, times, BAD, 61_000) == ["raised"]
    assert feed(episode, times, GOOD, 90_000) == ["clearing"]
    feed(episode, times, GOOD, 100_000)
    assert due(episode, times) == 210_000


@pytest.mark.parametrize("signal", [GOOD, UNSURE, REMOVED])
def test_what_is_pending_is_taken_back_without_a_word(signal: Signal) -> None:
    episode = Episode()
    feed(episode, SLOW, BAD, 0)
    assert feed(episode, SLOW, signal, 1000) == []
    assert episode.phase is RESOLVED
    feed(episode, SLOW, BAD, 2000)
    assert (episode.onset_ms, episode.bads) == (2000, 1)


def test_clear_starts_anew_after_a_refire() -> None:
    episode = Episode()
    feed(episode, SLOW, BAD, 0)
    feed(episode, SLOW, BAD, 60_000)
    assert feed(episode, SLOW, GOOD, 100_000) == ["clearing"]
    assert feed(episode, SLOW, UNSURE, 110_000) == []
    assert feed(episode, SLOW, BAD, 120_000) == ["refired", "flapping"]
    assert feed(episode, SLOW, GOOD, 200_000) == []
    assert feed(episode, SLOW, GOOD, 300_000) == []
    assert due(episode, SLOW) == 200_000 + 120_000 + 600_000
    assert feed(episode, SLOW, LASTED, 920_000) == ["resolved"]
    assert not episode.held


def test_flapping_is_told_once_and_held_open() -> None:
    episode, told = Episode(), []
    for minute in range(0, 40, 2):
        told += feed(episode, AT_ONCE, BAD if minute % 4 == 0 else GOOD, minute * 60_000)
    assert told == ["raised", "clearing", "resolved"] * 2 + ["raised", "flapping"]
    assert episode.phase is CLEARING
    assert due(episode, AT_ONCE) == episode.good_ms + 1_800_000


def test_raises_long_ago_do_not_count() -> None:
    episode, told = Episode(), []
    for hour in range(5):
        told += feed(episode, AT_ONCE, BAD, hour * 3_600_000)
        told += feed(episode, AT_ONCE, GOOD, hour * 3_600_000 + 1000)
    assert "flapping" not in told
    assert len(episode.raises) == 1
