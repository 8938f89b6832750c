"""PURE. What the sensor says about a case: gone, not gone although somebody said so, or not to be known yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Kind

NIGHT_S = 86400.0
"""A lamp shows whether it burns only after the next dusk; every span of 24 h holds one."""

SETTLE_S = 600.0
"""Least time that a child has to come back after its parent did."""


class Verdict(StrEnum):
    """What to do with a case."""

    CLOSE = "close"
    REWORK = "rework"
    WAIT = "wait"
    """look again at `at`"""
    NOTHING = "nothing"
    """it still fires and nobody said otherwise; the next change of an alert asks again"""


class Finding(NamedTuple):
    """A verdict and its reason."""

    verdict: Verdict
    reason: str
    at: datetime | None = None


class AlertFact(NamedTuple):
    """What counts of one alert of a case. `changed_at` is the time of its last change."""

    asset: str
    phase: str
    changed_at: datetime


def patience_s(info: ConditionInfo) -> float:
    """How long the sensor may need to show that a fault is gone, in seconds: the rule's time, for lamps at least one night."""
    least = NIGHT_S if info.kind == Kind.STREETLIGHT and info.cause != "pole" else SETTLE_S
    return max(info.verify_s, least)


def judge(
    case_asset: str, alerts: Sequence[AlertFact], *, order_state: str | None, fixed_at: datetime | None, verify_s: float,
    patience: float, group_min: int, now: datetime,
) -> Finding:  # fmt: skip
    """Judge a case by its alerts (without those that were withdrawn). `order_state` None: it never had an order.

    - all of its own alerts resolved, and stable for `verify_s`: close;
    - somebody said *fixed* and the sensor still disagrees `patience` seconds later: rework;
    - a group without an alert on the parent itself counts as gone when fewer than `group_min` and at most a third of its
      children still fire: those get cases of their own.
    """
    own = [alert for alert in alerts if alert.asset == case_asset] or list(alerts)
    live = [alert for alert in own if alert.phase != "resolved"]
    grouped = bool(own) and all(alert.asset != case_asset for alert in own)
    if not own:
        return Finding(Verdict.CLOSE, "nothing_left")
    if not live or (grouped and len(live) < group_min and 3 * len(live) <= len(own)):
        quiet = [alert.changed_at for alert in own if alert.phase == "resolved"]
        ready = max(quiet) + timedelta(seconds=verify_s)
        if now < ready:
            return Finding(Verdict.WAIT, "not_yet_stable", ready)
        return Finding(Verdict.CLOSE, "sensor_verified" if order_state == "fixed" else "cleared_by_sensor")
    if order_state != "fixed" or fixed_at is None:
        return Finding(Verdict.NOTHING, "still_firing")
    limit = fixed_at + timedelta(seconds=patience)
    if now < limit:
        return Finding(Verdict.WAIT, "sensor_may_still_show_it", limit)
    if all(alert.phase == "clearing" for alert in live):
        return Finding(Verdict.NOTHING, "clearing")
    return Finding(Verdict.REWORK, "sensor_disagrees")
