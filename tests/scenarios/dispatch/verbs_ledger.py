"""Verbs of the ledger: appeal; and `scores`: the figures of the database, and of an export of it, which must agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dispatch.appeals import appeal as appeal_of
from dispatch.bundle import Bundle, write
from dispatch.checking import check_bundle
from dispatch.ledger import read
from dispatch.scores.figures import score
from dispatch.scores.history import histories
from dispatch.scores.rules import load_rules
from tests.scenarios.dispatch.stage import Stage
from tests.scenarios.dispatch.verbs import expectation, verb


@verb("appeal")
def appeal(stage: Stage, argument: Mapping[str, Any]) -> None:
    """`{order: mh-1, by: drainage desk, reason: …}`; with `answer: approve` or `refuse` the answer to it."""
    order, event = stage.order_of(argument["order"]), argument.get("answer", "ask")
    stage.db.attempt(
        lambda tx: appeal_of(
            tx, str(order["id"]), event, actor=argument["by"], reason=argument.get("reason", "road closed"), now=stage.now
        )
    )


@expectation("scores")
def scores(stage: Stage, wanted: Mapping[str, str]) -> None:
    """`{ended_rate: 3/3, solving_rate: 1/3}`: counted of asked."""
    rules = load_rules()
    folder = stage.folder / f"export-{len(list(stage.folder.glob('export-*')))}"
    with stage.db.transaction() as tx:
        here = histories(read(tx))
    with stage.db.transaction() as tx:
        write(tx, folder, now=stage.now, program="scenario")
    bundle = Bundle(folder)
    assert check_bundle(bundle).faults == []
    found = score(here, rules, asof=stage.now)
    assert found == score(histories(bundle.entries()), rules, asof=bundle.manifest.asof)
    whole = {figure.id: figure.whole for figure in found.figures}
    assert {name: f"{whole[name].n}/{whole[name].of}" for name in wanted} == dict(wanted)
