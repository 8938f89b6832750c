"""Silences begin and end. What is muted now is written down, what was hidden is looked at again.

A case that somebody else holds is left for the next run, and its silence with it; nothing waits here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from citybrain.store import alerts, cases, silences, timers
from citybrain.store.db import Row, Tx
from dispatch import quiet
from dispatch.cycle.module import Cycle, Module
from dispatch.opening import Lookups
from dispatch.silences import Silence, named_assets, turn

log = logging.getLogger(__name__)
T = TypeVar("T")

_BATCH, _ROUNDS, _CASES = 200, 20, 1000
_TIMEOUT_S = 20.0


def run(cycle: Cycle) -> int:
    """Begin and end what is due; how many silences."""
    done = 0
    for _ in range(_ROUNDS):
        found = cycle.db.attempt(partial(_batch, cycle))
        done += found
        if not found:
            break
    return done


def _batch(cycle: Cycle, tx: Tx) -> int:
    if not timers.fence(tx, "quiet", _TIMEOUT_S):
        return 0
    return _begin(tx, cycle.look, cycle.now) + _end(tx, cycle.now)


def _begin(tx: Tx, look: Lookups, now: datetime) -> int:
    """Open cases that the silences cover are muted: their notices wait from now on, running cycles of notices too."""
    rows = silences.beginning(tx, now, limit=_BATCH)
    if not rows:
        return 0
    begun = [quiet.silence_of(row) for row in rows]
    force = quiet.in_force(tx, now)
    muted: dict[str, Silence] = {}
    for chunk in _chunks(silences.open_cases(tx, named_assets(begun))):
        members = alerts.of_cases(tx, [str(row["id"]) for row in chunk])
        for row in chunk:
            silence = quiet.mute_of(look, force, row, members[str(row["id"])])
            # what still waits for siblings is looked at when its wait is over
            if silence is not None and row["state"] == "open":
                muted[str(row["id"])] = silence
    known = silences.mutes(tx, sorted(muted))
    wanted = sorted(muted.keys() - known.keys())
    held = {str(row["id"]): row for row in cases.lock(tx, ids=wanted, wait=False)} if wanted else {}
    for case_id, case in held.items():
        quiet.mute(tx, case, muted[case_id], now=now)
    if len(held) < len(wanted):
        log.info("%d cases are held by others; the silences over them begin at the next run", len(wanted) - len(held))
        return 0
    for silence in begun:
        silences.set_state(tx, silence.id, turn(silence.state, "begin"))
        log.info("%s #%d by %s begins: %s", silence.sort, silence.number, silence.author, silence.reason)
    return len(begun)


def _end(tx: Tx, now: datetime) -> int:
    """What the silences muted is looked at again at once (see `unmute` and `gathering`)."""
    rows = silences.ending(tx, now, limit=_BATCH)
    if not rows:
        return 0
    silences.unmute_closed(tx)
    ended = {str(row["id"]): row for row in rows}
    muted = silences.cases_of(tx, sorted(ended))
    held: list[Row] = []
    for chunk in _chunks(sorted(muted)):
        held += cases.lock(tx, ids=chunk, wait=False)
    for case in held:
        silence = quiet.silence_of(ended[muted[str(case["id"])]])
        timers.set_many(tx, str(case["id"]), {quiet.timer_of(case["state"], silence): now})
    if len(held) < len(muted):
        log.info("%d cases are held by others; the silences over them end at the next run", len(muted) - len(held))
        return 0
    for row in rows:
        _over(tx, row, now)
    return len(rows)


def _over(tx: Tx, row: Row, now: datetime) -> None:
    """A silence is over; a window that comes again is planned anew."""
    silence = quiet.silence_of(row)
    after = silence.recurrence.at_or_after(now) if silence.recurrence is not None and row["ended_by"] is None else None
    if after is None:
        silences.set_state(tx, silence.id, turn(silence.state, "end"))
    else:
        state = turn(silence.state, "turn")
        silences.set_state(tx, silence.id, state, begins_at=after.begins_at, ends_at=after.ends_at)
    log.info("%s #%d by %s is over: %s", silence.sort, silence.number, silence.author, silence.reason)


def _chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), _CASES):
        yield rows[start : start + _CASES]


MODULE = Module("quiet", frozenset({"quiet"}), run)
