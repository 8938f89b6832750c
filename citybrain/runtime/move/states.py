"""The rules' state of the embedded runtime, as the states of the cluster's partitions.

Where a shard's checkpoint is the end of the log, as after every clean stop, its bytes go over untouched. What the log has
behind a checkpoint is replayed here first, by the rulebook with which it was written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

import orjson

from citybrain.kernel.codec import from_plain
from citybrain.kernel.ids import SHARDS
from citybrain.kernel.times import from_ms, to_ms
from citybrain.runtime.move.telling import Inherited, Tell
from citybrain.runtime.shards import Shards
from citybrain.store import stream
from citybrain.store.carrying import DifferentError
from citybrain.store.db import Tx
from citybrain.store.partitions import Saved, save_state
from citybrain.store.register import load_register
from rules import inherit
from rules.checkpoint import survey
from rules.engine import VERSION
from rules.rulebook import Rulebook

StateOf = Callable[[int], tuple[str, bytes]]
"""shard -> version of its detectors, its state"""


def inherit_states(
    source: Tx, target: Tx, topic: str, rulebook: Rulebook, ends: Mapping[int, int], at: datetime, tell: Tell
) -> Inherited:
    """Write the states of all partitions of `topic`. `ends`: where each partition ends; what is before that is never judged.

    `at` is city time.
    """
    positions, last = stream.checkpoint_positions(source), stream.last_position(source)
    whole = all(positions.get(shard, 0) == last for shard in range(SHARDS))
    replayed = 0 if whole else _entries(source, min(positions.get(shard, 0) for shard in range(SHARDS)))
    state_of = _saved(source) if whole else _replayed(source, rulebook)
    found = {shard: survey(state_of(shard)[1]) for shard in range(SHARDS)}
    shown_ms = inherit.shown_ms(found.values(), _last_tick_ms(source))
    late = inherit.late_by_shard((asset, to_ms(since)) for asset, since in stream.rejudge_waiting(source))
    for shard in range(SHARDS):
        version, state = state_of(shard)
        snapshot = inherit.snapshot(
            state, version, rulebook.version, next=ends.get(shard, 0), shown_ms=shown_ms, late=late.get(shard, {})
        )
        if not save_state(target, topic, shard, Saved(*snapshot), at):
            raise DifferentError(
                f"partition {shard} of {topic} has a state that is newer: the services of the cluster ran already"
            )
        tell("rules", 1, SHARDS)
    phases = sum((Counter(one.phases) for one in found.values()), Counter[str]())
    assets, waiting = sum(one.assets for one in found.values()), sum(len(one) for one in late.values())
    return Inherited(SHARDS, assets, dict(sorted(phases.items())), replayed, waiting, from_ms(shown_ms) if shown_ms else None)


def _saved(tx: Tx) -> StateOf:
    def state_of(shard: int) -> tuple[str, bytes]:
        found = stream.checkpoint(tx, shard)
        return (found.version, found.state) if found else (VERSION, inherit.EMPTY)

    return state_of


def _replayed(tx: Tx, rulebook: Rulebook) -> StateOf:
    shards = Shards(rulebook, load_register(tx).assets.get)
    last = shards.recover(tx)
    return lambda shard: (VERSION, shards.checkpoint(shard, last).state)


def _entries(tx: Tx, after: int) -> int:
    return sum(1 for _ in stream.entries_after(tx, after))


def _last_tick_ms(tx: Tx) -> int:
    """The last time in what is left of the log; 0 when there is none."""
    ticks = (from_plain(orjson.loads(raw)).tick_ms for _, raw in stream.entries_after(tx, 0))
    return max((tick for tick in ticks if tick is not None), default=0)
