"""Where a demo plays: what it needs of a city, whether it has started that city itself or found it running."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Protocol

from citybrain.clock import Clock
from citybrain.kernel.register import Register
from citybrain.runtime.demo.pace import Pace
from citybrain.store.db import Database


class Scene(Protocol):
    """A city with its servers. A context manager: `open` it inside; what it started is stopped at the end."""

    def __enter__(self) -> Scene: ...

    def __exit__(self, *exc: object) -> None: ...

    @property
    def clock(self) -> Clock:
        """The city's time; right once it is open."""
        ...

    @property
    def start(self) -> datetime:
        """The city time at which the devices begin; right once it is open."""
        ...

    @property
    def url(self) -> str:
        """Of the API."""
        ...

    @property
    def mqtt(self) -> str:
        """URL of the broker, with a login that may publish for all devices."""
        ...

    @property
    def token(self) -> str:
        """Of the API, for the crews' moves."""
        ...

    @property
    def folder(self) -> Path | None:
        """Where its data is kept; None when that is not on this machine."""
        ...

    def open(self, register: Register, pace: Pace) -> Database:
        """Have the register known everywhere; the open database. Raises UnavailableError."""
        ...

    def check(self) -> None:
        """Raises UnavailableError when the city has ended and will not come back."""
        ...
