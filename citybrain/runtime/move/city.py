"""All of a city but its history, in one transaction of the target: compared with the source before it is committed."""

from __future__ import annotations

import time
from datetime import datetime
from itertools import groupby

from citybrain.clock import real_ms
from citybrain.kernel.times import from_ms
from citybrain.runtime.move.states import inherit_states
from citybrain.runtime.move.steps import Offsets
from citybrain.runtime.move.telling import Carried, Report, Tell
from citybrain.store import carrying, gauges, moves
from citybrain.store.carrying import Archive, DifferentError
from citybrain.store.db import Tx
from citybrain.store.migrate import PLAIN
from citybrain.store.positions import save_positions
from citybrain.topics.spec import ALERTS, READINGS
from dispatch.ledger import Fault, entry_of, verify
from rules.rulebook import Rulebook


def carry_city(
    source: Tx, target: Tx, *, prefix: str, offsets: Offsets, rulebook: Rulebook, now: datetime, report: Report, tell: Tell
) -> None:
    """Carry, compare, and mark the target as whole. `now` is city time. Raises DifferentError; nothing is committed then."""
    archive = carrying.archive_of(source)
    stale = (carrying.STALE,) if archive.kind == carrying.archive_of(target).kind == PLAIN else ()
    seconds = {}
    for table in (*carrying.CITY, *stale):
        began, total = time.monotonic(), carrying.count(source, table)
        tell(table, 0, total)
        carrying.carry(source, target, table, lambda rows, table=table, total=total: tell(table, rows, total))  # type: ignore[misc]  # mypy does not infer a lambda with defaults
        seconds[table] = time.monotonic() - began
    carrying.continue_numbers(source, target)
    report.register_version = carrying.carry_register_state(source, target)
    carrying.set_archive(target, archive if stale else Archive(archive.kind, None, None, archive.dropped_to))
    report.rules = inherit_states(source, target, prefix + READINGS, rulebook, offsets.readings, now, tell)
    save_positions(target, "dispatch", prefix + ALERTS, offsets.alerts)
    report.tables += [_compared(source, target, table, seconds[table], tell) for table in seconds]
    report.ledger_entries = _same_ledger(source, target)
    found = gauges.gauges(target, now)
    report.open_orders = sum(n for state, n in found.orders.items() if state not in {"closed", "cancelled"})
    report.waiting_notices = found.outbox.get("waiting", 0)
    carrying.let_jobs_run(target, True)
    moves.end(target, from_ms(real_ms()))


def _compared(source: Tx, target: Tx, table: str, seconds: float, tell: Tell) -> Carried:
    tell("compare", 1, 0)
    here, there = carrying.contents(source, table), carrying.contents(target, table)
    if here != there:
        raise DifferentError(f"{table}: {here.rows} rows in the source, {there.rows} in the target, or their contents differ")
    return Carried(table, here.rows, there.rows, seconds)


def _same_ledger(source: Tx, target: Tx) -> int:
    """Check the chains of all cases as they came; how many entries. What was broken before may be, and nothing else."""
    entries, faults = check_ledger(target)
    if faults and faults != check_ledger(source)[1]:
        raise DifferentError(f"the history of case {faults[0].case_id} does not verify in the target: {faults[0].detail}")
    return entries


def check_ledger(tx: Tx) -> tuple[int, list[Fault]]:
    """Verify the chain of every case, one case in memory at a time; entries, and what is wrong."""
    entries, faults = 0, list[Fault]()
    for case, rows in groupby(carrying.cases_with_histories(tx), key=lambda row: str(row["of_case"])):
        found = list(rows)
        history = [entry_of(row) for row in found if row["event"] is not None]
        entries += len(history)
        states = {str(row["of_order"]): row["order_state"] for row in found if row["of_order"] is not None}
        faults += verify(history, states, {case: found[0]["case_state"]})
    return entries, faults
