"""Grouping in scenarios: what a table is refused for, what a group is known by, what the ledger notes of a case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from citybrain.store import cases
from dispatch import ledger
from dispatch.grouping_file import check_grouping
from tests.scenarios.dispatch.stage import Stage
from tests.scenarios.dispatch.verbs import expectation, verb


@verb("grouping_faults")
def grouping_faults(stage: Stage, argument: Mapping[str, Any]) -> None:
    """The faults of a table of the scenario's folder; each wanted one must end with these words."""
    table = stage.folder / argument["file"]
    found = [str(fault) for fault in check_grouping(table, filings=list(stage.books.profile.items))]
    assert len(found) == len(argument["faults"]), found
    assert all(words in fault for fault, words in zip(found, argument["faults"], strict=True)), found


@expectation("group")
def group(stage: Stage, wanted: Mapping[str, Mapping[str, Any]]) -> None:
    """What the open case of an asset knows of its children."""
    for asset, facts in wanted.items():
        (case,) = [case for case in stage.cases(asset=asset) if case["state"] == "open"]
        with stage.db.transaction() as tx:
            found = cases.facts(tx, str(case["id"]))
        assert {key: found.get(key) for key in facts} == facts, f"{asset}: {found}"


@expectation("noted_why")
def noted_why(stage: Stage, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Notes in the ledger of the newest case of an asset, with their reasons."""
    for asset, notes in wanted.items():
        case = stage.cases(asset=asset)[-1]
        with stage.db.transaction() as tx:
            found = {entry.event: entry.reason for entry in ledger.read(tx) if entry.case_id == str(case["id"])}
        assert {key: found.get(key) for key in notes} == notes, f"{asset}: {found}"
