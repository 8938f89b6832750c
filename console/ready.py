"""Is everything there that work needs? Each check says what it found."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from citybrain.kernel.errors import CityBrainError
from citybrain.store import gauges
from citybrain.store.db import Database

HEARTBEAT_S = 10.0
"""The pipeline writes its heartbeat about each second; ten missed ones mean that it stands still (real seconds)."""
LAG_S = 30.0
"""Messages wait longer than this (real seconds): alive, but not keeping up."""


class Check(NamedTuple):
    """One check: its name, whether all is well, and a sentence."""

    name: str
    ok: bool
    detail: str


def database(db: Database) -> Check:
    """Does the database answer?"""
    try:
        with db.transaction() as tx:
            gauges.ping(tx)
    except CityBrainError as error:
        return Check("database", False, str(error))
    return Check("database", True, "answers")


def broker(address: Callable[[], tuple[str, int] | None], timeout_s: float = 2.0) -> Check:
    """Does the MQTT broker take connections?"""
    where = address()
    if where is None:
        return Check("broker", False, "its address is not known yet")
    try:
        with socket.create_connection(where, timeout=timeout_s):
            return Check("broker", True, f"takes connections at {where[0]}:{where[1]}")
    except OSError as error:
        return Check("broker", False, f"does not take connections at {where[0]}:{where[1]}: {error}")


def pipeline(file: Path, now_ms: int, *, full: int, heartbeat_s: float = HEARTBEAT_S, lag_s: float = LAG_S) -> Check:
    """Is the pipeline alive, connected, and does it keep up? Read from the heartbeat that it writes.

    `now_ms` is real time; `full` is how many messages may wait between broker and rules before back-pressure.
    """
    try:
        beat = json.loads(file.read_bytes())
        age = (now_ms - int(beat["updated"])) / 1000
        backlog = int(beat.get("backlog") or 0)
        lag = float(beat.get("lag_s") or 0.0)
        connected = bool(beat.get("connected", True))
    except FileNotFoundError:
        return Check("pipeline", False, "has not started yet")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Check("pipeline", False, f"its heartbeat cannot be read: {error}")
    if age > heartbeat_s:
        return Check("pipeline", False, f"its last heartbeat is {age:.0f} s old")
    if not connected:
        return Check("pipeline", False, "is not connected to the broker")
    if lag > lag_s:
        return Check("pipeline", False, f"lags {lag:.0f} s behind")
    if backlog >= full:
        return Check("pipeline", False, f"lags: its queue of {full} messages is full")
    return Check("pipeline", True, f"alive, {backlog} messages wait")


def cycle(file: Path, now_ms: int, *, heartbeat_s: float = HEARTBEAT_S) -> Check:
    """Does each module of the dispatch cycle run when it is due? Names those that are stuck. Read from what the cycle's process
    tells; `now_ms` is real time."""
    try:
        told = json.loads(file.read_bytes())
        age, ok, detail = (now_ms - int(told["updated"])) / 1000, bool(told["ok"]), str(told["detail"])
    except FileNotFoundError:
        return Check("cycle", False, "has not started yet")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Check("cycle", False, f"what it tells cannot be read: {error}")
    if age > heartbeat_s:
        return Check("cycle", False, f"has said nothing for {age:.0f} s")
    return Check("cycle", ok, detail)


def broker_address(mqtt_url: str | None, run_file: Path) -> tuple[str, int] | None:
    """Host and port of the broker: of the settings' URL, else of the run file; None when neither tells it."""
    try:
        url = mqtt_url or json.loads(run_file.read_bytes())["mqtt"]
        parts = urlsplit(str(url) if "://" in str(url) else f"mqtt://{url}")
        return (parts.hostname or "127.0.0.1", parts.port or (8883 if parts.scheme == "mqtts" else 1883))
    except (OSError, ValueError, KeyError, TypeError):
        return None
