import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from citybrain.store.feed import FeedEvent, FeedPosition
from console.broadcast import Broadcast
from console.routes.stream import events

AT = datetime(2026, 3, 2, tzinfo=UTC)


def _event(number: int) -> FeedEvent:
    return FeedEvent(FeedPosition(number, 0), "alert", {"at": AT, "condition": "MH-OPEN", "detail": "井\n\ndata: x"})


def _run(test: Callable[[Any, Broadcast, list[FeedEvent]], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def body() -> None:
        log: list[FeedEvent] = []
        cast = Broadcast(lambda after: log[after.alerts :], lambda: FeedPosition(len(log), 0), poll_s=0.005, **options)
        task = asyncio.create_task(cast.run())
        console = SimpleNamespace(broadcast=cast, clock=SimpleNamespace(now=lambda: AT), infos={})
        try:
            await asyncio.wait_for(test(console, cast, log), 5)
        finally:
            cast.close()
            await task

    asyncio.run(body())


async def _next(stream: AsyncIterator[bytes]) -> bytes:
    return await asyncio.wait_for(anext(stream), 2)


def test_hello_then_events_then_comments_while_nothing_happens() -> None:
    async def test(console: Any, cast: Broadcast, log: list[FeedEvent]) -> None:
        stream = events(console, await cast.join(), None, None, 0.05)
        assert (await _next(stream)).startswith(b"retry: 2000\nid: a0.o0\nevent: hello\n")
        log.append(_event(1))
        found = await _next(stream)
        head, data, rest = found.decode().split("\n", 2)
        assert (head, data) == ("id: a1.o0", "event: alert")
        assert json.loads(rest.removeprefix("data: "))["detail"] == "井\n\ndata: x", (
            "a line feed of a device cannot end an event"
        )
        assert found.count(b"\n\n") == 1
        assert await _next(stream) == b": still here\n\n"

    _run(test)


def test_a_position_of_another_database_is_not_handed_back() -> None:
    async def test(console: Any, cast: Broadcast, log: list[FeedEvent]) -> None:
        log.append(_event(1))
        console.db = SimpleNamespace(transaction=lambda: nullcontext(SimpleNamespace(all=lambda *_, **__: [])))
        stream = events(console, await cast.join(), FeedPosition(99, 99), None, 0.05)
        assert (await _next(stream)).startswith(b"retry: 2000\nid: a1.o0\nevent: hello\n")
        log.append(_event(2))
        assert (await _next(stream)).startswith(b"id: a2.o0\n")

    _run(test)


def test_a_client_that_is_too_slow_is_told_to_come_back() -> None:
    async def test(console: Any, cast: Broadcast, log: list[FeedEvent]) -> None:
        stream = events(console, await cast.join(), None, None, 1)
        await _next(stream)
        log.extend(_event(number) for number in range(1, 10))
        await asyncio.sleep(0.05)
        rest = [chunk async for chunk in stream]
        assert [chunk.split(b"\n")[0] for chunk in rest] == [
            b"id: a1.o0",
            b"id: a2.o0",
            b": too slow, come back with Last-Event-ID",
        ]

    _run(test, queue=2)


def test_the_end_of_the_server_is_said() -> None:
    async def test(console: Any, cast: Broadcast, log: list[FeedEvent]) -> None:
        stream = events(console, await cast.join(), None, None, 10)
        await _next(stream)
        asyncio.get_running_loop().call_later(0.02, cast.close)
        assert await _next(stream) == b": the server ends\n\n"

    _run(test)
