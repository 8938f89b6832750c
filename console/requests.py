"""Around every request: its count and duration as metrics, a bound on its size, and HEAD, which load balancers ask."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 64 * 1024
"""bytes; the largest body that any route needs is a few hundred"""


class Requests:
    """ASGI middleware: counts and times requests by route (never by path: ids would make a series each)."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self.app = app
        self._requests = Counter(
            "citybrain_http_requests", "Requests by method, route and status.", ["method", "route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "citybrain_http_request_seconds", "Time until the answer began.", ["method", "route"], registry=registry
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        answered = False

        async def watched(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start" and not answered:
                answered = True
                route = getattr(scope.get("route"), "path", "none")
                self._requests.labels(scope["method"], route, str(message["status"])).inc()
                self._seconds.labels(scope["method"], route).observe(time.perf_counter() - began)
            await send(message)

        await self.app(scope, receive, watched)


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
