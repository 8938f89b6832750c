"""Verbs of responsibility and of the watch over the test message, and what may be expected of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from citybrain.kernel.register import Ownership
from citybrain.kernel.times import to_ms
from citybrain.store import register as register_store
from citybrain.store import returns, views
from dispatch import proposals
from dispatch.owners import unowned
from dispatch.returns import MISDIRECTED
from dispatch.testorder import take_test
from dispatch.watching import WatchPlan
from tests.scenarios.dispatch.stage import Stage
from tests.scenarios.dispatch.verbs import alike, expectation, length, verb


@verb("owns")
def owns(stage: Stage, argument: Mapping[str, Any]) -> None:
    """`{asset: …, unit: …, from: 2026-07-01, to: …, source: "contract K-9"}`."""
    days = [date.fromisoformat(str(argument[key])) if key in argument else None for key in ("from", "to")]
    with stage.db.transaction() as tx:
        owner = Ownership(argument["asset"], argument["unit"], *days, argument.get("source", ""))
        register_store.save_ownerships(tx, [owner])
    _follow(stage)


@verb("arbitrate")
def arbitrate(stage: Stage, argument: Mapping[str, Any]) -> None:
    """`{order: mh-1, unit: …, by: …, reason: …}`."""
    order = stage.order_of(argument["order"])
    given = {"actor": argument.get("by", "district"), "reason": argument.get("reason", "it is theirs")}
    stage.arbitrate(str(order["id"]), argument["unit"], **given)
    stage.cycle()


@verb("proposal")
def proposal(stage: Stage, argument: Mapping[str, Any]) -> None:
    """`{of: mh-1, state: accepted, words: …}`: the newest proposal about an asset is decided."""
    with stage.db.transaction() as tx:
        (row,) = [row for row in returns.proposals(tx, state="offered") if row["asset"] == argument["of"]]
        words = argument.get("words", "")
        proposals.decide(tx, row["number"], argument["state"], actor="register office", words=words, now=stage.now)
    _follow(stage)


def _follow(stage: Stage) -> None:
    """The processes that run take the change of the register over."""
    with stage.db.transaction() as tx:
        stage.register.ownerships = dict(register_store.load_ownerships(tx))


@verb("move")
def move(stage: Stage, argument: Mapping[str, Any]) -> None:
    """`{order: mh-1, event: close, by: …}`: whatever somebody tries."""
    order = stage.order_of(argument["order"])
    stage.act(str(order["id"]), argument["event"], argument.get("by", "crew 7"), argument.get("reason", ""))
    stage.cycle()


@verb("watch")
def watch(stage: Stage, argument: Mapping[str, Any]) -> None:
    """`{every_s: 10, missed: 6, contacts: [log:duty]}`: from now on test messages are expected."""
    plan = WatchPlan(argument["every_s"], argument["missed"], tuple(argument["contacts"]))
    stage.books = replace(stage.books, watch=plan)
    stage.cycle()


@verb("canary")
def canary(stage: Stage, argument: Any) -> None:
    """A test message comes through."""
    assert argument is True
    with stage.db.transaction() as tx:
        assert take_test(tx, to_ms(stage.machine_now) - 200, now=stage.now, machine_now=stage.machine_now)
    stage.cycle()


@verb("switched_off")
def switched_off(stage: Stage, argument: Any) -> None:
    """The program is switched off for so long."""
    span = length(argument)
    stage.now += span
    stage.machine_now += span
    stage.cycle()


@expectation("trail")
def trail(stage: Stage, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """What the last step of the trail of an asset's newest order says: level, reason, proof, detail."""
    for asset, part in wanted.items():
        last = stage.order_of(asset)["trail"][-1]
        assert {key: last[key] for key in part} == part, f"trail of {asset}: {last}"


@expectation("returns")
def how_returned(stage: Stage, wanted: Mapping[str, list[str]]) -> None:
    """`unit code -> unit that got it next` of each return of an asset's newest order."""
    for asset, said in wanted.items():
        with stage.db.transaction() as tx:
            found = [
                f"{row['unit']} {row['code']} -> {row['sent_to']}" for row in returns.of_order(tx, stage.order_of(asset)["id"])
            ]
        assert found == said, f"returns of {asset}: {found}"


@expectation("first_dispatch")
def first_dispatch(stage: Stage, wanted: Mapping[str, list[int]]) -> None:
    """unit that got orders first -> [how many, how many were not its own]."""
    with stage.db.transaction() as tx:
        found = {one.unit: [one.orders, one.misdirected] for one in returns.accuracy(tx, MISDIRECTED)}
    assert found == dict(wanted), f"first dispatch: {found}"


@expectation("proposals")
def offered(stage: Stage, wanted: Any) -> None:
    """Proposals, newest first: a number, or parts of each."""
    with stage.db.transaction() as tx:
        alike(returns.proposals(tx), wanted, "proposals")


@expectation("unowned")
def nobodys(stage: Stage, wanted: list[str]) -> None:
    """`asset unit` of what nobody owns, by asset."""
    found = [f"{one.asset} {one.unit}" for one in unowned(stage.register, stage.now)]
    assert found == wanted, f"unowned: {found}"


@expectation("figures")
def figures(stage: Stage, wanted: Mapping[str, int]) -> None:
    """How many orders, alerts and cases the city counts."""
    with stage.db.transaction() as tx:
        rows = {
            "orders": views.orders(tx, limit=500),
            "alerts": views.alerts(tx, limit=500),
            "cases": views.cases(tx, limit=500),
        }
    assert {name: len(rows[name]) for name in wanted} == dict(wanted)
