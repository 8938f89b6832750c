"""Beside the cycle of the embedded program: a thread that tells how its modules stand, also while one of them hangs.

The heartbeat of a part is written by the thread that works. Whoever hangs writes none, and so could not say where.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from citybrain.clock import real_ms
from citybrain.runtime.rundir import RunDir
from dispatch.cycle.runs import Runs, told

NAME = "modules"
"""`run/modules.json`"""
EVERY_S = 1.0


class Telltale:
    """Writes once a second; `also` is called with it (for the metrics, which say the same)."""

    def __init__(self, run: RunDir, runs: Runs, also: Callable[[], None] = lambda: None) -> None:
        self._run, self._runs, self._also = run, runs, also
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="telltale", daemon=True)

    def start(self) -> Telltale:
        """Begin."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Tell no more."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(2)

    def _tell(self) -> None:
        while True:
            ok, detail = told(self._runs.stuck(monotonic()))
            runs = {
                module: {
                    "ended_at": last.ended_at.isoformat() if last.ended_at else None,
                    "seconds": round(last.seconds, 3),
                    "done": last.done,
                    "error": last.error,
                }
                for module, last in self._runs.last().items()
            }
            self._run.write(NAME, {"updated": real_ms(), "ok": ok, "detail": detail, "runs": runs})
            self._also()
            if self._end.wait(EVERY_S):
                return
