import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from citybrain.kernel.errors import InputError, UnavailableError
from citybrain.store.feed import FeedEvent, FeedPosition
from console.broadcast import Broadcast

AT = datetime(2026, 1, 1, tzinfo=UTC)


class Log:
    """A stream of events that a test writes."""

    def __init__(self) -> None:
        self.events: list[FeedEvent] = []
        self.fails = False
        self.reads = 0

    def add(self, number: int = 1) -> None:
        for _ in range(number):
            at = len(self.events) + 1
            self.events.append(FeedEvent(FeedPosition(at, 0), "alert", {"at": AT}))

    def read(self, after: FeedPosition) -> list[FeedEvent]:
        self.reads += 1
        if self.fails:
            raise UnavailableError("gone")
        return self.events[after.alerts :][:500]

    def end(self) -> FeedPosition:
        return FeedPosition(len(self.events), 0)


def _run(test: Callable[[Log, Broadcast], Any], **options: Any) -> None:
    async def body() -> None:
        log = Log()
        cast = Broadcast(log.read, log.end, poll_s=0.005, **options)
        task = asyncio.create_task(cast.run())
        try:
            await asyncio.wait_for(test(log, cast), 5)
        finally:
            cast.close()
            await asyncio.wait_for(task, 2)

    asyncio.run(body())


def test_all_clients_get_all_events_from_when_they_joined() -> None:
    async def test(log: Log, cast: Broadcast) -> None:
        log.add(2)
        first = await cast.join()
        log.add(2)
        got = [await first.next(1), await first.next(1)]
        second = await cast.join()
        assert (first.start, second.start) == (FeedPosition(2, 0), FeedPosition(4, 0))
        log.add(1)
        assert await first.next(1) == await second.next(1) == log.events[4]
        assert got == log.events[2:4]

    _run(test)


def test_nobody_listens_and_nothing_is_read() -> None:
    async def test(log: Log, cast: Broadcast) -> None:
        await asyncio.sleep(0.05)
        assert log.reads == 0
        one = await cast.join()
        cast.leave(one)
        assert cast.clients == 0

    _run(test)


def test_a_slow_client_is_sent_away_and_the_others_are_not_held_up() -> None:
    async def test(log: Log, cast: Broadcast) -> None:
        slow, quick = await cast.join(), await cast.join()
        for _ in range(8):
            log.add(1)
            assert await quick.next(1) is not None
        assert slow.lost
        kept = []
        while (event := await slow.next(1)) is not None:
            kept.append(event)
        assert kept == log.events[:5], "what it has is whole; it resumes behind it"
        assert not quick.lost
        assert cast.clients == 1

    _run(test, queue=5)


def test_too_many_clients_are_told_so() -> None:
    async def test(log: Log, cast: Broadcast) -> None:
        await cast.join()
        await cast.join()
        with pytest.raises(UnavailableError, match="2 clients"):
            await cast.join()

    _run(test, clients=2)


def test_a_database_that_is_away_only_delays() -> None:
    async def test(log: Log, cast: Broadcast) -> None:
        one = await cast.join()
        log.fails = True
        log.add(1)
        with pytest.raises(TimeoutError):
            await one.next(0.05)
        log.fails = False
        assert await one.next(1) == log.events[0]

    _run(test)


def test_the_end_wakes_everybody() -> None:
    async def test(log: Log, cast: Broadcast) -> None:
        one = await cast.join()
        waiting = asyncio.create_task(one.next(10))
        await asyncio.sleep(0.01)
        cast.close()
        assert await asyncio.wait_for(waiting, 1) is None
        with pytest.raises(UnavailableError):
            await cast.join()

    _run(test)


def test_a_position_has_a_text_form_that_comes_back() -> None:
    assert str(FeedPosition(12, 7)) == "a12.o7"
    assert FeedPosition.parse(" a12.o7 ") == FeedPosition(12, 7)


@pytest.mark.parametrize(
    "text", ["", "a1", "a1.o", "a.o1", "o1.a1", "a-1.o2", "a1.o2.o3", "a1.o99999999999999999999", "a１.o²"]
)
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="a12.o7"):
        FeedPosition.parse(text)
