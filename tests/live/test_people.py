"""People in the database: imports, overrides and leave; policies and hand-overs as time passes, on a real PostgreSQL."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from citybrain import yamlfile
from citybrain.kernel.errors import InputError, NotFound
from citybrain.metrics import Metrics
from citybrain.store import escalations
from citybrain.store.db import Database
from citybrain.store.gauges import details
from dispatch.channels import Answer
from dispatch.cycle import run_cycle
from dispatch.people import roster
from dispatch.people.duty import on_duty
from dispatch.people.file import read_people
from tests.dispatch_kit import NOON, Town
from tests.docs.markdown import ROOT, blocks

pytestmark = pytest.mark.live

AN, BO, CY = "log:an", "log:bo", "log:cy"
FILE = """
people:
  an: {name: An, contacts: ["log:an"]}
  bo: {name: Bo, contacts: ["log:bo"]}
  cy: {name: Cy, contacts: ["log:cy"]}
teams:
  crew: {name: Crew, unit: drainage, members: [bo, cy]}
schedules:
  duty:
    name: Duty
    unit: drainage
    timezone: Asia/Shanghai
    layers:
      first: {rotation: daily, handoff: "18:00", starts: 2026-06-10, members: [an, bo]}
  night:
    name: Night
    unit: drainage
    timezone: Asia/Shanghai
    layers:
      first: {rotation: daily, handoff: "08:00", starts: 2026-06-01, hours: ["22:00-06:00"], members: [cy]}
policies:
  grave:
    unit: drainage
    severity: [critical]
    steps:
      - tell: [schedule:duty]
      - {after: 10m, tell: [team:crew]}
      - {after: 10m, tell: [lead]}
"""


STEPS = FILE[FILE.index("    steps:") :].rstrip("\n")


class Duties(Town):
    """A town with people."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.take_over(FILE)

    def take_over(self, text: str, **more: Any) -> roster.Imported:
        def work(tx: Any) -> Any:
            return roster.import_file(tx, yamlfile.parse(text, "people.yml"), actor="me", now=self.now, units=None, **more)

        report, faults = self.db.attempt(work)
        assert not faults, faults
        assert report is not None
        return report

    def said(self) -> list[tuple[str, str]]:
        """What was said by policies and about duty; the clocks of an order have words of their own."""
        return [(purpose, target) for purpose, target in self.mail.said() if not purpose.startswith(("safe_", "reminder_"))]

    def change(self, old: str, new: str) -> None:
        assert old in FILE
        self.take_over(FILE.replace(old, new))


@pytest.fixture
def town(db: Database) -> Duties:
    return Duties(db)


def test_what_is_imported_is_what_the_file_says(town: Duties) -> None:
    (example,) = [block for block in blocks(ROOT / "docs/how-to/people-and-duty.md") if block.check == "people"]
    town.take_over(example.text)
    wanted, _ = read_people(yamlfile.parse(example.text, "people.yml"))
    with town.db.transaction() as tx:
        found = roster.current(tx)
    assert {name: one for name, one in found.people.items() if one.active} == wanted.people
    assert (found.teams, found.schedules, found.policies) == (wanted.teams, wanted.schedules, wanted.policies)


def test_an_import_is_whole_and_the_same_again_is_nothing(town: Duties) -> None:
    assert not town.take_over(FILE).changed
    with town.db.transaction() as tx:
        before = roster.current(tx)
        assert before == roster.read(tx)
    tried = town.take_over(FILE.replace("An,", "Ann,"), dry_run=True)
    assert (tried.changed, tried.version) == (True, None)
    with town.db.transaction() as tx:
        assert roster.current(tx) is before, "read once, not at every question"
    fewer = FILE.replace('  cy: {name: Cy, contacts: ["log:cy"]}\n', "").replace("[bo, cy]", "[bo]").replace("[cy]", "[bo]")
    done = town.take_over(fewer)
    assert (done.version, done.retired) == (2, ("cy",))
    with town.db.transaction() as tx:
        now = roster.current(tx)
    assert not now.people["cy"].active, "kept, since history names them"
    assert not now.here("cy", town.now)


def test_overrides_and_leave_count_at_once_and_can_be_withdrawn(town: Duties) -> None:
    def who() -> str:
        with town.db.transaction() as tx:
            people = roster.current(tx)
        (one,) = on_duty(people.schedules["duty"], town.now, people).people
        return f"{one.person} {one.reason}"

    span = {"begin": NOON - timedelta(hours=1), "end": NOON + timedelta(hours=1), "actor": "chief", "now": NOON}
    assert who() == "bo rotation"
    leave = town.db.attempt(lambda tx: roster.add_leave(tx, person="bo", **span))
    assert who() == "an on_leave_next"
    override = town.db.attempt(lambda tx: roster.add_override(tx, schedule="duty", person="cy", instead_of="bo", **span))
    again = town.db.attempt(lambda tx: roster.add_override(tx, schedule="duty", person="cy", instead_of="bo", **span))
    assert override == again
    assert who() == "cy override"
    town.db.attempt(lambda tx: roster.withdraw(tx, override, actor="chief", now=NOON))
    town.db.attempt(lambda tx: roster.withdraw(tx, leave, actor="chief", now=NOON))
    assert who() == "bo rotation"
    with pytest.raises(NotFound, match="there are: an, bo, cy"):
        town.db.attempt(lambda tx: roster.add_leave(tx, person="di", **span))
    with pytest.raises(InputError, match="the end must be later"):
        town.db.attempt(lambda tx: roster.add_leave(tx, person="an", **{**span, "end": NOON - timedelta(hours=2)}))


def test_steps_go_on_until_somebody_acknowledges(town: Duties) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.cycle()
    assert town.said() == [("dispatched", BO)]
    town.cycle(minutes=9)
    assert len(town.said()) == 1
    town.cycle(minutes=1)
    assert sorted(town.said()[1:]) == [("escalated_step", BO), ("escalated_step", CY)]
    town.act(opened.order_id, "ack")
    town.cycle(minutes=30)
    assert len(town.said()) == 3
    order = town.order(opened.order_id)
    assert [row["event"] for row in order["events"]][:3] == ["dispatch", "escalated", "ack"]
    facts = next(row for row in order["events"] if row["event"] == "escalated")
    assert facts["reason"] == "not_acknowledged"
    with town.db.transaction() as tx:
        row = escalations.of_order(tx, opened.order_id)
    assert row is not None
    assert (row["policy"], row["step"], row["ended"]) == ("grave", 1, "acknowledged")
    assert not town.faults()


def test_what_was_queued_before_the_acknowledgement_is_not_sent(town: Duties) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.cycle()
    town.mail.answers[CY] = Answer("retry", "unreachable")
    town.cycle(minutes=10)
    town.mail.sent.clear()
    town.act(opened.order_id, "ack")
    town.mail.answers.clear()
    town.cycle(minutes=20)
    assert town.said() == []
    with town.db.transaction() as tx:
        rows = tx.all("SELECT state, reason FROM outbox WHERE target = 'log:cy'")
    assert rows == [{"state": "dropped", "reason": "acknowledged"}]


def test_a_step_with_nobody_on_duty_is_skipped_at_once_and_raises_its_own_alarm(
    town: Duties, caplog: pytest.LogCaptureFixture
) -> None:
    town.change("tell: [schedule:duty]", "tell: [schedule:night]")
    with caplog.at_level(logging.ERROR):
        (opened,) = town.raised("mh-1", "MH-OPEN")
        town.cycle()
    assert sorted(town.said()) == [
        ("escalated_step", BO), ("escalated_step", CY), ("nobody_on_duty", "log:city-hall"),
    ]  # fmt: skip
    assert "nobody on duty, step 1 of grave: schedule:night: nobody_on_duty (off_hours)" in caplog.text
    assert town.history(opened.order_id) == ["dispatch", "nobody_to_tell", "escalated"]
    assert not town.faults()


def test_with_nobody_at_all_the_units_own_contacts_are_told(town: Duties) -> None:
    town.change(STEPS, "    steps:\n      - tell: [schedule:night]")
    town.raised("mh-1", "MH-OPEN")
    town.cycle()
    assert sorted(town.said()) == [("dispatched", "log:drainage"), ("nobody_on_duty", "log:city-hall")]


def test_a_policy_repeats_and_reminds_by_the_clock(town: Duties) -> None:
    town.change(
        STEPS,
        "    remind_every: 5m\n    repeat: {times: 1, every: 12m}\n    steps:\n      - tell: [person:an]",
    )
    (opened,) = town.raised("mh-1", "MH-OPEN")
    for _ in range(24):
        town.cycle(minutes=1)
    said = [purpose for purpose, _ in town.said()]
    assert said == ["dispatched", *["unacknowledged"] * 2, "escalated_step", *["unacknowledged"] * 2]
    town.act(opened.order_id, "ack")
    town.cycle(minutes=30)
    assert len(town.said()) == len(said)


def test_rework_begins_the_policy_anew(town: Duties) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.cycle(minutes=5)
    town.act(opened.order_id, "fix")
    town.mail.sent.clear()
    town.cycle(minutes=30)
    assert town.said() == [("rework", BO)], "the sensor disagrees"
    town.mail.sent.clear()
    town.cycle(minutes=10)
    assert sorted(town.said()) == [("escalated_step", BO), ("escalated_step", CY)]
    assert not town.faults()


def test_a_unit_or_severity_without_a_policy_keeps_its_ladder(town: Duties) -> None:
    town.raised("mh-2", "MH-ROCK")
    town.cycle()
    assert town.said() == [("dispatched", "log:drainage")]


def test_a_hand_over_is_told_to_both_sides_with_the_open_orders(town: Duties) -> None:
    town.cycle()
    assert town.said() == [], "who imports a schedule does not hear of it"
    town.raised("mh-1", "MH-OPEN")
    town.cycle()
    town.mail.sent.clear()
    town.now = town.machine_now = datetime(2026, 6, 12, 9, 59, tzinfo=UTC)
    town.cycle()
    town.mail.sent.clear()
    town.cycle(minutes=1)
    told = {message.target: message for message in town.mail.sent if message.purpose.startswith("handover")}
    assert (told[BO].purpose, told[AN].purpose) == ("handover_out", "handover_in")
    assert "from 2026-06-12 18:00 CST until 2026-06-13 18:00 CST, after Bo" in told[AN].text
    assert "Open orders: 1, of which nobody has acknowledged 1" in told[AN].text
    town.mail.sent.clear()
    town.cycle(minutes=1)
    assert not [one for one in town.said() if one[0].startswith("handover")]


def test_after_a_standstill_only_what_is_different_is_told(town: Duties) -> None:
    town.cycle()
    town.cycle(days=2)
    assert town.said() == [], "who was on duty is on duty again"
    town.db.attempt(
        lambda tx: roster.add_override(
            tx, schedule="duty", person="cy", begin=town.now, end=town.now + timedelta(hours=1), actor="chief", now=town.now
        )
    )
    town.cycle()
    assert sorted(town.said()) == [("handover_in", CY), ("handover_out", BO)], "an override that begins now"


def test_a_graver_case_begins_the_policy_for_its_severity_at_once(town: Duties) -> None:
    policy = (
        "  {0}:\n    unit: lighting\n    severity: [{0}]\n    steps: [{{tell: ['person:{1}']}}, {{after: 2h, tell: [lead]}}]"
    )
    town.change(STEPS, "\n".join((STEPS, policy.format("minor", "an"), policy.format("major", "cy"))))
    (opened,) = town.raised("sl-1", "SL-GEAR")
    town.cycle(minutes=1)
    assert town.said() == [("dispatched", AN)]
    town.raised("sl-1", "SL-OUT")
    town.cycle()
    assert town.said()[1:] == [("escalated_step", CY)]
    with town.db.transaction() as tx:
        row = escalations.of_order(tx, opened.order_id)
    assert row is not None
    assert (row["policy"], row["step"]) == ("major", 0)
    assert not town.faults()


def test_several_cycles_at_once_tell_each_thing_once(town: Duties) -> None:
    for number in range(1, 7):
        town.raised(f"pit-{number}", "MH-OPEN")
    town.cycle()
    town.mail.sent.clear()
    town.now = town.machine_now = datetime(2026, 6, 12, 10, 0, tzinfo=UTC)  # every step is due, and duty changes hands
    with ThreadPoolExecutor(4) as pool:
        runs = [
            pool.submit(
                run_cycle, town.db, now=town.now, infos=town.infos, register_of=lambda: town.register, books=town.books,
                channels=town.channels, machine_now=town.machine_now,
            )
            for _ in range(8)
        ]  # fmt: skip
        assert [error for run in runs for error in run.result().errors] == []
    town.cycle()
    said = Counter((message.purpose, message.target, str(message.data["order"])) for message in town.mail.sent)
    with town.db.transaction() as tx:
        rows = tx.all("SELECT purpose, target, order_id, step FROM outbox WHERE purpose IN ('escalated_step', 'handover_in')")
    assert len(rows) == 6 * 2 + 1, "each order one step further, and one hand-over"
    assert not [key for key, times in said.items() if times > 1 and key[0] != "bundle"]


def test_how_long_it_took_until_somebody_acknowledged_is_measured(town: Duties) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.cycle(minutes=7)
    town.act(opened.order_id, "ack")
    metrics = Metrics(stages=("cycle",))
    report = run_cycle(
        town.db, now=town.now + timedelta(minutes=3), infos=town.infos, register_of=lambda: town.register, books=town.books,
        channels=town.channels, machine_now=town.machine_now, metrics=metrics,
    )  # fmt: skip
    assert not report.errors
    name, severity = "citybrain_acknowledge_delay_seconds", {"severity": "critical"}
    assert metrics.registry.get_sample_value(f"{name}_count", severity) == 1
    assert metrics.registry.get_sample_value(f"{name}_sum", severity) == 420


def test_steps_and_what_reached_nobody_are_counted(town: Duties) -> None:
    town.change("tell: [schedule:duty]", "tell: [schedule:night]")
    town.raised("mh-1", "MH-OPEN")
    town.cycle(minutes=10)
    with town.db.transaction() as tx:
        found = details(tx, town.now)
    assert found.steps_told == {("grave", "2"): 1, ("grave", "3"): 1}
    assert found.nobody == {"grave": 1}
