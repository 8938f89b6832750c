"""Verbs about people: who is imported, who stands in, who is away, what calendars say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import yaml

from citybrain import yamlfile
from citybrain.kernel.errors import InputError
from citybrain.store import escalations
from dispatch.people import entries, ical, roster
from dispatch.people.duty import on_duty, shifts
from tests.scenarios.dispatch.stage import Stage, length
from tests.scenarios.dispatch.verbs import expectation, verb


@verb("people")
def people(stage: Stage, argument: Mapping[str, Any]) -> None:
    """A people.yml is imported."""
    file = yamlfile.parse(yaml.safe_dump(argument, allow_unicode=True), "people.yml")
    report, faults = stage.db.attempt(lambda tx: roster.import_file(tx, file, actor="chief", now=stage.now, units=None))
    assert not faults, faults
    assert report is not None
    assert report.changed
    stage.cycle()


def _span(stage: Stage, given: dict[str, Any]) -> dict[str, Any]:
    begin = stage.now + length(given.pop("in", "0s"))
    return {"begin": begin, "end": begin + length(given.pop("for")), "actor": "chief", "now": stage.now}


@verb("leave")
def leave(stage: Stage, argument: Mapping[str, Any]) -> None:
    """Somebody is away: `{person: an, in: 1h, for: 14d}`."""
    given = dict(argument)
    span = _span(stage, given)
    stage.db.attempt(lambda tx: roster.add_leave(tx, **given, **span))
    stage.cycle()


@verb("override")
def override(stage: Stage, argument: Mapping[str, Any]) -> None:
    """Somebody stands in: `{schedule: duty, person: cy, instead_of: an, in: 1h, for: 8h}`."""
    given = dict(argument)
    span = _span(stage, given)
    stage.db.attempt(lambda tx: roster.add_override(tx, **given, **span))
    stage.cycle()


@verb("calendar")
def calendar(stage: Stage, argument: Mapping[str, Any]) -> None:
    """A calendar is imported: `{schedule: duty, layer: oncall, ics: "BEGIN:VCALENDAR…"}`; unknown names are an error."""
    data, begin = str(argument["ics"]).replace("\n", "\r\n").encode(), stage.now
    found = stage.db.attempt(
        lambda tx: entries.take_over(tx, data, argument["schedule"], argument["layer"], begin, begin + timedelta(days=60))
    )
    if found.faults:
        raise InputError("; ".join(f"{fault.reason}: {fault.summary}" for fault in found.faults))
    stage.cycle()


@expectation("duty")
def duty(stage: Stage, wanted: Mapping[str, list[str]]) -> None:
    """Who is on duty in a schedule, each with the reason: `{duty: [an rotation]}`; with nobody the reasons alone."""
    with stage.db.transaction() as tx:
        everybody = roster.current(tx)
    for name, words in wanted.items():
        found = on_duty(everybody.schedules[name], stage.now, everybody)
        said = [f"{one.person} {one.reason}" for one in found.people] or [turn.reason for turn in found.turns]
        assert said == words, f"on duty in {name}: {said} instead of {words}"


@expectation("shifts")
def expected_shifts(stage: Stage, wanted: Mapping[str, Mapping[str, Any]]) -> None:
    """The shifts of a schedule from now on: `{duty: {for: 14d, are: ["2026-06-15 08:00 an", …]}}`, by the wall."""
    with stage.db.transaction() as tx:
        everybody = roster.current(tx)
    for name, one in wanted.items():
        schedule = everybody.schedules[name]
        found = shifts(schedule, stage.now, stage.now + length(one["for"]), everybody)
        said = [
            f"{shift.begin.astimezone(schedule.tz):%Y-%m-%d %H:%M} {'+'.join(on.person for on in shift.people) or shift.reason}"
            for shift in found
        ]
        assert said == one["are"], f"shifts of {name}: {said}"


@expectation("feed")
def feed(stage: Stage, wanted: Mapping[str, Any]) -> None:
    """The calendar of a person: `{person: an, for: 14d, begins: ["2026-06-15 08:00"]}`, UTC."""
    with stage.db.transaction() as tx:
        everybody = roster.current(tx)
    end = stage.now + length(wanted["for"])
    data = ical.feed(everybody, "person", wanted["person"], stage.now, end, now=stage.now, language="en")
    begins = [
        datetime.strptime(line.removeprefix("DTSTART:"), "%Y%m%dT%H%M%S%z").strftime("%Y-%m-%d %H:%M")
        for line in data.decode().splitlines()
        if line.startswith("DTSTART:")
    ]
    assert begins == wanted["begins"], f"feed of {wanted['person']}: {begins}"


@expectation("escalation")
def escalation(stage: Stage, wanted: Mapping[str, Mapping[str, Any]]) -> None:
    """How far the policy of the newest order of an asset has come."""
    for asset, parts in wanted.items():
        with stage.db.transaction() as tx:
            row = escalations.of_order(tx, str(stage.order_of(asset)["id"]))
        assert row is not None, f"the order of {asset} has no policy"
        assert {key: row[key] for key in parts} == parts


@expectation("noted")
def noted(stage: Stage, wanted: Mapping[str, list[str]]) -> None:
    """Entries of the newest order of an asset, as `event reason`, in this order, among others."""
    for asset, words in wanted.items():
        found = [f"{row['event']} {row['reason']}" for row in stage.order_of(asset)["events"]]
        rest = iter(found)
        assert all(word in rest for word in words), f"{asset}: {found} has not {words} in it"


@expectation("told")
def told(stage: Stage, wanted: list[str]) -> None:
    """What was said since the last time by policies and about duty; the clocks of orders have their own scenarios."""
    clocks = ("safe_", "reminder_", "overdue ", "escalated_lead ", "escalated_supervisor ")
    news = [message for message in stage.news() if not message.startswith(clocks)]
    assert sorted(news) == sorted(wanted), f"told: {news} instead of {wanted}"


@verb("sleep")
def sleep(stage: Stage, argument: Any) -> None:
    """Nothing runs for so long; then everything that was due comes at once."""
    stage.cycle(seconds=length(argument).total_seconds())
