"""What is silenced now, and the cases that this mutes.

A case is muted when silences cover every alert of its own that still fires. A muted case without an order waits hidden, one
with an order is worked on as before: its legal clock runs, its notices wait. When a silence ends somebody looks again: what
still fires goes out or is heard again, what has cleared never was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from citybrain.kernel.events import AlertEvent, AlertPhase
from citybrain.kernel.times import from_ms
from citybrain.store import alerts, silences, timers
from citybrain.store.db import Row, Tx
from dispatch import ledger
from dispatch.board import Board
from dispatch.hiding import hidden_key, is_hidden, shown_key
from dispatch.matchers import parse
from dispatch.opening import Lookups
from dispatch.silences import NOWHERE, Quiet, Scope, Silence, all_muted
from dispatch.windows import from_facts

LOOK_AGAIN = timedelta(days=1)
"""A silence that ends with its alert has no time to come back at; a case that it hides is looked at so often."""

CLEARING_AGAIN = timedelta(seconds=60)
"""The silence is over and the signal is good again, but not for long enough to be believed: look again then."""

HELD = frozenset({"reminder_50", "reminder_80", "safe_50", "supervisor", "escalate", "repeat"})
"""Timers that only tell people something: of a muted case they wait. The limits themselves never do."""
MUTED = "muted"
"""reason of a notice that a silence holds"""
TOLD_ANYWAY = frozenset({"closed", "cancelled"})
"""Notices that no silence holds: that a crew need not go any more is no noise."""

_latest: tuple[str, Quiet] = ("", Quiet())


def in_force(tx: Tx, now: datetime) -> Quiet:
    """The silences in force at `now`. One cheap query while they stay the same."""
    global _latest
    stamp = silences.stamp(tx, now)
    if stamp.word == "":
        return Quiet()
    word, quiet = _latest
    if stamp.word == word and not stamp.stale:
        return quiet
    found = [_present(silence_of(row), now) for row in silences.in_force(tx, now)]
    quiet = Quiet(one for one in found if one is not None and one.in_force(now))
    if not stamp.stale:
        _latest = (stamp.word, quiet)
    return quiet


def silence_of(row: Row) -> Silence:
    """A silence out of its row."""
    return Silence(
        id=str(row["id"]),
        number=row["number"],
        sort=row["sort"],
        author=row["author"],
        reason=row["reason"],
        begins_at=row["begins_at"],
        ends_at=row["ends_at"],
        matchers=tuple(parse(text) for text in row["matchers"]),
        scope=Scope(**row["scope"]) if row["scope"] else NOWHERE,
        until_resolved=row["until_resolved"],
        recurrence=from_facts(row["recurrence"]) if row["recurrence"] else None,
        state=row["state"],
    )


def mute_of(look: Lookups, quiet: Quiet, case: Mapping[str, Any], members: Sequence[Row]) -> Silence | None:
    """The silence that mutes a case: over the key of the case itself, or over all of its own alerts that still fire."""
    if not quiet.count:
        return None
    asset, kind, severity = str(case["asset"]), str(case["kind"]), str(case["severity"])
    own = [row for row in members if row["asset"] == asset] or list(members)
    live = [row for row in own if row["phase"] != "resolved"]
    key = quiet.of_alert(look.asset(asset, kind), look.info(str(case["condition"]), kind, severity), severity)
    if key is not None and (not live or all(row["asset"] != asset for row in live)):
        # nothing of its own fires, or it is a group: the group has a key as well
        return key
    return all_muted(
        [
            quiet.of_alert(
                look.asset(row["asset"], row["kind"]),
                look.info(row["condition"], row["kind"], row["severity"]),
                row["severity"],
            )
            for row in live
        ]
    )


def until(silence: Silence, now: datetime) -> datetime:
    """When to look again at what a silence mutes."""
    return silence.ends_at or now + LOOK_AGAIN


def timer_of(case_state: str, silence: Silence) -> str:
    """The timer of a muted case at which it is looked at again."""
    if case_state == "gathering":
        return "gathering"
    return "must_close" if silence.sort == "opening" else "unmute"


def facts_of(silence: Silence) -> dict[str, Any]:
    """A silence as the ledger knows it."""
    end = silence.ends_at
    return {"silence": silence.id, "number": silence.number, "sort": silence.sort, "until": end.isoformat() if end else None}


def mute(tx: Tx, case: Mapping[str, Any], silence: Silence, *, now: datetime, new: bool = True) -> None:
    """An open case is muted from now on, or by another silence. The caller holds it."""
    case_id = str(case["id"])
    silences.mute(tx, {case_id: silence.id}, now)
    timers.set_many(tx, case_id, {timer_of(str(case["state"]), silence): until(silence, now)})
    if new:
        detail = f"{silence.sort} #{silence.number} by {silence.author}: {silence.reason}"
        ledger.note(
            tx, case_id, "muted", at=now, actor=silence.author, reason=silence.sort, detail=detail, facts=facts_of(silence)
        )


def note_hidden(tx: Tx, hidden: Iterable[tuple[str, str, Silence]], now: datetime) -> None:
    """Write down new cases that a silence hides: rows of alert, case, silence."""
    rows = list(hidden)
    silences.mute(tx, {case: silence.id for _, case, silence in rows}, now)
    alerts.note(tx, now, "muted", [(alert, silence.sort, f"#{silence.number} {silence.reason}") for alert, _, silence in rows])


def keeps_hidden(tx: Tx, look: Lookups, case: Mapping[str, Any], members: Sequence[Row], now: datetime) -> bool:
    """The wait of a case is over: does a silence keep it where it is? It is looked at again when that ends.

    After the end it stays for a moment when its signal is good again and only not yet for long enough.
    """
    case_id = str(case["id"])
    silence = mute_of(look, in_force(tx, now), case, members)
    if silence is not None:
        silences.hide(tx, case_id, case["group_key"] if is_hidden(case["group_key"]) else hidden_key(case["group_key"]))
        silences.mute(tx, {case_id: silence.id}, now)
        timers.set_many(tx, case_id, {"gathering": until(silence, now)})
        return True
    if is_hidden(case["group_key"]) and all(row["phase"] != "firing" for row in members):
        timers.set_many(tx, case_id, {"gathering": now + CLEARING_AGAIN})
        return True
    return False


def show(tx: Tx, look: Lookups, board: Board, now: datetime) -> None:
    """Hidden cases on the board that no silence covers any more count for their siblings again."""
    hidden = [case for case in board.waiting() if is_hidden(case.group_key)]
    if not hidden:
        return
    quiet, members = in_force(tx, now), alerts.of_cases(tx, [case.id for case in hidden])
    for case in hidden:
        fires = any(row["phase"] == "firing" for row in members[case.id])
        if fires and mute_of(look, quiet, case._asdict(), members[case.id]) is None:
            board.put(case._replace(group_key=shown_key(case.group_key)))


def after(tx: Tx, look: Lookups, events: Iterable[AlertEvent], *, home: Mapping[str, str], board: Board, now: datetime) -> None:
    """Alerts are over: what hid them until then ends, and hidden cases need not wait for the end of their silence."""
    over = [event for event in events if event.phase == AlertPhase.RESOLVED]
    silences.resolved(tx, [(event.asset, event.condition) for event in over], now)
    for event in over:
        case = board.cases.get(home.get(event.id, ""))
        if case is not None and is_hidden(case.group_key):
            info = look.info(event.condition, event.kind)
            timers.sooner(tx, case.id, "gathering", from_ms(event.at_ms) + timedelta(seconds=info.verify_s))


def held_back(tx: Tx, timer: Row) -> bool:
    """A timer that only tells somebody something came due: over a muted case it waits for the end of the silence."""
    return timer["purpose"] in HELD and silences.hold_back(tx, str(timer["case_id"]), timer["purpose"])


def look_again(tx: Tx, cases: Iterable[str], now: datetime) -> None:
    """Alerts that no silence covers joined these cases: those that are muted are looked at now. The caller holds them."""
    muted = silences.mutes(tx, sorted(cases))
    for case_id, row in muted.items():
        purpose = "gathering" if row["case_state"] == "gathering" else "unmute"
        timers.set_many(tx, case_id, {purpose: now})


def unmute(tx: Tx, case_id: str, muted: Row, order: Row | None, *, reason: str, now: datetime) -> None:
    """A case is heard again: what was held of its order is looked at now. The caller holds it."""
    silences.unmute(tx, [case_id])
    timers.drop(tx, [case_id], ["unmute", "must_close"])
    detail = f"{muted['sort']} #{muted['number']} by {muted['author']}: {muted['reason']}"
    facts = {"silence": muted["silence_id"], "number": muted["number"], "since": muted["since"]}
    ledger.note(tx, case_id, "unmuted", at=now, actor="cycle", reason=reason, detail=detail, facts=facts)
    if order is not None:
        told = silences.notices_again(tx, str(order["id"]), muted["since"], now)
        timers.set_many(tx, case_id, dict.fromkeys(made_up_for(muted["held"], told=told > 0), now))


def made_up_for(held: Iterable[str], *, told: bool) -> list[str]:
    """Which of the timers that came due meanwhile have their turn after a silence.

    Escalations do. Of the reminders the last one says it all, and none is needed where people are `told` something anyway.
    """
    reminders = sorted(purpose for purpose in held if purpose.rpartition("_")[2].isdecimal())
    steps = [purpose for purpose in held if purpose not in reminders]
    return sorted([*steps, *([] if told else reminders[-1:])])


def _present(silence: Silence, now: datetime) -> Silence | None:
    """A window as it stands at `now`, also when the cycle has not got round to it."""
    if silence.recurrence is None or silence.in_force(now):
        return silence
    span = silence.recurrence.at_or_after(now)
    return replace(silence, begins_at=span.begins_at, ends_at=span.ends_at) if span else None
