"""people.yml: every fault has its line and key."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from citybrain.kernel.errors import ConfigError
from citybrain.yamlfile import parse
from dispatch.people.file import check_people, load_people, read_people
from dispatch.people.model import Member
from dispatch.people.rows import rows_of
from tests.docs.markdown import ROOT, blocks

GOOD = """\
people:
  an: {name: An, contacts: ["log:an"]}
  bo: {name: Bo, contacts: ["log:bo"]}
schedules:
  duty:
    name: Duty
    unit: drainage
    timezone: Asia/Shanghai
    layers:
      first: {rotation: weekly, handoff: "mon 08:00", starts: 2026-06-01, members: [an, bo]}
policies:
  grave:
    unit: drainage
    severity: [critical]
    steps:
      - tell: ["schedule:duty"]
      - {after: 10m, tell: [lead]}
"""

BAD = [
    ('contacts: ["log:an"]', "contacts: []", "people.an.contacts", "at least 1 item"),
    ('["log:an"]', '["an@example.org"]', "people.an.contacts[0].url", "write mailto:an@example.org"),
    ("name: An,", "name: An, age: 3,", "people.an.age", "unknown key"),
    ("timezone: Asia/Shanghai", "timezone: Asia/Peking", "schedules.duty.timezone", "give an IANA name"),
    ('"mon 08:00"', '"08:00"', "schedules.duty.layers.first", "needs its weekday"),
    ('"mon 08:00"', "20:00", "schedules.duty.layers.first.handoff", "in quotes"),
    ('"mon 08:00"', '["mon 08:00", "fri 18:00"]', "schedules.duty.layers.first", "rotation custom"),
    ("rotation: weekly", "rotation: daily", "schedules.duty.layers.first", "has no weekday"),
    ("rotation: weekly", "rotation: calendar", "schedules.duty.layers.first", "are imported"),
    ("members: [an, bo]", "members: []", "schedules.duty.layers.first", "needs members"),
    ("members: [an, bo]", "members: [an, zoe]", "schedules.duty.layers.first.members[1]", "no person 'zoe'"),
    (
        "members: [an, bo]", "members: [an, {person: bo, from: 2026-07-01, to: 2026-06-01}]",
        "schedules.duty.layers.first.members[1]", "would leave before joining",
    ),
    ("members: [an, bo]", 'hours: ["8-20"], members: [an]', "schedules.duty.layers.first.hours[0].time", "08:00-20:00"),
    ("schedule:duty", "schedule:dutty", "policies.grave.steps[0].tell[0]", "no schedule 'dutty'"),
    ("tell: [lead]", "tell: [leader]", "policies.grave.steps[1].tell[0]", "'leader' is nobody"),
    ("after: 10m", "after: 10", "policies.grave.steps[1].after", "such as 90s, 10m"),
    ('- tell: ["schedule:duty"]', '- {after: 5m, tell: ["schedule:duty"]}', "policies.grave", "has no after"),
    ("severity: [critical]", "severity: [urgent]", "policies.grave.severity[0]", "critical"),
    ("severity: [critical]", "remind_every: 5s", "policies.grave.remind_every", "60"),
    ("unit: drainage\n    severity", "unit: lamps\n    severity", "policies.grave.unit", "no unit 'lamps'"),
]  # fmt: skip


def test_a_good_file_has_no_fault() -> None:
    people, faults = read_people(parse(GOOD, "people.yml"), frozenset({"drainage"}))
    assert faults == []
    assert people.schedules["duty"].layers[0].handoffs == (480,)


@pytest.mark.parametrize(("old", "new", "key", "words"), BAD, ids=[case[2] + " " + case[1][:20] for case in BAD])
def test_each_fault_is_named_by_line_and_key(old: str, new: str, key: str, words: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new)
    _, faults = read_people(parse(text, "people.yml"), frozenset({"drainage"}))
    assert key in [fault.key for fault in faults], [str(fault) for fault in faults]
    found = next(fault for fault in faults if fault.key == key)
    assert words in found.message
    changed = [
        number for number, (one, two) in enumerate(zip(GOOD.splitlines(), text.splitlines(), strict=True), 1) if one != two
    ]
    assert found.line in {*changed, *range(12, 17)}
    assert str(found).startswith(f"people.yml:{found.line}: ")


def test_two_policies_for_the_same_orders_are_refused() -> None:
    text = GOOD + "  other:\n    unit: drainage\n    severity: [major, critical]\n    steps: [{tell: [lead]}]\n"
    _, (fault,) = read_people(parse(text, "people.yml"))
    assert (fault.line, fault.key) == (18, "policies.other")
    assert "as policy 'grave'" in fault.message


def test_a_file_that_is_no_mapping_or_not_there(tmp_path: Path) -> None:
    assert "must be a mapping" in str(read_people(parse("[1]", "people.yml"))[1][0])
    assert check_people(None) == []
    with pytest.raises(ConfigError, match="cannot be read"):
        load_people(tmp_path / "people.yml")


def test_dates_of_members_are_days_of_the_schedules_wall() -> None:
    text = GOOD.replace("[an, bo]", "[an, {person: bo, from: 2026-07-01, to: 2026-07-02}]")
    people, _ = read_people(parse(text, "people.yml"))
    assert people.schedules["duty"].layers[0].members[1] == Member(
        "bo", datetime(2026, 6, 30, 16, tzinfo=UTC), datetime(2026, 7, 2, 16, tzinfo=UTC)
    )


def test_the_example_of_the_manual_is_complete() -> None:
    (example,) = [block for block in blocks(ROOT / "docs/how-to/people-and-duty.md") if block.check == "people"]
    people, faults = read_people(parse(example.text, "people.yml"))
    assert faults == []
    assert {layer.rotation for layer in people.schedules["drainage-duty"].layers} == {"daily", "weekly", "custom", "calendar"}
    rows = rows_of(people)
    assert all(rows.values()), "every table has something in it"
