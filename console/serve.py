"""The HTTP server: binds a port (another one when it is taken), runs the application, ends the streams when it ends."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from citybrain.clock import Clock
from citybrain.config import Settings
from citybrain.kernel.errors import ConfigError
from citybrain.metrics import Metrics
from citybrain.store.db import Database
from console.app import create_app
from console.context import CityTables
from console.ready import Check

log = logging.getLogger(__name__)


def bind(host: str, port: int, *, only: bool = False) -> socket.socket:
    """A bound socket: at the wanted port, or at any free one when that is taken (not with `only`) or 0. Raises ConfigError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for wanted in (port, 0):
        found = socket.socket(family)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, wanted))
            # listening tells for sure: two servers can bind one port, only one can listen
            found.listen(128)
        except OSError as error:
            found.close()
            if error.errno not in {errno.EADDRINUSE, errno.EACCES} or wanted == 0 or only:
                raise ConfigError(f"cannot listen at {host}:{port}: {error.strerror}", key="CITYBRAIN_HTTP_HOST") from error
            log.warning("port %d is taken: the HTTP server takes another one", wanted)
            continue
        found.set_inheritable(False)
        return found
    raise AssertionError("unreachable")


class HttpServer(uvicorn.Server):
    """One server of one application. It ends when `stopping` says so; signals are the owner's matter."""

    def __init__(
        self, app: FastAPI, sock: socket.socket, *, on_port: Callable[[int], None], stopping: Callable[[], bool]
    ) -> None:
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", server_header=False)
        config.timeout_graceful_shutdown = 5  # real seconds for requests under way
        super().__init__(config)
        self._app, self._socket, self._on_port, self._stopping = app, sock, on_port, stopping
        self.port: int = sock.getsockname()[1]

    def serve_here(self) -> None:
        """Serve in this thread until `stopping`."""
        self.run(sockets=[self._socket])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell the real port."""
        await super().startup(sockets=sockets)
        if self.started:
            self._on_port(self.port)

    async def on_tick(self, counter: int) -> bool:
        """Asked ten times a second: is it time to end?"""
        return await super().on_tick(counter) or self._stopping()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams first: they would not end by themselves."""
        self._app.state.console.broadcast.close()
        await super().shutdown(sockets=sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take no signals: uvicorn would raise them again at its end, and the exit of a drained server is a clean one."""
        yield


def serve(
    settings: Settings,
    db: Database,
    clock: Clock,
    city: CityTables,
    run: Path | None,
    on_port: Callable[[int], None],
    stopping: Callable[[], bool],
    *,
    metrics: Metrics | None = None,
    checks: Sequence[Callable[[], Check]] | None = None,
) -> None:
    """Serve until `stopping()`. `run` is the run folder, None for a service of its own, which takes no other port than the
    wanted one; `on_port` gets the real port once connections are taken; `metrics` and `checks` are those of `create_app`.

    Raises ConfigError when the address cannot be listened at at all.
    """
    app = create_app(db, settings, clock, city, metrics=metrics, run=run, alone=run is None, checks=checks)
    sock = bind(settings.http_host, settings.http_port, only=run is None)
    HttpServer(app, sock, on_port=on_port, stopping=stopping).serve_here()
