"""`citybrain orders` and `citybrain alerts` as people call them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from citybrain.cli import alerts, orders
from citybrain.kernel.errors import CityBrainError
from citybrain.store.db import Database
from tests.dispatch_kit import Town

pytestmark = pytest.mark.live

Run = Callable[..., Result]


@pytest.fixture
def town(db: Database) -> Town:
    return Town(db)


@pytest.fixture
def run(db_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Run:
    """Call a command of a group; errors of ours come out as they are."""
    for name in [name for name in os.environ if name.startswith("CITYBRAIN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CITYBRAIN_DATABASE_URL", db_url)
    monkeypatch.setenv("COLUMNS", "200")

    def call(group: Any, *words: str, language: str = "en", code: int = 0) -> Result:
        monkeypatch.setenv("CITYBRAIN_LANGUAGE", language)
        result = CliRunner().invoke(group.app, [*words, "--data-dir", str(tmp_path)])
        if isinstance(result.exception, CityBrainError):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return call


def test_an_order_is_listed_moved_and_shown(town: Town, run: Run) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.cycle()
    table = run(orders, "list").output
    assert all(word in table for word in ("◆ #1", "mh-1", "Drainage service", "→ dispatched"))
    (row,) = json.loads(run(orders, "list", "-o", "json", "--unit", "drainage").output)
    assert (row["id"], row["state"], row["number"]) == (opened.order_id, "dispatched", 1)
    assert json.loads(run(orders, "list", "-o", "json", "--unit", "lighting").output) == []

    assert "dispatched -> acknowledged" in run(orders, "ack", "1", "--actor", "crew 7").output
    assert "done already" in run(orders, "ack", "1", "--actor", "crew 7").output
    assert "-> on site" in run(orders, "arrive", opened.order_id, "--actor", "crew 7").output
    moved = json.loads(run(orders, "fix", "1", "--actor", "crew 7", "-o", "json").output)
    assert moved["state"] == "fixed"

    shown = run(orders, "show", "1").output
    assert all(word in shown for word in ("urgent hours", "crew 7", "log:drainage", "What people may do now: cancel"))
    assert [event["event"] for event in json.loads(run(orders, "show", "1", "-o", "json").output)["events"]][-1] == "fix"


def test_moves_that_are_not_allowed_say_what_would_be(town: Town, run: Run) -> None:
    town.raised("mh-1", "MH-OPEN")
    with pytest.raises(CityBrainError, match="reason: return needs one"):
        run(orders, "return", "1", "--actor", "crew 7")
    with pytest.raises(CityBrainError, match="no order '99'"):
        run(orders, "ack", "99", "--actor", "crew 7")
    with pytest.raises(CityBrainError, match="one of dispatched, acknowledged"):
        run(orders, "list", "--state", "open")
    run(orders, "cancel", "1", "--actor", "officer", "--reason", "planned works")
    with pytest.raises(CityBrainError, match="event 'ack' is not allowed in state 'cancelled'"):
        run(orders, "ack", "1", "--actor", "crew 7")
    assert "no open order" in run(orders, "list").output
    assert "✕ cancelled" in run(orders, "list", "--all").output
    assert "已撤销" in run(orders, "list", "--state", "cancelled", language="zh").output


def test_verify_finds_what_was_changed_behind_our_back(town: Town, run: Run, db_url: str) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.raised("mh-2", "MH-OPEN")
    town.act(opened.order_id, "ack")
    assert "2 orders, 5 entries: nothing was changed" in run(orders, "verify").output
    with psycopg.connect(db_url) as conn:
        conn.execute("UPDATE order_events SET actor = 'somebody else' WHERE event = 'ack'")
    result = run(orders, "verify", code=1)
    assert "hash_mismatch" in result.output
    (fault,) = json.loads(run(orders, "verify", "1", "-o", "json", code=1).stdout)
    assert (fault["order_id"], fault["entry"]) == (opened.order_id, 2)
    assert "nothing was changed" in run(orders, "verify", "2").output


def test_alerts_are_listed_and_shown_with_their_evidence(town: Town, run: Run) -> None:
    town.raised("mh-1", "MH-OPEN")
    town.raised("dr-1", "DR-HIGH")
    table = run(alerts, "list").output
    assert "◆ critical" in table
    assert "○ warning" in table
    (row,) = json.loads(run(alerts, "list", "--severity", "critical", "-o", "json").output)
    shown = run(alerts, "show", row["id"]).output
    assert all(word in shown for word in ("tilt_deg", "12.5", "because_raised"))
    assert json.loads(run(alerts, "show", row["id"], "-o", "json").output)["asset"] == "mh-1"
    assert "no live alert" in run(alerts, "list", "--asset", "nowhere").output
    with pytest.raises(CityBrainError, match="no id of an alert"):
        run(alerts, "show", "17")
    with pytest.raises(CityBrainError, match="--phase 'hot'"):
        run(alerts, "list", "--phase", "hot")


@pytest.mark.parametrize("group", [orders, alerts])
def test_every_command_has_an_example(group: Any) -> None:
    for command in group.app.registered_commands:
        name = command.name or command.callback.__name__
        assert "Example: citybrain " in CliRunner().invoke(group.app, [name, "--help"]).output
