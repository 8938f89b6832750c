"""Work orders: read them, and move them."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query

from citybrain.store import views
from console import paging, present
from console.models import Move, Order, OrderDetail
from console.problems import responses
from console.routes.common import READ, WRITE, Shared
from dispatch.desk import act

router = APIRouter(prefix="/api/orders", tags=["orders"])

Verb = Literal["ack", "arrive", "make_safe", "fix", "return", "cancel"]
State = Literal[
    "dispatched", "acknowledged", "on_site", "fixed", "verified", "closed", "returned", "arbitration", "rework", "cancelled"
]
OrderName = Annotated[str, Path(description="Id or number of the order.", max_length=40)]


@router.get("", summary="List work orders", dependencies=READ, responses=responses(401, 422, 503))
def list_orders(
    console: Shared,
    state: Annotated[State | None, Query(description="Only in this state.")] = None,
    unit: Annotated[str | None, Query(description="Only of this unit.")] = None,
    asset: Annotated[str | None, Query(description="Only for this asset.")] = None,
    case: Annotated[UUID | None, Query(description="Only of this case.")] = None,
    only_open: Annotated[bool, Query(alias="open", description="Only those that are neither closed nor cancelled.")] = False,
    overdue: Annotated[bool, Query(description="Only those that fell behind their limit.")] = False,
    cursor: paging.After = None,
    limit: paging.Limit = 50,
) -> paging.Page[Order]:
    """Work orders that match every filter, newest first."""
    after = paging.number("orders", cursor)
    now = console.clock.now()
    with console.db.transaction() as tx:
        rows = views.orders(
            tx, limit=limit, asset=asset, unit=unit, state=state, case=case, open_only=only_open, overdue=overdue, after=after
        )
    following = paging.encode("orders", rows[-1]["number"]) if len(rows) == limit else None
    return paging.Page(items=[present.order(row, console.infos, now) for row in rows], next=following, now=now)


@router.get("/{order}", summary="Show one work order", dependencies=READ, responses=responses(401, 404, 422, 503))
def show_order(console: Shared, order: OrderName) -> OrderDetail:
    """One order with its moves, how its unit was found and how its deadline was calculated."""
    with console.db.transaction() as tx:
        row = views.order(tx, views.order_id(tx, order))
    return present.order_detail(row, console.infos, console.clock.now())


@router.post("/{order}/{verb}", summary="Move a work order", dependencies=WRITE, responses=responses(401, 404, 409, 422, 503))
def move_order(
    console: Shared,
    order: OrderName,
    verb: Annotated[
        Verb,
        Path(description="ack: the unit takes it; arrive: on site; make_safe: the barrier stands; fix: done; return; cancel."),
    ],
    move: Move,
) -> OrderDetail:
    """Acknowledge an order, arrive, report it safe or fixed, return it with a reason, or cancel it with a reason."""
    now = console.clock.now()
    with console.db.transaction() as tx:
        found = views.order_id(tx, order)
    # the database may ask to try again: each try is a transaction of its own
    given = move.model_dump()
    console.db.attempt(lambda tx: act(tx, str(found), verb, **given, now=now))
    with console.db.transaction() as tx:
        row = views.order(tx, found)
    return present.order_detail(row, console.infos, console.clock.now())
