"""One dispatcher as a process of its own, in time-lapse: it runs the cycle against a database until it is killed.

    python -m tests.live.cycle_worker DATABASE_URL BEGAN RULES PORT

BEGAN is when the test began (ms since the epoch), RULES a file of how channels may disturb people, PORT that of the server that
is told.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from citybrain.clock import real_ms
from citybrain.kernel.model import Unit
from citybrain.store.db import Database
from dispatch.channel_rules import load_channel_rules
from dispatch.channels import Channels, log, webhook
from dispatch.cycle import run_cycle
from tests.dispatch_kit import BOOKS, INFOS, NOON, register

TARGETS = 6
SPEED = 30
"""seconds of city and machine for each real one: a lease of two minutes ends after four seconds"""


def now(began_ms: int) -> datetime:
    """The time of the test, the same in all its processes."""
    return NOON + timedelta(milliseconds=(real_ms() - began_ms) * SPEED)


def told(port: int) -> Unit:
    """The unit that has what nobody else has, with some contacts."""
    contacts = tuple(f"http://127.0.0.1:{port}/crew{number}" for number in range(TARGETS))
    return Unit("street-office", "Street office", timezone="Asia/Shanghai", contacts=contacts, guardian_of=("*",))


def main(url: str, began_ms: int, rules: Path, port: int) -> None:
    """Turn the cycle for ever."""
    town, books = register(), replace(BOOKS, channels=load_channel_rules(rules))
    town.units["street-office"] = told(port)
    with Database(url, size=10, name="dispatcher") as db:
        channels = Channels([webhook.WebhookChannel(city="test", timeout_s=1.0), log.LogChannel()])
        print("runs", flush=True)
        while True:
            at = now(began_ms)
            run_cycle(
                db, now=at, infos=INFOS, register_of=lambda: town, books=books, channels=channels,
                machine_now=at.astimezone(UTC),
            )  # fmt: skip
            time.sleep(0.02)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
