"""Links in notices: acknowledge an order or report it fixed, without a login.

GET shows what the link would do and changes nothing, since mail scanners and chat programs open every link; only the button
(POST) does it, through `dispatch.desk`, in the transaction that notes the link as used.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from citybrain.kernel.errors import CityBrainError, NotFound, StateError
from citybrain.linkkey import link_key
from citybrain.store import orders, outbox, views
from citybrain.store.db import Tx
from citybrain.text import code_text, text
from console import linkpage
from console.context import Console
from console.ratelimit import RateLimit
from console.routes.common import Shared
from dispatch.desk import act
from dispatch.links import Claim, read
from dispatch.orders import allowed

log = logging.getLogger(__name__)

router = APIRouter(prefix="/l", include_in_schema=False)

PER_MINUTE, BURST = 30, 20
"""Requests of one address: a crew behind one telephone network shares an address, a program that guesses does not get far."""


class _Used(CityBrainError):
    """The link was used before."""

    def __init__(self, at: datetime) -> None:
        super().__init__("the link was used before")
        self.at = at


@router.get("/{token}")
def ask(request: Request, console: Shared, token: str) -> HTMLResponse:
    """What the link would do, with a button. Changes nothing."""
    return _answer(request, console, token, do=False)


@router.post("/{token}")
def do(request: Request, console: Shared, token: str) -> HTMLResponse:
    """Do it, once."""
    return _answer(request, console, token, do=True)


def _answer(request: Request, console: Console, token: str, *, do: bool) -> HTMLResponse:
    language = linkpage.language_of(request.headers.get("accept-language"), console.settings.language)
    if not _limit(request).allow(request.client.host if request.client else ""):
        return _page(429, linkpage.told(language, "busy"), {"Retry-After": "60"})
    claim = read(link_key(console.settings), token)
    if claim is None:
        return _page(404, linkpage.told(language, "wrong"))
    now = console.clock.now()
    if now >= claim.expires:
        return _page(410, linkpage.told(language, "expired", at=_wall(claim.expires, None)))
    try:
        if do:
            return _page(200, console.db.attempt(lambda tx: _done(tx, claim, now, language)))
        with console.db.transaction() as tx:
            return _page(200, _asked(tx, claim, console, language))
    except _Used as used:
        return _page(410, linkpage.told(language, "used", at=_wall(used.at, None)))
    except NotFound:
        return _page(404, linkpage.told(language, "wrong"))
    except StateError:
        with console.db.transaction() as tx:
            order = views.order(tx, views.order_id(tx, claim.order_id))
        state = code_text("console.state_", order["state"], language)
        return _page(409, linkpage.told(language, "state", number=order["number"], state=state))
    except CityBrainError as error:
        # answered here: elsewhere the log would show the path, which is the link
        log.warning("a link could not be followed: %s", error)
        return _page(503, linkpage.told(language, "down"), {"Retry-After": "5"})


def _asked(tx: Tx, claim: Claim, console: Console, language: str) -> str:
    order = _usable(tx, claim)
    if claim.verb not in allowed(order["state"]):
        raise StateError("order", order["state"], claim.verb)
    info = console.infos.get(order["condition"])
    title = info.title(language) if info else order["condition"]
    place = outbox.orders_now(tx, [{"order_id": order["id"]}])[order["id"]]["asset_name"] or order["asset"]
    unit = orders.unit(tx, order["unit"])
    return linkpage.page(
        language,
        text(f"links.{claim.verb}_title", language, number=order["number"]),
        text("links.ask", language, title=title, place=place, due=_wall(order["due_at"], unit.timezone if unit else None)),
        text("links.as_whom", language, person=claim.person),
        button=text(f"links.{claim.verb}_button", language),
    )


def _done(tx: Tx, claim: Claim, now: datetime, language: str) -> str:
    order = _usable(tx, claim)
    fresh = outbox.use_link(
        tx, claim.nonce, order_id=claim.order_id, verb=claim.verb, actor=claim.person, at=now, expires=claim.expires
    )  # fmt: skip
    if not fresh:
        raise _Used(now)
    act(tx, claim.order_id, claim.verb, actor=claim.person, now=now, detail="by a link in a notice")
    done = text(f"links.{claim.verb}_done", language, number=order["number"])
    return linkpage.page(language, done, text("links.close", language))


def _usable(tx: Tx, claim: Claim) -> dict[str, Any]:
    used = outbox.link_used(tx, claim.nonce)
    if used is not None:
        raise _Used(used["used_at"])
    return views.order(tx, views.order_id(tx, claim.order_id))


def _limit(request: Request) -> RateLimit:
    found = getattr(request.app.state, "link_limit", None)
    if not isinstance(found, RateLimit):
        found = request.app.state.link_limit = RateLimit(PER_MINUTE, BURST)
    return found


def _wall(at: datetime, zone: str | None) -> str:
    return at.astimezone(ZoneInfo(zone or "UTC")).strftime("%Y-%m-%d %H:%M %Z")


def _page(status: int, content: str, headers: dict[str, str] | None = None) -> HTMLResponse:
    return HTMLResponse(content, status, headers={**linkpage.HEADERS, **(headers or {})})
