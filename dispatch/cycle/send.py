"""The outbox: what waits is sent, target by target, each in a thread of its own.

For each notice, three short steps, so that no lock is held while a slow server thinks:

    1. one transaction: lease the notice, and look at its order and its person *now* (`claiming.take`)
    2. send
    3. one transaction: record the attempt; done, or again later

When the process dies between 2 and 3 the lease ends and the notice is sent again: at least once, with the same idempotency key.
"""

from __future__ import annotations

import hashlib
import logging
import time
from datetime import datetime, timedelta
from functools import partial

from citybrain.kernel.times import to_ms
from citybrain.store import cases, orders, outbox, watch
from citybrain.store.db import Row, Tx
from dispatch import ledger, testorder, watching
from dispatch.channels import Answer, Message, safe_target
from dispatch.composing import compose, compose_bundle
from dispatch.cycle.claiming import Turn, take
from dispatch.cycle.module import Cycle, Module

log = logging.getLogger(__name__)

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
        targets = outbox.waiting_targets(tx, cycle.now, cycle.machine_now, limit=_TARGETS)
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
            turn = take(tx, cycle.look.books.channels, target, now=cycle.now, machine_now=machine_now)
        if turn is None:
            break
        _tell(cycle, turn)
        done += len(turn.settled) + len(turn.notices)
        if not turn.notices:
            continue
        answer = cycle.channels.send(turn.lead["channel"], _message(cycle, turn, machine_now))
        machine_now = cycle.machine_now + timedelta(seconds=time.monotonic() - began)
        cycle.db.attempt(partial(_record, turn=turn, answer=answer, cycle=cycle, machine_now=machine_now))
        _count(cycle, turn.lead, answer.outcome)
        if answer.outcome == "ok" and cycle.metrics is not None and (sent_ms := testorder.sent_of(turn.lead)) is not None:
            cycle.metrics.canary(watching.STAGE, sent_ms, to_ms(machine_now))
        for fellow in turn.notices[1:]:
            _count(cycle, fellow, "bundled")
        if answer.outcome == "retry":
            break
    return done


def _message(cycle: Cycle, turn: Turn, machine_now: datetime) -> Message:
    language = turn.language or cycle.channels.language
    if len(turn.notices) > 1:
        return compose_bundle(turn.notices, turn.orders, language, cycle.now, machine_now)
    order = turn.orders.get(turn.lead["order_id"]) or {}
    links = cycle.channels.links.of(turn.lead, order.get("state", "")) if cycle.channels.links else {}
    return compose(turn.lead, order, language, cycle.now, machine_now, links=links, replaces=turn.replaces)


def _tell(cycle: Cycle, turn: Turn) -> None:
    """Log and count what was not sent, once it is committed."""
    for notice, outcome, reason in turn.settled:
        log.info("notice %s to %s %s: %s", notice["purpose"], safe_target(notice["target"]), outcome, reason)
        _count(cycle, notice, outcome)


def _count(cycle: Cycle, notice: Row, outcome: str) -> None:
    # a test notice is no message to anybody
    if cycle.metrics is not None and notice["purpose"] != watching.TEST:
        cycle.metrics.deliveries.labels(notice["channel"], outcome).inc()


def _record(tx: Tx, *, turn: Turn, answer: Answer, cycle: Cycle, machine_now: datetime) -> None:
    """Step 3."""
    lead, target, ids = turn.lead, turn.lead["target"], [notice["id"] for notice in turn.notices]
    failed = answer.outcome == "fail" or (answer.outcome == "retry" and lead["attempts"] >= MAX_ATTEMPTS)
    if answer.outcome == "ok" and lead["purpose"] == watching.TEST:
        # first the test order, as the intake does: nobody waits in a ring. No delivery is noted, each ten seconds one
        watch.told(tx, machine_now)
        outbox.finish(tx, lead["id"], "sent", reason=answer.reason, at=cycle.now)
        return
    if answer.outcome == "ok":
        for notice, reason in _reasons(turn, answer.reason):
            outbox.finish(tx, notice["id"], "sent", reason=reason, at=cycle.now)
            outbox.record(tx, [notice["id"]], at=cycle.now, outcome="sent", reason=reason, detail=answer.detail)
        outbox.breaker_ok(tx, target)
        if answer.handle is not None and len(ids) == 1 and lead["order_id"] is not None:
            outbox.keep_handle(tx, lead, answer.handle, cycle.now)
        return
    outbox.undisturb(tx, lead["id"])
    if failed:
        reason = answer.reason if answer.outcome == "fail" else "gave_up"
        for notice in turn.notices:
            outbox.finish(tx, notice["id"], "failed", reason=reason, at=cycle.now)
            _note_failure(tx, notice, reason, cycle.now)
    else:
        again = machine_now + timedelta(seconds=wait_s(str(lead["id"]), lead["attempts"]))
        for one in ids:
            outbox.again(tx, one, reason=answer.reason, next_at=again)
        pause = breaker_s(outbox.breaker_failed(tx, target))
        if pause:
            outbox.breaker_open(tx, target, machine_now + timedelta(seconds=pause))
            log.warning("target %s is left alone for %g s (%s)", safe_target(target), pause, answer.reason)
    outcome = "failed" if failed else "retry"
    outbox.record(tx, ids, at=cycle.now, outcome=outcome, reason=answer.reason, detail=answer.detail)


def _reasons(turn: Turn, reason: str) -> list[tuple[Row, str]]:
    """The first of a bundle stands for the message, the others went in it."""
    return [(notice, "bundled" if number else reason) for number, notice in enumerate(turn.notices)]


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


MODULE = Module("send", frozenset({"send"}), run)
