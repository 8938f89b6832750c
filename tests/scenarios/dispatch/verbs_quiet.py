"""Verbs of silences: silence, works, opening, expire; and what may be expected of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from citybrain.store import silences as store
from dispatch import ledger, silencing
from dispatch.silences import Scope
from dispatch.windows import recurrence
from tests.scenarios.dispatch.stage import Stage, length
from tests.scenarios.dispatch.verbs import alike, expectation, verb


@verb("silence")
def silence(stage: Stage, argument: Mapping[str, Any]) -> None:
    """`{of: ['asset="mh-1"'], for: 2h, reason: …}`; `alert: mh-1 MH-OPEN` for its key, `until_resolved: true`, `in: 2h`, and
    `rrule`, `start` (local) and `zone` for a window."""
    given = dict(argument)
    matchers = list(given.get("of", ()))
    said = {"author": given.get("by", "Li"), "reason": given.get("reason", "known")}
    begin = stage.now + length(given.get("in", "0m"))
    span = length(given["for"]) if "for" in given else None
    with stage.db.transaction() as tx:
        if "alert" in given:
            matchers += silencing.alert_key(tx, stage.alert_of(*given["alert"].split())["id"])
        if "rrule" in given:
            start = datetime.fromisoformat(given["start"])
            rule = recurrence(given["rrule"], start=start, zone=given["zone"], duration=span or timedelta(0))
            silencing.window(tx, matchers, **said, recurrence=rule, now=stage.now)
        else:
            resolved = bool(given.get("until_resolved"))
            end = begin + span if span else None
            silencing.silence(tx, matchers, **said, begins_at=begin, ends_at=end, until_resolved=resolved, now=stage.now)
    stage.cycle()


@verb("works")
def works(stage: Stage, argument: Mapping[str, Any]) -> None:
    """`{at: {feeder: f-1}, in: 20d, for: 8h, reason: …, reference: …}`."""
    begin = stage.now + length(argument.get("in", "0m"))
    with stage.db.transaction() as tx:
        silencing.works(
            tx, Scope(**argument["at"]), author=argument.get("by", "grid company"), reason=argument.get("reason", "works"),
            begins_at=begin, ends_at=begin + length(argument["for"]), reference=argument.get("reference", ""), now=stage.now,
        )  # fmt: skip
    stage.cycle()


@verb("opening")
def opening(stage: Stage, argument: Mapping[str, Any]) -> None:
    """`{of: mh-1, for: 3h, approver: …, reason: …}`."""
    with stage.db.transaction() as tx:
        silencing.opening(
            tx, argument["of"], author=argument.get("by", "water company"), approver=argument.get("approver", ""),
            reason=argument.get("reason", "works"), begins_at=stage.now, ends_at=stage.now + length(argument["for"]),
            now=stage.now,
        )  # fmt: skip
    stage.cycle()


@verb("leap")
def leap(stage: Stage, argument: Any) -> None:
    """So much time passes at once: for weeks in which nothing of interest is due."""
    stage.cycle(seconds=length(argument).total_seconds())


@verb("expire")
def expire(stage: Stage, argument: Any) -> None:
    """The silence with this number ends now."""
    with stage.db.transaction() as tx:
        silencing.expire(tx, str(argument), by="Wang", reason="", now=stage.now)
    stage.cycle()


@expectation("silences")
def silences(stage: Stage, wanted: Any) -> None:
    """Silences that are not over, those that end first first: a number, or parts of each."""
    with stage.db.transaction() as tx:
        alike(store.listed(tx, limit=100), wanted, "silences")


@expectation("over")
def over(stage: Stage, wanted: Any) -> None:
    """All silences, those that are over too."""
    with stage.db.transaction() as tx:
        alike(store.listed(tx, limit=100, ended=True), wanted, "over")


@expectation("noted_in_case")
def noted_in_case(stage: Stage, wanted: Mapping[str, list[str]]) -> None:
    """Entries about the case of the newest order of an asset that the ledger has among others, in this order."""
    for asset, events in wanted.items():
        case = str(stage.order_of(asset)["case_id"])
        with stage.db.transaction() as tx:
            found = [entry.event for entry in ledger.read(tx) if entry.case_id == case]
        rest = iter(found)
        assert all(event in rest for event in events), f"case of {asset}: {found} has not {events} in it"


@expectation("heard_of_late")
def heard_of_late(stage: Stage, wanted: list[str]) -> None:
    """Who was told that something is late since messages were asked for the last time: each of these at least, nobody twice
    the same."""
    news = stage.news()
    assert len(set(news)) == len(news), f"something was said twice: {news}"
    late = {line.split()[1] for line in news if "overdue" in line or "escalated" in line}
    assert late >= set(wanted), f"told that it is late: {sorted(late)} instead of {wanted}; all: {news}"
