"""The small HTTP server of a service: is it alive, is it ready, its metrics."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST, ThreadingWSGIServer

from citybrain.kernel.errors import ConfigError


class Check(NamedTuple):
    """One check: its name, whether all is well, and a sentence."""

    name: str
    ok: bool
    detail: str


class _Quiet(WSGIRequestHandler):
    """Nobody wants a log line for each probe."""

    def log_message(self, format: str, *args: Any) -> None: ...


class Health:
    """Serves /healthz, /readyz and /metrics in a thread of its own. `port` 0: any free one; the real one is in `port`.

    `alive` and `checks` are called in that thread, so they only read. Raises ConfigError when the address cannot be had.
    """

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        *,
        alive: Callable[[], bool],
        checks: Callable[[], Sequence[Check]],
    ) -> None:
        self._registry, self._alive, self._checks = registry, alive, checks
        try:
            self._server: WSGIServer = make_server(host, port, self._answer, ThreadingWSGIServer, handler_class=_Quiet)
        except OSError as error:
            raise ConfigError(f"cannot listen at {host}:{port}: {error.strerror}", key="CITYBRAIN_HTTP_PORT") from error
        self.port: int = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="health", daemon=True)

    def start(self) -> Health:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Answer no more."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(2)
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
            return [generate_latest(self._registry)]
        if path == "/healthz":
            return _json(start_response, self._alive(), {"alive": self._alive()})
        if path == "/readyz":
            checks = self._checks()
            ready = all(check.ok for check in checks)
            found = {check.name: {"ok": check.ok, "detail": check.detail} for check in checks}
            return _json(start_response, ready, {"ready": ready, "checks": found})
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"/healthz, /readyz and /metrics are here\n"]


def _json(start_response: Callable[..., object], ok: bool, body: dict[str, Any]) -> list[bytes]:
    start_response("200 OK" if ok else "503 Service Unavailable", [("Content-Type", "application/json")])
    return [json.dumps(body).encode() + b"\n"]
