"""The live stream: server-sent events of alerts and orders, resumed by Last-Event-ID."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from citybrain.store.feed import FeedEvent, FeedPosition, stream_since
from console.broadcast import Subscription
from console.context import Console
from console.present import title
from console.problems import responses
from console.routes.common import READ, Shared

router = APIRouter(prefix="/api/stream", tags=["stream"], dependencies=READ)

HEARTBEAT_S = 15.0
"""A comment so often keeps proxies from closing a quiet stream (most do after 30 or 60 s)."""
PAGE = 500
Topic = Literal["alert", "order"]


def block(event: FeedEvent, console: Console) -> bytes:
    """One event in the wire form of server-sent events."""
    data = {**event.row, "title": title(event.row["condition"], console.infos).model_dump()}
    text = orjson.dumps(data, default=str, option=orjson.OPT_UTC_Z)
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (str(event.position).encode(), event.topic.encode(), text)


async def events(
    console: Console, one: Subscription, after: FeedPosition | None, topic: str | None, heartbeat_s: float
) -> AsyncIterator[bytes]:
    """First what was missed since `after`, then what happens, with a comment when nothing does."""
    hello = orjson.dumps({"now": console.clock.now()}, option=orjson.OPT_UTC_Z)
    # a position beyond the end is of another database: resuming there again would miss what comes until then
    begin = one.start if after is None else FeedPosition(*map(min, after, one.start))
    yield b"retry: 2000\nid: %s\nevent: hello\ndata: %s\n\n" % (str(begin).encode(), hello)
    while after is not None and not console.broadcast.closing:
        missed = await asyncio.to_thread(_between, console, after, one.start)
        for event in missed:
            if topic in {None, event.topic}:
                yield block(event, console)
        after = missed[-1].position if missed else None
    while not console.broadcast.closing:
        try:
            live = await one.next(heartbeat_s)
        except TimeoutError:
            yield b": still here\n\n"
            continue
        if live is None:
            break
        if topic in {None, live.topic}:
            yield block(live, console)
    yield b": too slow, come back with Last-Event-ID\n\n" if one.lost else b": the server ends\n\n"


def _between(console: Console, after: FeedPosition, until: FeedPosition) -> list[FeedEvent]:
    with console.db.transaction() as tx:
        return stream_since(tx, after, until=until, limit=PAGE)


@router.get(
    "",
    summary="Live stream",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events `alert` and `order`; the data is JSON; the id is a position to resume at.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **responses(401, 422, 503),
    },
)
async def stream(
    console: Shared,
    last_event_id: Annotated[str | None, Header(description="Resume after this event; browsers send it themselves.")] = None,
    after: Annotated[str | None, Query(description="The same as a parameter; `a0.o0` is the very beginning.")] = None,
    topic: Annotated[Topic | None, Query(description="Only alerts or only orders.")] = None,
) -> StreamingResponse:
    """Alert and order events as they are committed (server-sent events). Without a position it begins now."""
    given = last_event_id or after
    position = FeedPosition.parse(given) if given else None
    # joined here and not in the body, so that "too many" is an answer with a status and not a broken stream
    one = await console.broadcast.join()

    async def body() -> AsyncIterator[bytes]:
        try:
            async for chunk in events(console, one, position, topic, HEARTBEAT_S):
                yield chunk
        finally:
            console.broadcast.leave(one)

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(body(), media_type="text/event-stream", headers=headers)
