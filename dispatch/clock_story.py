"""PURE. The life of a clock as sentences: how its limit was counted, and each stop, extension and new beginning since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from citybrain.kernel.calendar import WorkCalendar
from citybrain.text import code_text, text
from dispatch.arithmetic import duration, limit_text, when
from dispatch.deadlines import due, passed

BEGINS = frozenset({"dispatch", "redispatch", "tightened", "reopen"})


class Step(NamedTuple):
    """One entry of the ledger as far as it is about a clock. `clock` are the facts of that clock after it."""

    event: str
    at: datetime
    actor: str
    reason: str
    clock: Mapping[str, Any]
    facts: Mapping[str, Any]


def steps_of(entries: Sequence[Any], name: str) -> list[Step]:
    """The steps of one clock among the entries of the ledger of an order."""
    found: list[Step] = []
    for entry in entries:
        for clock in entry.facts.get("clocks", ()):
            known = {key: _moment(value) for key, value in clock.items()}
            if clock["clock"] == name and (not found or _different(found[-1].clock, known)):
                found.append(Step(entry.event, entry.at, entry.actor, entry.reason, known, entry.facts))
    return found


def story(steps: Sequence[Step], calendar: WorkCalendar, language: str) -> Iterator[str]:
    """Each step in words, in the order in which it happened."""
    before: Mapping[str, Any] | None = None
    for step in steps:
        now = step.clock
        if before is None or now["from"] != before["from"]:
            yield from _begins(step, before, calendar, language)
        elif now["total_s"] != before["total_s"]:
            yield _say("extended", step, calendar, language, limit=limit_text(now["value"], now["unit"], language))
        if before is None or now["state"] != before["state"]:
            yield from _moved(step, before, calendar, language)
        before = now


def _begins(step: Step, before: Mapping[str, Any] | None, calendar: WorkCalendar, language: str) -> Iterator[str]:
    if before is not None:
        why = step.event if step.event in BEGINS else "dispatch"
        yield _say(f"anew_{why}", step, calendar, language)
    clock = step.clock
    yield from due(clock["from"], clock["value"], clock["unit"], calendar).explain(language)


def _moved(step: Step, before: Mapping[str, Any] | None, calendar: WorkCalendar, language: str) -> Iterator[str]:
    clock, state = step.clock, step.clock["state"]
    if state == "running":
        if before is not None and before["state"] in {"paused", "suspended"}:
            yield _say("resumed", step, calendar, language, at=clock["since"], left=duration(_left(clock), language))
        elif before is not None and before["state"] == "met":
            yield _say("rejected", step, calendar, language)
        return
    if state in {"paused", "suspended"}:
        by = ", ".join(step.facts.get("approved_by", ())) or step.actor
        counted = passed(clock["since"], clock["stood"], clock["unit"], calendar)
        left = duration(_left(clock) - counted, language)
        yield _say(state, step, calendar, language, at=clock["stood"], left=left, by=by)
        if "until" in clock:
            yield text("deadlines.until", language, when=when(clock["until"], calendar, language))
        return
    yield _say(state, step, calendar, language, at=clock["due"] if state == "overdue" else step.at)


def _say(key: str, step: Step, calendar: WorkCalendar, language: str, **more: Any) -> str:
    at = more.pop("at", step.at)
    code = str(step.facts.get("code") or step.reason)
    values = {
        "when": when(at, calendar, language),
        "due": when(step.clock["due"], calendar, language),
        "reason": code_text("orders.reason_", code, language),
        "actor": step.actor,
        **more,
    }
    return text(f"deadlines.step_{key}", language, **values)


def _left(clock: Mapping[str, Any]) -> timedelta:
    return timedelta(seconds=clock["total_s"]) - timedelta(seconds=clock["spent_s"])


def _different(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return any(before.get(key) != now.get(key) for key in ("from", "state", "due", "total_s", "since", "until"))


def _moment(value: Any) -> Any:
    """Times stand as text in the ledger."""
    if not isinstance(value, str) or len(value) < 19 or value[4:5] != "-":
        return value
    return datetime.fromisoformat(value)
