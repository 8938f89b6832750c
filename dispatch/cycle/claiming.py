"""The transaction before a message is sent: which notices it carries, looked at in this very moment.

    1. lease the next notice of a target, with its fellows when they were bundled before
    2. what no longer makes sense is dropped; what is silenced is held
    3. quiet hours, the person's allowance and the bundle that fills: send, hold, or send together with what waits
    4. count the message, so that another process that claims next counts it too

Every notice that is not sent now has a line with its reason in the ledger of deliveries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from citybrain.store import outbox, silences
from citybrain.store.db import Row, Tx
from dispatch.allowance import HELD, Manners, Verdict, decide, quiet_until, whose
from dispatch.channel_rules import ChannelRules
from dispatch.notices import stale
from dispatch.quiet import LOOK_AGAIN, MUTED, TOLD_ANYWAY

LEASE = timedelta(seconds=120)
"""Longer than any channel takes for one attempt."""
LARGEST = 500
"""So many notices go in one message at most."""
_JUST_OVER = timedelta(minutes=15)
"""A case whose silence is over is looked at at once, or when its signal was good for long enough. That frees its notices."""


@dataclass(slots=True)
class Turn:
    """What came of one claim. `notices` is empty when nothing is to be sent now; the first one leads."""

    manners: Manners
    notices: list[Row] = field(default_factory=list)
    orders: dict[object, Row] = field(default_factory=dict)
    replaces: str | None = None
    language: str | None = None
    """Of the person; None: that of the city."""
    settled: list[tuple[Row, str, str]] = field(default_factory=list)
    """(notice, outcome, reason) of those that were dropped or held."""

    @property
    def lead(self) -> Row:
        """The notice that stands for the message."""
        return self.notices[0]


def take(tx: Tx, rules: ChannelRules, target: str, *, now: datetime, machine_now: datetime) -> Turn | None:
    """Claim what is to be sent to a target next. None: nothing waits. `now` is city time."""
    lease = machine_now + LEASE
    lead = outbox.claim(tx, target, now, machine_now, lease)
    if lead is None:
        return None
    turn = Turn(rules.of(target), [lead])
    bundled = lead["bundle"] == lead["id"]
    if bundled:
        turn.notices += outbox.fellows(tx, lead["id"], lease)
    _look(tx, turn, now)
    if bundled and turn.notices[:1] != [lead]:
        # who led is not sent any more: the others are claimed anew
        outbox.disband(tx, lead["id"])
        turn.notices.clear()
    if not turn.notices:
        return turn
    if not bundled and turn.manners.edits(lead["purpose"]) and lead["order_id"] is not None:
        turn.replaces = outbox.handle_of(tx, lead["order_id"], target)
    reader = outbox.reader(tx, lead["person"])
    turn.language = lead["body"].get("language") or (reader["language"] if reader else None)
    if turn.manners.calm or turn.manners.quiet:
        _gate(tx, rules, turn, _zone(reader), now, machine_now)
    return turn


def _gate(tx: Tx, rules: ChannelRules, turn: Turn, zone: ZoneInfo, now: datetime, machine_now: datetime) -> None:
    """May this message go out now? An edit makes no sound, so nothing keeps it back."""
    lead, manners = turn.lead, turn.manners
    if turn.replaces is not None:
        return
    who = whose(lead["person"], lead["target"])
    outbox.one_at_a_time(tx, who, manners.kind)
    if lead["bundle"] != lead["id"]:
        verdict = _verdict(tx, rules, turn, who, zone, now)
        if verdict.action == "hold":
            _hold(tx, turn, verdict, now, machine_now)
            return
        if verdict.action == "bundle":
            turn.notices += outbox.gather(tx, lead, machine_now, machine_now + LEASE, limit=LARGEST - 1)
            _look(tx, turn, now, but=lead)
    outbox.disturb(tx, lead["id"], who, manners.kind, now)


def _verdict(tx: Tx, rules: ChannelRules, turn: Turn, who: str, zone: ZoneInfo, now: datetime) -> Verdict:
    lead, manners = turn.lead, turn.manners
    if manners.quiet:
        severity = (turn.orders.get(lead["order_id"]) or {}).get("severity") or lead["severity"] or ""
        until = quiet_until(rules.quiet_of(lead["person"]), zone, now, severity)
        if until is not None:
            return Verdict("hold", "held_quiet", until)
    recent = outbox.disturbed(tx, who, manners.kind, now - manners.memory, but=lead["id"])
    return decide(manners, recent, now, held=lead["reason"] in HELD)


def _hold(tx: Tx, turn: Turn, verdict: Verdict, now: datetime, machine_now: datetime) -> None:
    lead, until = turn.lead, verdict.until
    assert until is not None, "a hold has an end"
    outbox.hold(tx, lead["id"], until, reason=verdict.reason, at=now, detail=verdict.detail)
    if verdict.reason != "held_quiet":
        # what is critical passes quiet hours, so each notice is asked about those on its own
        outbox.hold_rest(tx, lead, until, machine_now, reason=verdict.reason, at=now, detail=verdict.detail)
    turn.settled.append((lead, "held", verdict.reason))
    turn.notices.clear()


def _look(tx: Tx, turn: Turn, now: datetime, but: Row | None = None) -> None:
    """Drop what no longer makes sense; `but` was looked at before."""
    turn.orders |= outbox.orders_now(tx, turn.notices)
    silenced = silences.muted_orders(tx, [str(notice["order_id"]) for notice in turn.notices if notice["order_id"]])
    kept: list[Row] = []
    for notice in turn.notices:
        mute = silenced.get(notice["order_id"])
        if mute is not None and notice["purpose"] not in TOLD_ANYWAY:
            _keep_quiet(tx, turn, notice, mute, now)
            continue
        reason = None if notice is but else _stale(notice, turn.orders.get(notice["order_id"]))
        if reason is None:
            kept.append(notice)
            continue
        outbox.finish(tx, notice["id"], "dropped", reason=reason, at=now)
        outbox.record(tx, [notice["id"]], at=now, outcome="dropped", reason=reason, detail="not sent")
        turn.settled.append((notice, "dropped", reason))
    turn.notices[:] = kept


def _keep_quiet(tx: Tx, turn: Turn, notice: Row, mute: Row, now: datetime) -> None:
    """A silence covers the case of a notice: it waits for the end of that, and is looked at again then."""
    until = max(mute["ends_at"] or now + LOOK_AGAIN, now + _JUST_OVER)
    detail = f"{mute['sort']} #{mute['number']} by {mute['author']}: {mute['reason']}"
    outbox.hold(tx, notice["id"], until, reason=MUTED, at=now, detail=detail)
    turn.settled.append((notice, "held", MUTED))


def _stale(notice: Row, order: Row | None) -> str | None:
    if order is None:
        return None
    return stale(
        notice["purpose"],
        order_state=order["state"],
        was_state=notice["order_state"],
        unit=order["unit"],
        was_unit=notice["body"]["unit"],
    )


def _zone(reader: Mapping[str, Any] | None) -> ZoneInfo:
    try:
        return ZoneInfo(reader["timezone"] if reader else "UTC")
    except (OSError, ValueError, KeyError):
        return ZoneInfo("UTC")
