"""PURE. The life of a planned order: raised once, told anew when its date moves out of its interval, ended by the readings.

    nothing open ── planned ─────────────────────────────▶ RAISED    onset: where the trend begins
    open ── the date leaves the interval that was told ──▶ AMENDED
    open ── put back (cleaned, changed, repaired) ───────▶ RESOLVED  reason `put_back`
    open ── well for `calm_days` without such a step ────▶ RESOLVED  reason `trend_gone`
    open ── the date is now far beyond the horizon ──────▶ RESOLVED  reason `far_away`
    open ── nothing can be said ─────────────────────────▶ nothing: what does not speak does not close

A rerun with the same readings changes nothing: the id of the alert is derived from asset, condition and onset, and the onset
stands in the row.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.events import AlertChange, AlertEvent, AlertPhase, Evidence
from citybrain.kernel.ids import alert_id
from citybrain.kernel.times import iso
from forecast.days import DAY_MS
from forecast.finding import CALM, Finding, Why
from forecast.settings import Life

REASONS: Final[dict[str, str]] = {
    "ahead": "it will be due soon if it goes on like this",
    "met": "it is due already",
    "repeated": "the same fault came again and again",
    "date_moved": "the date has left the interval that was told",
    "put_back": "it was cleaned, changed or repaired",
    "trend_gone": "all has been well for days",
    "far_away": "the date is far away now",
}
"""The reasons of the alerts of planned orders. Screens translate them by code."""


class Held(NamedTuple):
    """What is remembered of a forecast between two runs. Times are ms since 1970, None: not (yet)."""

    alert: str | None = None
    """the alert that is open"""
    onset_ms: int | None = None
    raised_ms: int | None = None
    told_ms: int | None = None
    """the date that was told, with its interval"""
    told_low_ms: int | None = None
    told_high_ms: int | None = None
    calm_ms: int | None = None
    """well since"""
    reset_ms: int | None = None
    """put back last at"""
    ended_ms: int | None = None
    """when the last planned order ended"""


class Decision(NamedTuple):
    """What happens, and what is remembered from now on."""

    event: AlertEvent | None
    held: Held
    reason: str


def decide(held: Held, found: Finding, info: ConditionInfo, kind: str, now_ms: int, life: Life, horizon: float) -> Decision:
    """One finding against what is remembered. `kind` is that of the asset, `horizon` days."""
    if found.reset_ms is not None and (held.reset_ms or 0) < found.reset_ms <= now_ms:
        held = held._replace(reset_ms=found.reset_ms)
    if held.alert is None:
        return _closed(held, found, info, kind, now_ms)
    if (held.reset_ms or 0) > _put_back_after(held):
        return _resolve(held, found, info, kind, now_ms, "put_back")
    if found.why in CALM:
        since = held.calm_ms if held.calm_ms is not None else now_ms
        if now_ms - since >= life.calm_days * DAY_MS:
            return _resolve(held, found, info, kind, now_ms, "trend_gone")
        return Decision(None, held._replace(calm_ms=since), found.why)
    held = held._replace(calm_ms=None)
    if found.at_ms is None or found.why is Why.UNCERTAIN:
        return Decision(None, held, found.why)
    if found.at_ms > now_ms + life.again_share * horizon * DAY_MS:
        return _resolve(held, found, info, kind, now_ms, "far_away")
    if _moved(held, found, now_ms):
        return Decision(
            _event(held, found, info, kind, now_ms, AlertChange.AMENDED, "date_moved"), _told(held, found), "date_moved"
        )
    return Decision(None, held, "as_told")


def _closed(held: Held, found: Finding, info: ConditionInfo, kind: str, now_ms: int) -> Decision:
    if not found.planned:
        return Decision(None, held, found.why)
    onset = max(found.since_ms or now_ms, held.reset_ms or 0, held.ended_ms or 0)
    held = held._replace(alert=alert_id(found.asset, info.id, onset), onset_ms=onset, raised_ms=now_ms, calm_ms=None)
    return Decision(_event(held, found, info, kind, now_ms, AlertChange.RAISED, found.why), _told(held, found), found.why)


def _put_back_after(held: Held) -> int:
    """A step is news when it lies behind the day before the order: the trend that it was made of saw everything earlier."""
    return max((held.raised_ms or 0) - DAY_MS, held.onset_ms or 0)


def _resolve(held: Held, found: Finding, info: ConditionInfo, kind: str, now_ms: int, reason: str) -> Decision:
    event = _event(held, found, info, kind, now_ms, AlertChange.RESOLVED, reason)
    return Decision(event, Held(reset_ms=held.reset_ms, ended_ms=now_ms), reason)


def _moved(held: Held, found: Finding, now_ms: int) -> bool:
    """Is the date outside of the interval that was told? What was met already does not move any more."""
    if held.told_ms is None or held.told_low_ms is None or held.told_high_ms is None or found.at_ms is None:
        return False
    if max(held.told_ms, found.at_ms) <= now_ms:
        return False
    return not min(held.told_low_ms, held.told_ms) <= found.at_ms <= max(held.told_high_ms, held.told_ms)


def _told(held: Held, found: Finding) -> Held:
    return held._replace(told_ms=found.at_ms, told_low_ms=found.low_ms, told_high_ms=found.high_ms)


def _event(
    held: Held, found: Finding, info: ConditionInfo, kind: str, now_ms: int, change: AlertChange, reason: str
) -> AlertEvent:
    over = change is AlertChange.RESOLVED
    return AlertEvent(
        id=held.alert or "",
        change=change,
        phase=AlertPhase.RESOLVED if over else AlertPhase.FIRING,
        asset=found.asset,
        kind=kind,
        condition=info.id,
        severity=info.severity,
        onset_ms=held.onset_ms or now_ms,
        at_ms=now_ms,
        reason=reason,
        detail=sentence(found),
        evidence=tuple(Evidence(at_ms, name, value) for at_ms, name, value in found.points),
        end_ms=now_ms if over else None,
        rulebook="forecast",
    )


def sentence(found: Finding) -> str:
    """The date with its interval, and what it was made of."""
    if found.at_ms is None or found.low_ms is None or found.high_ms is None:
        return found.detail
    date, low, high = (iso(ms)[:10] for ms in (found.at_ms, found.low_ms, found.high_ms))
    return f"{date} ({low} to {high}): {found.detail}"
