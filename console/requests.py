"""Around every request: its count and duration as metrics, a bound on its size, and HEAD, which load balancers ask."""

from __future__ import annotations

import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from citybrain.metrics import Metrics

MAX_BODY = 64 * 1024
"""bytes; the largest body that any route needs is a few hundred"""
AT_ONCE = 40
"""Requests that are worked on at once: the threads that anyio gives to routes that wait for the database."""


class Requests:
    """ASGI middleware: counts and times requests by route (never by path: ids would make a series each)."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self._requests, self._seconds = metrics.http_requests, metrics.http_seconds
        self._stage = metrics.stage("console")
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        answered = False
        self._enter(+1)

        async def watched(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start" and not answered:
                answered = True
                route = getattr(scope.get("route"), "path", "none")
                seconds = time.perf_counter() - began
                self._requests.labels(scope["method"], route, str(message["status"])).inc()
                self._seconds.labels(scope["method"], route).observe(seconds)
                self._stage.worked(1, seconds)
                if message["status"] >= 500:
                    self._stage.failed()
                self._enter(-1)
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception:
            # somebody who hangs up is not among these: that is a cancellation
            self._stage.failed()
            raise
        finally:
            if not answered:
                self._enter(-1)

    def _enter(self, step: int) -> None:
        """How many requests wait for the beginning of their answer, of those that can be worked on at once."""
        self._under_way += step
        self._stage.filled(self._under_way / AT_ONCE)


class BodyLimit:
    """ASGI middleware: refuses a body over `size` bytes before it is held in memory."""

    def __init__(self, app: ASGIApp, size: int = MAX_BODY) -> None:
        self.app, self._size = app, size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._size:
                raise HTTPException(413, f"the body is larger than {self._size} bytes")
            return message

        await self.app(scope, counted, send)


class Head:
    """ASGI middleware: HEAD is answered as GET without the body. A stream never ends and has no HEAD."""

    def __init__(self, app: ASGIApp, streams: frozenset[str]) -> None:
        self.app, self._streams = app, streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"] in self._streams:
            await self.app(scope, receive, send)
            return

        async def headers_only(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self.app({**scope, "method": "GET"}, receive, headers_only)
