"""Watches the requests that Apprise makes.

Apprise answers only whether a message was sent. Whether to try again has to be seen in the answer of the server, so each of its
plugins gets this object under the name `requests`: it passes everything on to the library and keeps what came back.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import requests

Reroute = Callable[[str], str]


@dataclass(slots=True)
class Seen:
    """The requests of one message."""

    key: str
    """Sent along as `Idempotency-Key`: a gateway of the city's own may look at it."""
    reroute: Reroute | None = None
    """Where requests go instead; for tests."""
    response: requests.Response | None = None
    error: Exception | None = None


_now = threading.local()


@contextmanager
def watching(seen: Seen) -> Iterator[Seen]:
    """Keep in `seen` what the plugins of this thread do."""
    _now.seen = seen
    try:
        yield seen
    finally:
        _now.seen = None


class _Witness:
    """The library `requests`, with a look at what comes back."""

    def __getattr__(self, name: str) -> Any:
        return getattr(requests, name)

    def request(self, method: str, url: str, **given: Any) -> requests.Response:
        seen: Seen | None = getattr(_now, "seen", None)
        if seen is None:
            return requests.request(method, url, **given)
        given["headers"] = {**(given.get("headers") or {}), "Idempotency-Key": seen.key}
        given["allow_redirects"] = False
        try:
            seen.response = requests.request(method, seen.reroute(url) if seen.reroute else url, **given)
        except requests.RequestException as error:
            seen.response, seen.error = None, error
            raise
        seen.error = None
        return seen.response

    def get(self, url: str, **given: Any) -> requests.Response:
        return self.request("GET", url, **given)

    def post(self, url: str, **given: Any) -> requests.Response:
        return self.request("POST", url, **given)

    def put(self, url: str, **given: Any) -> requests.Response:
        return self.request("PUT", url, **given)


WITNESS: Final = _Witness()


def stand_by(plugin: object) -> bool:
    """Watch the requests of a plugin's module from now on; False when it makes none by this library."""
    module = sys.modules[type(plugin).__module__]
    if getattr(module, "requests", None) is requests:
        vars(module)["requests"] = WITNESS
    return getattr(module, "requests", None) is WITNESS
