"""Dated owners, returns, arbitration, proposals and gaps, as people call them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from citybrain.cli import explain, import_, register, responsibility, returned
from citybrain.clock import real_ms
from citybrain.kernel.errors import CityBrainError
from citybrain.kernel.times import from_ms
from citybrain.store import register as register_store
from citybrain.store.db import Database
from tests.dispatch_kit import Town
from tests.live.test_dispatch_cli import Run, run

__all__ = ["run"]
pytestmark = pytest.mark.live


@pytest.fixture
def town(db: Database) -> Town:
    town = Town(db)
    with db.transaction() as tx:
        register_store.save_assets(tx, list(town.register.assets.values()))
        register_store.save_responsibilities(tx, town.register.responsibilities)
    return town


def test_owners_are_imported_and_explained_with_their_proof(town: Town, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "owners.csv"
    rows = (
        "id,unit,valid_from,valid_to,source",
        "mh-1,drainage,,2020-12-31,interest record 4711",
        "mh-1,lighting,2021-01-01,,contract K-9",
        "mh-9,lighting,,,nobody has this cover",
    )
    file.write_text("\n".join(rows), encoding="utf-8")
    assert "unknown_asset" in run(import_, "ownerships", str(file), code=1).output
    assert "2 new" in run(import_, "ownerships", str(file), "--skip-refused", code=0).output
    shown = run(explain, "route", "mh-1").output
    assert "lighting" in shown
    assert "from 2021-01-01; contract K-9" in shown
    answer = json.loads(run(explain, "route", "mh-1", "-o", "json").output)
    assert answer["trail"][-1]["proof"] == "from 2021-01-01; contract K-9"
    assert "依据" in run(explain, "route", "mh-1", language="zh").output


def test_from_a_return_to_a_better_register(town: Town, run: Run) -> None:
    # the commands read the clock
    town.now = town.machine_now = from_ms(real_ms())
    (opened,) = town.raised("mh-1", "MH-OPEN")
    with pytest.raises(CityBrainError, match="code 'busy': one of not_ours"):
        run(returned, "return", "1", "--code", "busy", "--actor", "desk")
    for desk in ("drainage desk", "office"):
        run(returned, "return", "1", "--code", "not_ours", "--reason", "a cable pit", "--evidence", "photo-1", "--actor", desk)
        town.cycle(seconds=60)
    assert "⚖ in arbitration" in run(returned, "list", "--state", "arbitration").output
    assert json.loads(run(returned, "accuracy", "-o", "json").output) == []
    said = run(returned, "arbitrate", "1", "--unit", "lighting", "--reason", "their cable", "--actor", "Ms Li").output
    assert "in arbitration -> dispatched, with lighting" in said
    shown = run(returned, "show", "1").output
    assert all(word in shown for word in ("not the unit's", "a cable pit; photo-1", "the arbiter decided", "Ms Li"))
    accuracy = run(returned, "accuracy").output
    assert "0.0%" in accuracy
    assert "0 of 1 orders" in accuracy
    assert "准确派遣率" in run(returned, "accuracy", language="zh").output

    table = run(register, "proposals", "list").output
    assert all(word in table for word in ("mh-1", "drainage", "lighting", "an arbiter decided", "offered"))
    said = run(register, "proposals", "accept", "1", "--source", "contract K-9", "--actor", "register office").output
    assert "mh-1 belongs to lighting from today on" in said
    with pytest.raises(CityBrainError, match="accepted"):
        run(register, "proposals", "refuse", "1", "--actor", "x")
    assert json.loads(run(register, "proposals", "list", "-o", "json").output) == []
    (row,) = json.loads(run(register, "proposals", "list", "--all", "-o", "json").output)
    assert (row["state"], row["decided_by"], row["reason"]) == ("accepted", "register office", "contract K-9")
    assert json.loads(run(explain, "route", "mh-1", "-o", "json").output)["unit"] == "lighting"
    assert opened.unit == "drainage"


def test_what_nobody_owns_is_published(town: Town, run: Run, tmp_path: Path) -> None:
    with town.db.transaction() as tx:
        asset = town.register.assets["dr-1"]
        register_store.save_assets(tx, [asset.__class__("dr-far", "drain", district="d9", name="culvert, old")])
    file = tmp_path / "gaps.csv"
    table = run(responsibility, "gaps", "--csv", str(file)).output
    assert "1 of " in table
    assert all(word in table for word in ("dr-far", "street-office", "guardian"))
    (row,) = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    assert (row["asset"], row["level"], row["district"]) == ("dr-far", "guardian", "d9")
    assert json.loads(run(responsibility, "gaps", "-o", "json", "--kind", "manhole").output) == []
    assert "0 of " in run(responsibility, "gaps", "--district", "d1").output
    assert "兜底" in run(responsibility, "gaps", language="zh").output
    with pytest.raises(CityBrainError, match="--csv"):
        run(responsibility, "gaps", "--csv", str(tmp_path))


@pytest.mark.parametrize("app", [register.proposals, responsibility.app], ids=["proposals", "responsibility"])
def test_every_command_has_an_example(app: Any) -> None:
    for command in app.registered_commands:
        name = command.name or command.callback.__name__
        assert "Example: citybrain " in CliRunner().invoke(app, [name, "--help"]).output
