"""Storm mode, once a minute: what stood open before is grouped too, drains are ranked, and when it is calm all is given back.

1. step     each district: a storm begins, goes on, is calm, ends
2. sweep    drains of stormy districts whose order nobody has taken go on in the case of their catchment
3. rank     the drains of each such case, most at stake first
4. release  where the storm is over the case of the catchment ends, and what still fires gets a case of its own
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from citybrain.kernel.ids import derived_id
from citybrain.store import alerts, cases, orders, storms, timers
from citybrain.store.db import Tx
from dispatch import closing, ledger
from dispatch.absorbing import Why, absorb
from dispatch.board import Board
from dispatch.cases import Action, Placement
from dispatch.cycle.module import Cycle, Module
from dispatch.grouping import open_case
from dispatch.opening import Lookups
from dispatch.placing import Placing
from dispatch.storm import CAUSE, Stake, Step, decide, is_night, ranked, stake
from dispatch.storming import STORM

log = logging.getLogger(__name__)
EVERY = timedelta(minutes=1)
IDLE = timedelta(hours=1)
"""So long it rests where there is no storm: one that begins with an alert wakes it (`storming`)."""
ROOM_KNOWN_FOR = timedelta(hours=3)
"""A level told before that says nothing about now."""
_TIMEOUT_S = 10
_WHY = Why("cycle", STORM, "grouped_in_storm")


def run(cycle: Cycle) -> int:
    """All four, each case in a transaction of its own; how much was changed."""
    stormy = cycle.db.attempt(partial(_step, cycle))
    if stormy is None:
        return 0
    with cycle.db.transaction() as tx:
        loose = _loose(tx, cycle.look, stormy) if stormy else {}
        grouped = storms.catchments(tx, CAUSE)
    done = 0
    for catchment, found in loose.items():
        done += cycle.db.attempt(partial(_sweep, cycle, catchment, found))
    for case_id, catchment in grouped.items():
        over = not (_districts(cycle.look, catchment) & stormy)
        done += cycle.db.attempt(partial(_release if over else _rank, cycle, case_id))
    return done


def _step(cycle: Cycle, tx: Tx) -> set[str] | None:
    """The districts with a storm; None when it is not the module's turn."""
    now, rules = cycle.now, cycle.look.books.storm
    if not timers.fence(tx, "storm", _TIMEOUT_S) or not timers.turn(tx, "storm", now, now + IDLE):
        return None
    on, load = storms.on(tx), storms.open_load(tx, CAUSE)
    stormy = set(on)
    for district in sorted(on.keys() | load.keys()):
        storm, count = on.get(district), load.get(district, 0)
        calm_since = storm["calm_since"] if storm else None
        verdict = decide(rules, district, count, storm=storm is not None, calm_since=calm_since, now=now)
        if storm is None:
            if verdict.step is Step.BEGIN:
                capacity = rules.capacity(district)
                storms.begin(tx, district, at=now, cases=count, capacity=capacity, reason=verdict.reason)
                stormy.add(district)
                log.warning("storm mode in district %s: %d open cases, its crews can have %g", district, count, capacity)
            continue
        calm = (calm_since or now) if verdict.step in {Step.CALM, Step.END} else None
        ended = now if verdict.step is Step.END else None
        if (calm, ended) != (calm_since, None):
            storms.step(tx, storm["id"], calm_since=calm, ended_at=ended, reason=verdict.reason)
        if ended is not None:
            stormy.discard(district)
            log.warning("storm mode in district %s is over: %s", district, verdict.reason)
    if stormy or storms.catchments(tx, CAUSE):
        timers.bring_forward(tx, "storm", now + EVERY)
    return stormy


def _districts(look: Lookups, catchment: str) -> set[str]:
    members = look.around.network.members("catchment", catchment)
    return {district for name in members if (district := look.register.assets[name].district)}


def _loose(tx: Tx, look: Lookups, stormy: Collection[str]) -> Mapping[str, list[str]]:
    """By catchment, the cases that go on together: two or more, or one where the catchment has a case."""
    rules = look.books.storm
    found: dict[str, list[str]] = defaultdict(list)
    for row in storms.untouched(tx, stormy, kinds=rules.kinds, causes=rules.causes):
        found[row["catchment"]].append(str(row["id"]))
    there = set(storms.catchments(tx, CAUSE).values())
    return {catchment: ids for catchment, ids in found.items() if len(ids) > 1 or catchment in there}


def _sweep(cycle: Cycle, catchment: str, ids: Sequence[str], tx: Tx) -> int:
    """Group the drains of one catchment. What somebody holds or has taken meanwhile is left for the next time."""
    look, now = cycle.look, cycle.now
    if not cases.try_openings(tx, [catchment]):
        return 0
    held = {str(row["id"]): row for row in cases.lock(tx, ids=ids, assets={catchment}, wait=False)}
    open_orders = orders.open_of(tx, sorted(held))
    free = [one for one in ids if one in held and one in open_orders and open_orders[one]["state"] == "dispatched"]
    if not free:
        return 0
    board = Board.of(open_case(row) for row in held.values())
    case = board.at(catchment, CAUSE)
    target = case.id if case else _open(tx, look, board, catchment, free[0], now)
    if target is None:
        return 0
    row = cases.hold(tx, target)
    if row is None:
        return 0
    absorb(tx, look, row, [held[one] for one in free], orders.open_of(tx, [target, *free]), _WHY, now=now)
    return len(free)


def _open(tx: Tx, look: Lookups, board: Board, catchment: str, first: str, now: datetime) -> str | None:
    """The case of a catchment, opened with a fault of one of its drains."""
    members = [row for row in alerts.of_cases(tx, [first])[first] if row["phase"] != "resolved"]
    if not members:
        return None
    row = members[0]
    alert, turn = str(row["id"]), f"{first}:{now.isoformat()}"
    asset, info = look.asset(row["asset"], row["kind"]), look.info(row["condition"], row["kind"], row["severity"])
    work = Placing(tx, look, board, {}, {}, now, {alert: row["trace"]})
    work.put(alert, row["severity"], turn, info, asset, Placement(Action.GROUP, STORM, None, catchment))
    work.apply()
    return derived_id("group", alert, turn)


def _rank(cycle: Cycle, case_id: str, tx: Tx) -> int:
    """Which drain is worked on first, as things stand now."""
    case = cases.hold(tx, case_id)
    if case is None or case["state"] != "open":
        return 0
    look, now = cycle.look, cycle.now
    live = [row for row in alerts.of_cases(tx, [case_id])[case_id] if row["phase"] != "resolved"]
    conditions: dict[str, list[str]] = defaultdict(list)
    for row in live:
        conditions[row["asset"]].append(row["condition"])
    room = storms.room(tx, conditions, now - ROOM_KNOWN_FOR)
    order = orders.open_of(tx, [case_id]).get(case_id)
    calendar = look.calendar(look.unit(order["unit"]) if order else None)
    rules = look.books.storm
    night = is_night(now, calendar.tz, rules.night)
    stakes = ranked(
        [
            stake(look.asset(name, case["kind"]), found, room.get(name), rules.weights, night=night)
            for name, found in conditions.items()
        ]
    )
    return int(_write_ranks(tx, case_id, stakes, now))


def _write_ranks(tx: Tx, case_id: str, stakes: Sequence[Stake], now: datetime) -> bool:
    before = [(row["asset"], row["points"], row["why"]) for row in storms.ranks(tx, case_id)]
    after = [(one.asset, one.points, dict(one.why)) for one in stakes]
    if before == after:
        return False
    rows = [
        {"asset": name, "rank": number, "points": points, "why": why} for number, (name, points, why) in enumerate(after, 1)
    ]
    storms.rank(tx, case_id, rows, now)
    if [row[0] for row in before[:1]] != [row[0] for row in after[:1]]:
        facts = {"ranks": [[name, points] for name, points, _ in after]}
        ledger.note(tx, case_id, "storm_ranked", at=now, actor="cycle", reason="consequence", facts=facts)
    return True


def _release(cycle: Cycle, case_id: str, tx: Tx) -> int:
    """The storm is over. What still fires gets its own order; what is dry is left to the sensors, as ever."""
    case = cases.hold(tx, case_id)
    if case is None or case["state"] != "open":
        return 0
    live = [row for row in alerts.of_cases(tx, [case_id])[case_id] if row["phase"] != "resolved"]
    if not live:
        return 0
    order = orders.open_of(tx, [case_id]).get(case_id)
    unit = cycle.look.unit(order["unit"]) if order else None
    info = cycle.look.info(case["condition"], case["kind"], case["severity"])
    moves = [] if order is None else ["cancel"]
    closing.end(
        tx, case, order, moves, outcome="storm_over", reason="storm_over", actor="cycle", now=cycle.now, unit=unit, info=info,
        detail=f"{len(live)} faults are given back",
    )  # fmt: skip
    timers.set_many(tx, case_id, {"settle": cycle.now})
    return 1


MODULE = Module("storm", frozenset({"storm"}), run, takes_turns=True)
