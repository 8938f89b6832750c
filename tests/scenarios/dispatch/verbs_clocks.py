"""Verbs of the clocks: make_safe, ask, approve, refuse, resume, reopen; and what may be expected of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from citybrain.store import clocks as store
from dispatch import pausing, reopening
from dispatch.desk import Moved
from dispatch.pausing import Asked
from tests.scenarios.dispatch.stage import Stage, length
from tests.scenarios.dispatch.verbs import alike, expectation, verb


def _given(argument: Any) -> dict[str, Any]:
    return {"order": argument} if isinstance(argument, str) else dict(argument)


@verb("make_safe")
def make_safe(stage: Stage, argument: Any) -> None:
    """`mh-1`, or `{order: mh-1, by: crew 7, photo: …}`: the barrier stands."""
    given = _given(argument)
    order = stage.order_of(given["order"])
    stage.act(str(order["id"]), "make_safe", given.get("by", "crew 7"), evidence=given.get("photo", ""))
    stage.cycle()


@verb("fix_with")
def fix_with(stage: Stage, argument: Mapping[str, Any]) -> None:
    """`{order: mh-1, done: [seated]}`: fixed, with lines of the closing checklist."""
    order = stage.order_of(argument["order"])
    stage.act(str(order["id"]), "fix", argument.get("by", "crew 7"), checklist=tuple(argument["done"]))
    stage.cycle()


@verb("ask")
def ask(stage: Stage, argument: Mapping[str, Any]) -> None:
    """`{order: mh-1, for: pause, reason: weather, until: 3d}`: the unit asks for its clock."""
    until = stage.now + length(argument["until"]) if "until" in argument else None
    kind, code, actor = argument["for"], argument["reason"], argument.get("by", "crew 7")
    _do(stage, argument, pausing.ask, kind, code=code, actor=actor, until=until)


@verb("approve")
def approve(stage: Stage, argument: Mapping[str, Any]) -> None:
    """`{order: mh-1, by: supervisor B}`."""
    _do(stage, argument, pausing.approve, actor=argument["by"])


@verb("refuse")
def refuse(stage: Stage, argument: Mapping[str, Any]) -> None:
    """`{order: mh-1, by: supervisor B, reason: …}`."""
    _do(stage, argument, pausing.refuse, actor=argument["by"], reason=argument["reason"])


@verb("resume")
def resume(stage: Stage, argument: Any) -> None:
    """The work goes on."""
    given = _given(argument)
    _do(stage, given, pausing.resume, actor=given.get("by", "crew 7"))


@verb("reopen")
def reopen(stage: Stage, argument: Mapping[str, Any]) -> None:
    """`{order: mh-1, by: caller 12345, role: reporter, reason: not_fixed}`."""
    role = argument.get("role", "operator")
    _do(stage, argument, reopening.reopen, code=argument["reason"], actor=argument["by"], role=role)


def _do(stage: Stage, argument: Mapping[str, Any], work: Callable[..., Asked | Moved], *args: Any, **more: Any) -> None:
    order_id = str(stage.order_of(argument["order"])["id"])
    stage.db.attempt(lambda tx: work(tx, stage.look(), order_id, *args, now=stage.now, **more))
    stage.cycle()


@expectation("clocks")
def clocks(stage: Stage, wanted: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """`{mh-1: {repair: {state: running, begun: 0m, due: 2h}}}`; times are counted from the dispatch of the order."""
    for asset, of_clock in wanted.items():
        order = stage.order_of(asset)
        with stage.db.transaction() as tx:
            rows = {row["clock"]: row for row in store.of_order(tx, str(order["id"]))}
        for name, parts in of_clock.items():
            found = dict(rows[name])
            for key, column in (("begun", "begun_at"), ("due", "due_at")):
                found[key] = found[column] - order["dispatched_at"]
            seen = {key: length(value) if key in {"begun", "due"} else value for key, value in parts.items()}
            alike([found], [seen], f"{name} clock of {asset}")


@expectation("checklist")
def checklist(stage: Stage, wanted: Mapping[str, Mapping[str, Any]]) -> None:
    """`{mh-1: {seated: true, road_clear: false}}`: what was done of the closing list of an order."""
    for asset, lines in wanted.items():
        with stage.db.transaction() as tx:
            found = {line["id"]: line.get("done", False) for line in store.checklist(tx, str(stage.order_of(asset)["id"]))}
        assert {line: found.get(line) for line in lines} == lines


@expectation("one_case")
def one_case(stage: Stage, asset: str) -> None:
    """Of all that happened to an asset there is one case and one order, with every alert in it and an unbroken ledger."""
    cases = [row for row in stage.cases() if row["asset"] == asset]
    orders = [row for row in stage.orders() if row["asset"] == asset]
    assert (len(cases), len(orders)) == (1, 1), (len(cases), len(orders))
    assert str(orders[0]["case_id"]) == str(cases[0]["id"])
    assert {str(row["case_id"]) for row in stage.alerts() if row["asset"] == asset} == {str(cases[0]["id"])}
    assert not stage.faults()
