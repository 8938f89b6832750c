"""When each module of the cycle ran last, and which one is stuck. In the memory of one process; the clock is an argument.

A module is stuck when it has been at work for longer than it may, or when it was due all the time for as long and no run of it
came to a good end: it fails each time, another process holds it and does not let go, or the one before it never ends. What is
not due is not stuck. Every module of the cycle is watched, without a line of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

TURN_S = 30.0
"""The cycle looks four times a second what is due. When it has not for so long, it hangs, or waits for the database
(real seconds)."""


@dataclass(slots=True)
class LastRun:
    """How a module stands. `ended_at` and `seconds` are of the last run that ended, machine time; `error` is empty when that
    was a good one."""

    ended_at: datetime | None = None
    seconds: float = 0.0
    done: int = 0
    error: str = ""
    began: float | None = None
    """monotonic seconds; None: not at work"""
    due_since: float | None = None
    """monotonic seconds since when it has been due without a good run"""


class Stuck(NamedTuple):
    """A module that is stuck. `reason`: running (too long), failing, held (by another process), waiting (for its turn), or
    of the cycle as a whole: not_turning."""

    module: str
    reason: str
    seconds: float
    detail: str

    def __str__(self) -> str:
        return f"{self.module}: {self.detail} for {self.seconds:.0f} s"


class Runs:
    """The runs of one process's cycle. Written by the thread that turns it, read by any."""

    def __init__(self, allowances: Mapping[str, float], now: float, *, turn_s: float = TURN_S) -> None:
        """`allowances`: module -> real seconds that a run may take, and that it may be due in vain; `now` is monotonic."""
        self._allowances, self._turn_s = dict(allowances), turn_s
        self._last = {module: LastRun() for module in allowances}
        self._turned = now
        self._lock = threading.Lock()

    def turned(self, due: frozenset[str] | set[str], now: float) -> None:
        """A turn of the cycle begins, with these modules due."""
        with self._lock:
            self._turned = now
            for module, last in self._last.items():
                if module not in due:
                    last.due_since = None
                elif last.due_since is None:
                    last.due_since = now

    def began(self, module: str, now: float) -> None:
        """A run begins."""
        with self._lock:
            self._last[module].began = now

    def ended(self, module: str, now: float, at: datetime, *, done: int, error: str = "", held: bool = False) -> None:
        """A run has ended. `at` is machine time; `held`: another process was at it, so this one did nothing."""
        with self._lock:
            last = self._last[module]
            seconds = now - last.began if last.began is not None else 0.0
            last.began, last.ended_at, last.seconds, last.done = None, at, seconds, done
            last.error = error or ("held" if held else "")
            if not last.error:
                last.due_since = None
            self._turned = now

    def last(self) -> dict[str, LastRun]:
        """How each module stands: a copy."""
        with self._lock:
            return {
                module: LastRun(one.ended_at, one.seconds, one.done, one.error, one.began, one.due_since)
                for module, one in self._last.items()
            }

    def waits_s(self, module: str, now: float) -> float:
        """Real seconds that a module has been at work, or due without a good run; 0 when all is well."""
        with self._lock:
            last = self._last[module]
            since = [moment for moment in (last.began, last.due_since) if moment is not None]
            return max(0.0, now - min(since)) if since else 0.0

    def stuck(self, now: float) -> list[Stuck]:
        """The modules that are stuck, those that are the cause first; empty when all is well."""
        found: list[Stuck] = []
        waiting: list[Stuck] = []
        for module, last in self.last().items():
            allowed = self._allowances[module]
            if last.began is not None:
                if now - last.began > allowed:
                    found.append(Stuck(module, "running", now - last.began, "has been at work"))
            elif last.due_since is not None and now - last.due_since > allowed:
                waits = now - last.due_since
                if last.error == "held":
                    found.append(Stuck(module, "held", waits, "another process is at it, and has not let go"))
                elif last.error:
                    found.append(Stuck(module, "failing", waits, f"fails each time ({last.error})"))
                else:
                    waiting.append(Stuck(module, "waiting", waits, "waits for its turn"))
        idle = now - self._turned
        if idle > self._turn_s and all(one.reason != "running" for one in found) and not self._at_work():
            found.insert(0, Stuck("cycle", "not_turning", idle, "has not looked what is due"))
        return found + waiting

    def _at_work(self) -> bool:
        return any(last.began is not None for last in self._last.values())


def told(stuck: list[Stuck]) -> tuple[bool, str]:
    """For /readyz: whether all is well, and a sentence that names what is not."""
    if not stuck:
        return True, "every module of the cycle runs when it is due"
    return False, "; ".join(str(one) for one in stuck)
