"""Complaints of users of comparable systems, each a folder: what happened to them, and what happens here instead.

Every scenario is played through the intakes of both runtimes. Ledgers must be whole at the end of each.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from citybrain.store.db import Database
from tests.scenarios.dispatch.intake import Embedded, Intake, cluster
from tests.scenarios.dispatch.stage import Stage
from tests.scenarios.dispatch.verbs import play

pytestmark = pytest.mark.live

HERE = Path(__file__).parent
FOLDERS = sorted(path.parent for path in HERE.glob("*/scenario.yml"))
for _file in sorted(HERE.glob("verbs_*.py")):
    importlib.import_module(f"{__package__}.{_file.stem}")


@pytest.fixture(scope="module")
def embedded() -> Intake:
    """The intake of the embedded runtime."""
    return Embedded()


@pytest.fixture(scope="module")
def through_kafka(kafka_url: str) -> Iterator[Intake]:
    """The intake of the cluster runtime."""
    with cluster(kafka_url) as intake:
        yield intake


@pytest.mark.parametrize("runtime", ["embedded", "through_kafka"])
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_others_complain_about(
    folder: Path, runtime: str, db: Database, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    plan = yaml.safe_load((folder / "scenario.yml").read_text(encoding="utf-8"))
    stage = Stage(db, request.getfixturevalue(runtime), plan, tmp_path)
    with stage.channels:
        for number, step in enumerate(plan["steps"], 1):
            try:
                play(stage, step)
            except Exception as error:
                error.add_note(f"in step {number} of {folder.name}: {step}; city time {stage.now.isoformat()}")
                raise
        assert not stage.faults()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_scenario_says_whose_complaint_it_is(folder: Path) -> None:
    plan = yaml.safe_load((folder / "scenario.yml").read_text(encoding="utf-8"))
    assert re.fullmatch(r"(\d\d|cn)_[a-z0-9_]+", folder.name), "number of the complaint, then its words"
    assert plan["complaint"]
    assert plan["want"]
    assert any("expect" in step or "refused" in step for step in plan["steps"]), "it expects nothing"
    assert set(plan) <= {"complaint", "want", "start", "city", "settings", "files", "steps"}
