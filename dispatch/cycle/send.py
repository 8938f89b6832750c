"""The outbox: what waits is sent, target by target, each in a thread of its own.

For each notice, three short steps, so that no lock is held while a slow server thinks:

    1. one transaction: lease the notice, and look at its order *now*; what no longer makes sense is dropped
    2. send
    3. one transaction: record the attempt; done, or again later

When the process dies between 2 and 3 the lease ends and the notice is sent again: at least once, with the same idempotency key.
"""

from __future__ import annotations

import hashlib
import logging
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from citybrain.store import cases, orders, outbox
from citybrain.store.db import Row, Tx
from citybrain.text import code_text, text
from dispatch import ledger
from dispatch.arithmetic import duration
from dispatch.channels import Answer, Message, safe_target
from dispatch.cycle.module import Cycle, Module
from dispatch.notices import stale

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=120)
"""Longer than any channel takes for one attempt."""
FIRST_WAIT_S, FACTOR, LONGEST_WAIT_S = 10.0, 3.0, 3600.0
MAX_ATTEMPTS = 12
"""About six hours in all."""
BREAKER_AFTER, BREAKER_S, BREAKER_LONGEST_S = 3, 30.0, 900.0
"""After so many failures in a row a target is left alone, for twice as long each time; then one notice is the probe."""
_TARGETS, _IN_A_ROW = 64, 50
_PATIENCE_S = 0.3
"""The cycle does not wait longer for senders; they go on, and are counted by the next run."""


def wait_s(notice: str, attempt: int) -> float:
    """Real seconds to wait after the attempt of this number (from 1): growing, with a jitter of a fifth that is always the
    same for a notice, so that not everybody comes back at once when a server does."""
    wait = min(FIRST_WAIT_S * FACTOR ** (attempt - 1), LONGEST_WAIT_S)
    digest = hashlib.sha256(f"{notice}:{attempt}".encode()).digest()
    return wait * (0.8 + 0.4 * int.from_bytes(digest[:4], "big") / 2**32)


def breaker_s(failures: int) -> float:
    """Real seconds that a target is left alone after so many failures in a row; 0 below the limit."""
    if failures < BREAKER_AFTER:
        return 0.0
    return min(BREAKER_S * 2.0 ** min(failures - BREAKER_AFTER, 20), BREAKER_LONGEST_S)


def run(cycle: Cycle) -> int:
    """Start a thread for each target with something to send, and wait a moment; how many notices were dealt with."""
    with cycle.db.transaction() as tx:
        targets = outbox.waiting_targets(tx, cycle.machine_now, limit=_TARGETS)
    began = time.monotonic()
    for target in targets:
        cycle.channels.start(target, partial(_work, cycle, target, began))
    return cycle.channels.join(_PATIENCE_S)


def _work(cycle: Cycle, target: str, began: float) -> int:
    """Send what waits for one target, oldest first, until it fails."""
    done = 0
    for _ in range(_IN_A_ROW):
        machine_now = cycle.machine_now + timedelta(seconds=time.monotonic() - began)
        with cycle.db.transaction() as tx:
            notice = outbox.claim(tx, target, machine_now, machine_now + LEASE)
            if notice is None:
                break
            order = outbox.order_now(tx, notice["order_id"]) if notice["order_id"] else None
            reason = _stale(notice, order)
            if reason is not None:
                _drop(tx, notice, reason, cycle)
        done += 1
        if reason is not None:
            continue
        message = compose(notice, order or {}, cycle.channels.language, cycle.now, machine_now)
        answer = cycle.channels.send(notice["channel"], message)
        machine_now = cycle.machine_now + timedelta(seconds=time.monotonic() - began)
        cycle.db.attempt(partial(_record, notice=notice, answer=answer, cycle=cycle, machine_now=machine_now))
        if cycle.metrics is not None:
            cycle.metrics.deliveries.labels(notice["channel"], answer.outcome).inc()
        if answer.outcome == "retry":
            break
    return done


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


def _drop(tx: Tx, notice: Row, reason: str, cycle: Cycle) -> None:
    outbox.finish(tx, notice["id"], "dropped", reason=reason, at=cycle.now)
    outbox.record(tx, notice["id"], at=cycle.now, ok=False, reason=reason, detail="not sent")
    log.info("notice %s to %s dropped: %s", notice["purpose"], safe_target(notice["target"]), reason)
    if cycle.metrics is not None:
        cycle.metrics.deliveries.labels(notice["channel"], "dropped").inc()


def _record(tx: Tx, *, notice: Row, answer: Answer, cycle: Cycle, machine_now: datetime) -> None:
    """Step 3."""
    target = notice["target"]
    if answer.outcome == "ok":
        outbox.finish(tx, notice["id"], "sent", reason=answer.reason, at=cycle.now)
        outbox.breaker_ok(tx, target)
    elif answer.outcome == "fail" or notice["attempts"] >= MAX_ATTEMPTS:
        reason = answer.reason if answer.outcome == "fail" else "gave_up"
        outbox.finish(tx, notice["id"], "failed", reason=reason, at=cycle.now)
        _note_failure(tx, notice, reason, cycle.now)
    else:
        again = machine_now + timedelta(seconds=wait_s(str(notice["id"]), notice["attempts"]))
        outbox.again(tx, notice["id"], reason=answer.reason, next_at=again)
        pause = breaker_s(outbox.breaker_failed(tx, target))
        if pause:
            outbox.breaker_open(tx, target, machine_now + timedelta(seconds=pause))
            log.warning("target %s is left alone for %g s (%s)", safe_target(target), pause, answer.reason)
    outbox.record(tx, notice["id"], at=cycle.now, ok=answer.outcome == "ok", reason=answer.reason, detail=answer.detail)


def _note_failure(tx: Tx, notice: Row, reason: str, now: datetime) -> None:
    """A notice that nobody got: an alarm in the log, a note in the ledger of the order."""
    log.error("notice %s to %s failed for good: %s", notice["purpose"], safe_target(notice["target"]), reason)
    order_id = str(notice["order_id"] or "")
    case_id = orders.case_of(tx, order_id) if order_id else None
    if case_id is None or cases.hold(tx, case_id) is None:
        return
    order = orders.get(tx, order_id)
    if order is not None:
        detail = f"{notice['purpose']} by {notice['channel']}"
        ledger.append(tx, order_id, "notice_failed", order["state"], at=now, actor="cycle", reason=reason, detail=detail)


def compose(notice: Row, order: Row, language: str, now: datetime, machine_now: datetime) -> Message:
    """The message of a notice: what was known when it was written, and the order as it is now."""
    body, purpose = notice["body"], notice["purpose"]
    facts = _facts(notice, order)
    due: datetime | None = order.get("due_at")
    left = abs(due - now) if due else timedelta(0)
    values = {
        **{key: facts.get(key) or "" for key in ("number", "asset", "condition", "children")},
        "severity": code_text("console.severity_", facts.get("severity") or "", language),
        "reason": code_text("orders.reason_", facts.get("reason") or "", language),
        "title": body.get(f"title_{language}") or facts.get("condition") or "",
        "place": order.get("asset_name") or facts.get("asset") or "",
        "unit": (body.get("unit_name_zh") if language == "zh" else body.get("unit_name")) or facts.get("unit") or "",
        "due": due.astimezone(_zone(body.get("timezone"))).strftime("%Y-%m-%d %H:%M %Z") if due else "",
        "left": duration(timedelta(minutes=left // timedelta(minutes=1)), language),
    }
    return Message(
        id=str(notice["id"]),
        purpose=purpose,
        target=notice["target"],
        subject=text(f"dispatch.{purpose}_subject", language, **values),
        text=text(f"dispatch.{purpose}_text", language, **values),
        data=facts,
        created_at=notice["created_at"].astimezone(UTC),
        sent_at=machine_now,
    )


def _facts(notice: Row, order: Row) -> dict[str, Any]:
    facts = {key: value for key, value in order.items() if key not in {"asset_name", "unit"}}
    facts |= {
        "order": str(notice["order_id"] or ""),
        "purpose": notice["purpose"],
        "unit": notice["body"]["unit"],
        "name": order.get("asset_name") or "",
        "reason": notice["body"].get("reason", ""),
    }
    return {key: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for key, value in facts.items()}


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (OSError, ValueError, KeyError):
        return ZoneInfo("UTC")


MODULE = Module("send", frozenset({"send"}), run)
