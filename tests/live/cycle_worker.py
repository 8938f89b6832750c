"""Dispatchers as processes of their own, in time-lapse: each runs the cycle against a database until it is killed.

    python -m tests.live.cycle_worker DATABASE_URL BEGAN RULES PORT

For each line that it reads it forks one, which is at work within milliseconds, and says the number of its process.
BEGAN is when the test began (ms since the epoch), RULES a file of how channels may disturb people, PORT that of the server that
is told.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from citybrain.clock import real_ms
from citybrain.kernel.model import Unit
from citybrain.runtime.process import signal_at_parents_end
from citybrain.store.db import Database
from dispatch.channel_rules import load_channel_rules
from dispatch.channels import Channels, log, webhook
from dispatch.cycle import claiming, run_cycle
from tests.dispatch_kit import BOOKS, INFOS, NOON, register

TARGETS = 6
SPEED = 30
"""seconds of the city for each real one; the machine's time, that of leases and retries, is the real one"""
LEASE_S = 5.0
"""in place of two minutes: so long the notices of a process that was killed wait"""


def now(began_ms: int) -> datetime:
    """The time of the test, the same in all its processes."""
    return NOON + timedelta(milliseconds=(real_ms() - began_ms) * SPEED)


def told(port: int) -> Unit:
    """The unit that has what nobody else has, with some contacts."""
    contacts = tuple(f"http://127.0.0.1:{port}/crew{number}" for number in range(TARGETS))
    return Unit("street-office", "Street office", timezone="Asia/Shanghai", contacts=contacts, guardian_of=("*",))


def main(url: str, began_ms: int, rules: Path, port: int) -> None:
    """One dispatcher: turn the cycle for ever."""
    town, books = register(), replace(BOOKS, channels=load_channel_rules(rules))
    town.units["street-office"] = told(port)
    claiming.LEASE = timedelta(seconds=LEASE_S)
    with Database(url, size=10, name="dispatcher") as db:
        channels = Channels([webhook.WebhookChannel(city="test", timeout_s=2.0), log.LogChannel()])
        while True:
            run_cycle(
                db, now=now(began_ms), infos=INFOS, register_of=lambda: town, books=books, channels=channels
            )  # fmt: skip
            time.sleep(0.02)


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        number = os.fork()
        if not number:
            signal_at_parents_end(signal.SIGKILL)
            main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
        print(number, flush=True)
