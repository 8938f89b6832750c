"""Export and figures: from the export alone they are those of the database; appeals; the commands as people call them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer
from typer.testing import CliRunner, Result

from citybrain.cli import appeals as appeals_cli
from citybrain.cli import export as export_cli
from citybrain.cli import ledger as ledger_cli
from citybrain.cli import orders as orders_cli
from citybrain.cli import score as score_cli
from citybrain.cli.mount import mount
from citybrain.kernel.errors import CityBrainError, InputError, StateError
from citybrain.store import ledger as store
from citybrain.store.db import Database
from citybrain.store.gauges import details
from dispatch import pausing, reopening
from dispatch.appeals import Appealed, appeal
from dispatch.bundle import Bundle, write
from dispatch.checking import check_bundle
from dispatch.ledger import entry_of
from dispatch.scores.figures import Scores, score, to_json
from dispatch.scores.gaming import signs
from dispatch.scores.history import OrderHistory, histories
from dispatch.scores.rules import load_rules
from tests.dispatch_kit import NOON, Town
from tests.live.test_ledger import busy

pytestmark = pytest.mark.live

RULES = load_rules()
Run = Callable[..., Result]


@pytest.fixture
def town(db: Database) -> Town:
    return Town(db)


@pytest.fixture
def run(db_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    for name in [name for name in os.environ if name.startswith("CITYBRAIN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CITYBRAIN_DATABASE_URL", db_url)
    monkeypatch.setenv("COLUMNS", "250")

    root = typer.Typer()
    mount(root)

    def call(*words: str, language: str = "en", code: int = 0) -> Result:

        monkeypatch.setenv("CITYBRAIN_LANGUAGE", language)
        result = CliRunner().invoke(root, [*words, "--data-dir", str(tmp_path / "data")])
        if isinstance(result.exception, CityBrainError):
            raise result.exception
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return call


def of_database(town: Town) -> Scores:
    with town.db.transaction() as tx:
        return score(histories(entry_of(row) for row in store.stream(tx)), RULES, asof=town.now)


def late(town: Town) -> str:
    """An order that was fixed after its limit."""
    (order,) = town.raised("pit-1", "MH-OPEN")
    onset = town.now
    town.cycle(hours=3)
    town.act(order.order_id, "fix", "crew 9")
    town.resolved("pit-1", "MH-OPEN", onset)
    town.cycle(hours=2)
    return order.order_id


def test_an_export_gives_the_figures_of_the_database(town: Town, tmp_path: Path) -> None:
    busy(town)
    late(town)
    town.cycle(hours=40)
    with town.db.transaction() as tx:
        manifest = write(tx, tmp_path / "out", now=town.now, program="test")
    bundle = Bundle(tmp_path / "out")
    assert bundle.manifest == manifest
    found = score(histories(bundle.entries()), RULES, asof=manifest.asof)
    assert to_json(found) == to_json(of_database(town))
    figures = {figure.id: figure.whole for figure in found.figures}
    assert figures["on_time_closing_rate"].n < figures["on_time_closing_rate"].of
    assert figures["closed_late"].value == 1
    assert figures["return_rate"].n == 1
    with town.db.transaction() as tx:
        rough = details(tx, town.now)
    assert rough.settled == {("late", "drainage"): 1, ("in_time", "drainage"): 1} | {
        key: n for key, n in rough.settled.items() if key[1] != "drainage"
    }
    assert rough.anchors == 1
    assert 0 <= rough.newer_entries < manifest.entries
    checked = check_bundle(bundle)
    assert (checked.faults, checked.anchors, checked.entries) == ([], 1, manifest.entries)
    assert signs(histories(bundle.entries()), RULES, asof=manifest.asof) == []


def test_an_export_that_was_changed_is_not_read(town: Town, tmp_path: Path) -> None:
    busy(town)
    with town.db.transaction() as tx:
        write(tx, tmp_path / "out", now=town.now, program="test")
    with town.db.transaction() as tx, pytest.raises(InputError, match="not empty"):
        write(tx, tmp_path / "out", now=town.now, program="test")
    file = tmp_path / "out" / "entries.jsonl"
    file.write_bytes(file.read_bytes().replace(b"crew 7", b"crew 8"))
    with pytest.raises(InputError, match="not the file that was exported"):
        list(Bundle(tmp_path / "out").entries())
    with pytest.raises(InputError, match="no export"):
        Bundle(tmp_path)


def test_an_export_of_a_span_has_the_whole_lives_of_its_cases(town: Town, tmp_path: Path) -> None:
    (old,) = town.raised("mh-1", "MH-OPEN")
    onset = town.now
    town.act(old.order_id, "fix")
    town.resolved("mh-1", "MH-OPEN", onset)
    town.cycle(hours=2)
    town.cycle(days=10)
    late(town)
    with town.db.transaction() as tx:
        write(tx, tmp_path / "out", now=town.now, program="test", begin=NOON + timedelta(days=9))
    bundle = Bundle(tmp_path / "out")
    assert not bundle.manifest.complete
    assert [case.asset for case in histories(bundle.entries())] == ["pit-1"]
    assert check_bundle(bundle).faults == []


def test_pauses_and_reopenings_are_read_from_the_ledger(town: Town) -> None:
    (order,) = town.raised("mh-1", "MH-OPEN")
    onset, name = town.now, order.order_id
    town.cycle(minutes=60)
    town.db.attempt(lambda tx: pausing.ask(tx, town.look(), name, "pause", code="weather", actor="crew", now=town.now))
    town.cycle(minutes=10)
    town.db.attempt(lambda tx: pausing.approve(tx, town.look(), name, actor="boss", now=town.now))
    town.cycle(hours=5)
    town.db.attempt(lambda tx: pausing.resume(tx, town.look(), name, actor="crew", now=town.now))
    town.cycle(minutes=20)
    town.act(name, "fix")
    town.resolved("mh-1", "MH-OPEN", onset)
    town.cycle(hours=2)

    def history() -> OrderHistory:
        with town.db.transaction() as tx:
            (case,) = histories(entry_of(row) for row in store.stream(tx))
        assert case.order is not None
        return case.order

    found = history()
    (stop,) = found.stops
    assert (stop.kind, stop.begin, stop.end) == ("paused", onset + timedelta(minutes=60), onset + timedelta(minutes=370))
    assert (found.state, found.clock) == ("closed", "met")
    rate = next(one for one in of_database(town).figures if one.id == "on_time_closing_rate")
    assert rate.whole[1:] == (1, 1)
    town.db.attempt(lambda tx: reopening.reopen(tx, town.look(), name, code="not_fixed", actor="city hall", now=town.now))
    again = history()
    assert (again.state, again.done_at, len(again.reopened)) == ("dispatched", None, 1)
    back = next(one for one in of_database(town).figures if one.id == "solving_rate")
    assert back.whole.of == 0, "it is open again"
    assert town.faults() == []


def test_an_appeal_is_asked_by_one_and_decided_by_another(town: Town) -> None:
    order = late(town)
    (good,) = town.raised("mh-2", "MH-OPEN")

    def ask(order_id: str, event: str, actor: str = "drainage desk", reason: str = "road closed") -> Appealed:
        return town.db.attempt(lambda tx: appeal(tx, order_id, event, actor=actor, reason=reason, now=town.now))

    with pytest.raises(StateError, match="appeal: event 'ask' is not allowed in state 'in time'"):
        ask(good.order_id, "ask")
    with pytest.raises(StateError, match="event 'approve' is not allowed in state 'none'"):
        ask(order, "approve")
    with pytest.raises(InputError, match="need both"):
        ask(order, "ask", reason=" ")
    assert ask(order, "ask").appeal == "asked"
    with pytest.raises(InputError, match="somebody else must decide"):
        ask(order, "approve")
    before = next(one for one in of_database(town).figures if one.id == "on_time_closing_rate")
    assert ask(order, "approve", "city hall").appeal == "approved"
    after = next(one for one in of_database(town).figures if one.id == "on_time_closing_rate")
    assert (before.whole.of, after.whole.of) == (1, 0)
    with pytest.raises(StateError):
        ask(order, "refuse", "city hall")
    assert town.faults() == []


def test_the_commands(town: Town, run: Run, tmp_path: Path, db_url: str) -> None:
    busy(town)
    late(town)
    town.cycle(hours=24)
    assert "nothing was changed" in run("ledger", "verify").output
    kept = tmp_path / "kept.jsonl"
    run("ledger", "anchor", "--out", str(kept))
    assert "nothing was changed" in run("ledger", "verify", "--anchors", str(kept)).output
    run("export", "--out", str(tmp_path / "out"))
    assert "均未被改动" in run("ledger", "verify", "--export", str(tmp_path / "out"), language="zh").output
    table = run("score", "--export", str(tmp_path / "out"), language="zh").output
    assert "按期结案率" in table
    assert "drainage" in run("score", "--export", str(tmp_path / "out"), "--by", "unit").output
    one = json.loads(run("score", "-o", "json", "--export", str(tmp_path / "out")).output)
    two = json.loads(run("score", "-o", "json").output)
    assert one["figures"]["closing_rate"]["by"] == two["figures"]["closing_rate"]["by"]
    assert "no sign" in run("score", "gaming").output
    late_one = next(row["number"] for row in town.orders() if row["overdue_at"])
    say = ("orders", "appeal", str(late_one), "--reason", "the police closed the road", "--actor")
    assert "written down" in run(*say, "desk").output
    assert "does not count" in run(*say, "city hall", "--approve").output
    with psycopg.connect(db_url) as conn:
        conn.execute("UPDATE ledger_anchors SET entries = entries + 1")
    output = run("ledger", "verify", "--anchors", str(kept), code=1).output
    assert "anchor_changed" in output
    assert "anchored_differ" in output


@pytest.mark.parametrize("group", [ledger_cli, appeals_cli, orders_cli])
def test_every_command_has_an_example(group: Any) -> None:
    for command in group.app.registered_commands:
        assert "Example: citybrain " in (command.callback.__doc__ or "")


@pytest.mark.parametrize("module", [export_cli, score_cli])
def test_single_commands_have_one_too(module: Any) -> None:
    root = typer.Typer()
    module.register(root)
    (command,) = root.registered_commands
    assert "Example: citybrain " in (command.callback.__doc__ or "")
