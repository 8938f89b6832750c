"""A small HTTP server for tests: it keeps what is posted and answers what it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Posted(NamedTuple):
    """One request."""

    path: str
    headers: Message
    body: bytes


class _Answer(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append(Posted(self.path, self.headers, body))
        time.sleep(self.server.slow_s)
        self.send_response(self.server.status)
        if 300 <= self.server.status < 400:
            self.send_header("Location", "/elsewhere")
        answer = self.server.answer(self.path) if callable(self.server.answer) else self.server.answer
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        with suppress(BrokenPipeError):  # who asked did not wait
            self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class Hook(ThreadingHTTPServer):
    """Listens on a free port of the loopback."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.posts: list[Posted] = []
        self.status, self.slow_s = 204, 0.0
        self.answer: bytes | Callable[[str], bytes] = b""
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
