"""Dashboards, their words and where they read: one thing says what the other does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from console.reference import reference
from tests.docs.markdown import ROOT

GRAFANA = ROOT / "ops" / "grafana"
BOARDS = sorted((GRAFANA / "dashboards" / "json").glob("*/*.json"))
RECORDED = re.compile(r"^\s*- record: (\S+)", re.MULTILINE)
ASKED = re.compile(r"(?<![\w:])([a-z_]+:[a-z_0-9]+:[a-z_0-9]+|(?:citybrain|process)_[a-z_]+)(?![\w:])")


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def _targets(board: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    panels = json.loads(board.read_text("utf-8"))["panels"]
    return [(panel, target) for panel in panels for target in panel.get("targets", ())]


@pytest.mark.parametrize("board", BOARDS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_panel_asks_for_a_metric_that_is_not_there(board: Path) -> None:
    known = {entry.name for entry in reference()}
    known |= set(RECORDED.findall((ROOT / "ops" / "prometheus" / "rules" / "recording.yml").read_text("utf-8")))
    for panel, target in _targets(board):
        for name in ASKED.findall(target.get("expr", "")):
            family = re.sub(r"_(bucket|sum|count)$", "", name)
            assert name in known or family in known, f"{panel['title']} asks for {name}"


def test_every_metric_is_somewhere_to_be_seen() -> None:
    shown = " ".join(target.get("expr", "") for board in BOARDS for _, target in _targets(board))
    rules = " ".join(path.read_text("utf-8") for path in (ROOT / "ops" / "prometheus" / "rules").glob("*.yml"))
    # told by the others already, or by the program that is asked
    left = {"citybrain_build_info", "process_virtual_memory_bytes"}
    unseen = {entry.name for entry in reference() if entry.name not in shown + rules}
    assert unseen == left, "give them a panel in ops/grafana/dashboards (see CONTRIBUTING.md)"


@pytest.mark.parametrize("board", BOARDS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_panels_read_where_data_sources_are_provisioned(board: Path) -> None:
    sources = _load(GRAFANA / "provisioning" / "datasources" / "citybrain.yml")["datasources"]
    known = {(source["type"], source["uid"]) for source in sources}
    for panel, target in _targets(board):
        for where in (panel["datasource"], target["datasource"]):
            assert (where["type"], where["uid"]) in known, panel["title"]
        assert panel["title"]
        assert panel["description"], panel["title"]


def test_dashboards_are_provisioned_from_where_they_are() -> None:
    providers = _load(GRAFANA / "provisioning" / "dashboards" / "citybrain.yml")["providers"]
    assert {Path(one["options"]["path"]).name for one in providers} == {board.parent.name for board in BOARDS}
    uids = [json.loads(board.read_text("utf-8"))["uid"] for board in BOARDS]
    assert len(set(uids)) == len(BOARDS) == 10
    for board in BOARDS:
        text = board.read_text("utf-8")
        for uid in re.findall(r'"/d/([\w-]+)\?', text):
            assert uid in uids
            assert uid.endswith(board.parent.name), "a link stays in its language"


def test_both_languages_say_the_same_things() -> None:
    en, zh = (_load(GRAFANA / "dashboards" / "strings" / f"{language}.yml") for language in ("en", "zh"))

    def keys(tree: Any, path: str = "") -> set[str]:
        if not isinstance(tree, dict):
            return {path}
        return {found for key, value in tree.items() for found in keys(value, f"{path}/{key}")}

    assert keys(en) == keys(zh)


def test_both_languages_ask_the_same() -> None:
    for board in (path for path in BOARDS if path.parent.name == "en"):
        twin = board.parent.parent / "zh" / board.name
        exprs = [[target.get("expr") for _, target in _targets(one)] for one in (board, twin)]
        assert exprs[0] == exprs[1]
