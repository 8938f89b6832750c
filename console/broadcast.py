"""One reader of the event stream for all clients: it polls the database, each client has a bounded queue."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from citybrain.kernel.errors import CityBrainError, UnavailableError
from citybrain.store.feed import FeedEvent, FeedPosition

log = logging.getLogger(__name__)

Read = Callable[[FeedPosition], list[FeedEvent]]
End = Callable[[], FeedPosition]


class Subscription:
    """What one client still has to get. `start` is where its live events begin."""

    def __init__(self, start: FeedPosition, size: int) -> None:
        self.start = start
        self.lost = False
        """The client was too slow: it must come back and resume."""
        self._queue: asyncio.Queue[FeedEvent | None] = asyncio.Queue(size)

    def offer(self, event: FeedEvent) -> None:
        """Hand over an event; a full queue ends the subscription instead of growing."""
        if self.lost:
            return
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self.lost = True

    def end(self) -> None:
        """Wake the client so that it sees the end."""
        if self._queue.full():
            self.lost = True
        else:
            self._queue.put_nowait(None)

    async def next(self, wait_s: float) -> FeedEvent | None:
        """The next event. Raises TimeoutError after `wait_s`; None: the stream ends."""
        if self.lost and self._queue.empty():
            return None
        return await asyncio.wait_for(self._queue.get(), wait_s)


class Broadcast:
    """Reads new events every `poll_s` real seconds while anybody listens, and hands them to all who do."""

    def __init__(self, read: Read, end: End, *, poll_s: float = 0.5, clients: int = 100, queue: int = 1000) -> None:
        self._read, self._end = read, end
        self._poll_s, self._clients, self._queue = poll_s, clients, queue
        self._subscriptions: set[Subscription] = set()
        self._position = FeedPosition()
        self._lock = asyncio.Lock()
        self._closing = asyncio.Event()

    @property
    def closing(self) -> bool:
        """Is the server about to end?"""
        return self._closing.is_set()

    @property
    def clients(self) -> int:
        """How many clients listen."""
        return len(self._subscriptions)

    def close(self) -> None:
        """End every stream. Call it in the event loop."""
        self._closing.set()
        for one in self._subscriptions:
            one.end()

    async def run(self) -> None:
        """Read and hand out until `close`."""
        while not self.closing:
            more = False
            if self._subscriptions:
                try:
                    more = await self._step()
                except CityBrainError as error:
                    log.warning("the event stream waits: %s", error)
            if not more:
                try:
                    await asyncio.wait_for(self._closing.wait(), self._poll_s)
                except TimeoutError:
                    continue

    async def _step(self) -> bool:
        """Hand out what is new; True when there may be more at once."""
        async with self._lock:
            events = await asyncio.to_thread(self._read, self._position)
            for event in events:
                for one in self._subscriptions:
                    one.offer(event)
            # who is lost gets nothing any more; a client that went away before its answer began ends here as well
            self._subscriptions = {one for one in self._subscriptions if not one.lost}
            if events:
                self._position = events[-1].position
            return bool(events)

    async def join(self) -> Subscription:
        """Listen from now on, until `leave`. Raises UnavailableError when too many do, or when the server ends."""
        if self.closing:
            raise UnavailableError("the server is about to end")
        if len(self._subscriptions) >= self._clients:
            raise UnavailableError(f"{self._clients} clients listen already; try again later")
        async with self._lock:
            if not self._subscriptions:
                self._position = await asyncio.to_thread(self._end)
            one = Subscription(self._position, self._queue)
            self._subscriptions.add(one)
        return one

    def leave(self, one: Subscription) -> None:
        """Listen no longer."""
        self._subscriptions.discard(one)
