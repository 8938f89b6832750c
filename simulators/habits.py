"""PURE: how a simulated crew works: how long it needs for each step, when it is late, when it gives an order back.

Everything follows from the seed and from the orders as they come: two runs with one seed are alike. Minutes are the city's.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

MINUTE_MS = 60_000

LATE_EVERY, LATE_FIRST = 5, 1
"""of the urgent orders a crew leaves each fifth lying, from the second on, until it is overdue: so that escalation is seen"""
RETURN_EVERY, RETURN_FIRST = 9, 3
"""of all orders a crew gives each ninth back once, from the fourth on"""
URGENT_MINUTES = 300.0
"""an order with more time than this is not left lying: its limit would not be reached in a demo"""
LATE_BY_MINUTES = (15.0, 60.0)
RETURN_REASONS = (
    "not our asset: the contract of this street ended",
    "no access: the street is closed for the market",
    "belongs to the unit of the next district",
)


class Habit(NamedTuple):
    """What a crew does with one order. Minutes of the city."""

    ack_min: float
    """From dispatch to acknowledgement."""
    travel_min: float
    """From acknowledgement to arrival."""
    work_min: float
    """From arrival to `fixed`."""
    late: bool
    gives_back: str
    """Reason to return it once; "" = takes it."""


class Do(NamedTuple):
    """What a crew does now: a verb of the order API, and what it says."""

    verb: str
    reason: str
    repairs: bool = False
    """Put the world right before saying so."""


@dataclass(slots=True)
class Work:
    """What a crew remembers of an order: its state, since when (ms, city time), and whether it gave it back already."""

    habit: Habit
    state: str
    since_ms: int
    gave_back: bool = False

    def sees(self, state: str, now_ms: int) -> None:
        """The order is in this state now."""
        if state != self.state:
            self.state, self.since_ms = state, now_ms


def habit_of(seed: int, asset: str, cause: str, limit_minutes: float, *, place: int, urgent_place: int) -> Habit:
    """How the crew will treat an order, given the minutes from its dispatch to its limit.

    `place` counts all orders so far (0 is the first), `urgent_place` those that are `urgent`.
    """
    random = Random(f"{seed}|crew|{asset}|{cause}")
    ack, travel, work = random.uniform(2, 9), random.uniform(5, 18), random.uniform(6, 20)
    late_by, excuse = random.uniform(*LATE_BY_MINUTES), random.choice(RETURN_REASONS)
    late = urgent(limit_minutes) and urgent_place % LATE_EVERY == LATE_FIRST
    gives_back = excuse if place % RETURN_EVERY == RETURN_FIRST and not late else ""
    return Habit(limit_minutes + late_by if late else ack, travel, work, late, gives_back)


def urgent(limit_minutes: float) -> bool:
    """Is the limit so short that leaving the order lying shows in a demo?"""
    return limit_minutes <= URGENT_MINUTES


def next_move(work: Work, now_ms: int) -> Do | None:
    """What the crew does now with an order, or None: it is on the way, at work, or waits for the sensor."""
    waited_min = (now_ms - work.since_ms) / MINUTE_MS
    habit = work.habit
    if work.state in {"dispatched", "rework"}:
        # nobody is late twice: after a rework or a return the lead is on the phone
        patience = habit.ack_min if work.state == "dispatched" and not work.gave_back else min(habit.ack_min, 3.0)
        if waited_min < patience:
            return None
        if habit.gives_back and not work.gave_back and work.state == "dispatched":
            return Do("return", habit.gives_back)
        return Do("ack", "on our way" if work.state == "dispatched" else "going there again")
    if work.state == "acknowledged" and waited_min >= habit.travel_min:
        return Do("arrive", "barrier set up")
    if work.state == "on_site" and waited_min >= habit.work_min:
        return Do("fix", "repaired", repairs=True)
    return None
