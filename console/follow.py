"""Followers of the event stream, for watchers in a terminal: straight from the database, or over HTTP from anywhere."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

import httpx

from citybrain.clock import Clock
from citybrain.kernel.errors import CityBrainError, InputError, UnavailableError
from citybrain.store import feed, views
from citybrain.store.db import Database, Row
from citybrain.store.feed import FeedPosition
from console.watching import moment

MOST = 2000
"""alerts or orders that a watcher takes in at its start; the view shows a few dozen"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How things stand: live alerts, open orders, names of units by id."""

    alerts: list[Row]
    orders: list[Row]
    units: dict[str, Row]


class Event(NamedTuple):
    """One event: where a reader stands after it, `alert` or `order`, and its row."""

    position: str
    topic: str
    row: Row


class Follower(Protocol):
    """What a watcher needs."""

    def begin(self) -> Snapshot:
        """Start to follow, and tell how things stand. Raises UnavailableError."""
        ...

    def events(self, wait_s: float) -> list[Event]:
        """What happened since the last call; waits up to `wait_s` real seconds for something to happen."""
        ...

    def now(self) -> datetime:
        """The time of the city."""
        ...

    @property
    def trouble(self) -> str:
        """Why nothing comes at the moment; "" when all is well."""
        ...

    def close(self) -> None:
        """Follow no longer."""
        ...


class DatabaseFollower:
    """Follows by polling the database."""

    def __init__(self, db: Database, clock: Clock, after: FeedPosition | None = None) -> None:
        self._db, self._clock, self._position = db, clock, after
        self.trouble = ""

    def begin(self) -> Snapshot:
        """See Follower."""
        with self._db.transaction() as tx:
            # the position first: what happens in between is told twice, which does no harm
            self._position = self._position or feed.end(tx)
            return Snapshot(
                views.alerts(tx, limit=MOST, live=True),
                views.orders(tx, limit=MOST, open_only=True),
                {row["id"]: row for row in views.units(tx)},
            )

    def events(self, wait_s: float) -> list[Event]:
        """See Follower."""
        deadline = time.monotonic() + wait_s
        while True:
            found: list[Event] = []
            try:
                with self._db.transaction() as tx:
                    news = feed.stream_since(tx, self._position or FeedPosition())
                self.trouble = ""
                if news:
                    self._position = news[-1].position
                found = [Event(str(one.position), one.topic, one.row) for one in news]
            except UnavailableError as error:
                self.trouble = str(error)
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            time.sleep(min(0.25, left))

    def now(self) -> datetime:
        """See Follower."""
        return self._clock.now()

    def close(self) -> None:
        """See Follower."""


def sse(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """Server-sent events out of the lines of a response: fields `id`, `event`, `data` (comments are left out)."""
    fields: dict[str, str] = {}
    for line in lines:
        if not line:
            if "data" in fields:
                yield fields
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value


class RemoteTime:
    """The time of a city elsewhere, from what its answers say; it may run faster than ours."""

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._taken, self._rate = 0.0, 1.0

    def heard(self, now: datetime, monotonic_s: float) -> None:
        """An answer said that it is `now` there."""
        if self._at is not None and monotonic_s - self._taken > 0.5:
            self._rate = max(0.0, (now - self._at).total_seconds() / (monotonic_s - self._taken))
        self._at, self._taken = now, monotonic_s

    def now(self, monotonic_s: float) -> datetime:
        """The time there now. Raises UnavailableError while no answer has come."""
        if self._at is None:
            raise UnavailableError("the server has not told its time yet")
        return self._at + timedelta(seconds=(monotonic_s - self._taken) * self._rate)


class HttpFollower:
    """Follows the stream of a server by its URL, in a thread; comes back by itself where it lost contact."""

    def __init__(self, url: str, *, token: str = "", after: FeedPosition | None = None, timeout_s: float = 10) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=httpx.Timeout(timeout_s, read=45))
        self._last = str(after) if after else ""
        self._events: queue.Queue[Event] = queue.Queue(10_000)
        self._hello = threading.Event()
        self._closing = threading.Event()
        self._time, self._asked = RemoteTime(), 0.0
        self._thread = threading.Thread(target=self._follow, name="follow", daemon=True)
        self.trouble = ""

    def begin(self) -> Snapshot:
        """See Follower. Raises InputError when the server refuses the token or is no city brain."""
        self._thread.start()
        if not self._hello.wait(15):
            raise UnavailableError(f"no live stream at {self._client.base_url}: {self.trouble or 'no answer'}")
        units = self._get("/api/units", {})
        return Snapshot(
            self._all("/api/alerts", {"live": "true"}),
            self._all("/api/orders", {"open": "true"}),
            {row["id"]: row for row in units},
        )

    def _get(self, path: str, params: Mapping[str, str]) -> Any:
        try:
            answer = self._client.get(path, params=dict(params))
        except httpx.HTTPError as error:
            raise UnavailableError(f"{self._client.base_url}: {error}") from error
        if answer.status_code >= 400:
            raise _refusal(answer)
        return answer.json()

    def _all(self, path: str, params: Mapping[str, str]) -> list[Row]:
        rows: list[Row] = []
        cursor: dict[str, str] = {}
        while len(rows) < MOST:
            page = self._get(path, {**params, "limit": "500", **cursor})
            self._time.heard(moment(page["now"]), time.monotonic())
            rows += page["items"]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        return rows

    def events(self, wait_s: float) -> list[Event]:
        """See Follower."""
        found: list[Event] = []
        try:
            found.append(self._events.get(timeout=wait_s))
            while len(found) < 1000:
                found.append(self._events.get_nowait())
        except queue.Empty:
            pass
        return found

    def now(self) -> datetime:
        """See Follower. Asks the server every two seconds and reckons in between."""
        if time.monotonic() - self._asked > 2:
            self._asked = time.monotonic()
            try:
                page = self._get("/api/orders", {"limit": "1"})
                self._time.heard(moment(page["now"]), time.monotonic())
            except CityBrainError as error:
                self.trouble = str(error)
        return self._time.now(time.monotonic())

    def close(self) -> None:
        """See Follower."""
        self._closing.set()
        self._client.close()

    def _follow(self) -> None:
        wait_s = 0.5
        while not self._closing.is_set():
            try:
                headers = {"Last-Event-ID": self._last} if self._last else {}
                with self._client.stream("GET", "/api/stream", headers=headers) as answer:
                    if answer.status_code >= 400:
                        answer.read()
                        raise _refusal(answer)
                    wait_s = 0.5
                    self._take(sse(answer.iter_lines()))
            except (httpx.HTTPError, httpx.StreamError, CityBrainError, ValueError, RuntimeError) as error:
                # RuntimeError: the client was closed by `close` meanwhile
                if self._closing.is_set():
                    return
                self.trouble = str(error) or type(error).__name__
            self._closing.wait(wait_s)
            wait_s = min(10.0, wait_s * 2)

    def _take(self, events: Iterator[dict[str, str]]) -> None:
        for one in events:
            self.trouble = ""
            data = json.loads(one["data"])
            if one.get("event") == "hello":
                self._time.heard(moment(data["now"]), time.monotonic())
                self._hello.set()
            elif one.get("event") in {"alert", "order"}:
                self._events.put(Event(one["id"], one["event"], data))
            self._last = one.get("id", self._last)


def _refusal(answer: httpx.Response) -> CityBrainError:
    try:
        detail = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"this does not look like a city brain (HTTP {answer.status_code})"
    kind = UnavailableError if answer.status_code >= 500 else InputError
    return kind(f"{answer.request.url}: {detail}")
