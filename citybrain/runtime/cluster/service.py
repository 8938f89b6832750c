"""The shell of every service of the cluster runtime: its name, its signals, its health server, its loop, its end.

    service = Service("archive", settings, metrics)
    service.check("kafka", lambda: (consumer.connected(), "…"))
    return service.run(turn, close)

`turn` is called again and again in the main thread and does a bounded piece of work: it waits for work a moment, and returns.
SIGTERM and SIGINT end the loop after the present turn, then `close` hands on what was begun, and the exit code is 0. An error
ends the process with exit code 1 and without `close`: what is durable is safe at any moment, and it is started again.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence

from citybrain import logs
from citybrain.config import Settings
from citybrain.health import Check, Health
from citybrain.kernel.errors import CityBrainError
from citybrain.metrics import Metrics
from citybrain.runtime.process import Signals

log = logging.getLogger("citybrain.service")

STALLED_S = 60.0
"""A turn that lasts longer than this (real seconds) is called dead: the longest honest one is a delivery to Kafka of 30 s."""
Probe = Callable[[], tuple[bool, str]]
"""Whether something that the service needs is there, and a sentence about it. Called in the health server's threads."""


class Service:
    """One process of the cluster. Make it in the main thread, because signals arrive there."""

    def __init__(self, name: str, settings: Settings, metrics: Metrics, *, signals: Signals | None = None) -> None:
        self.name, self.settings, self.metrics = name, settings, metrics
        self.id = settings.instance(name)
        """name of this instance, the same after a restart"""
        self.signals = signals or Signals()
        self._probes: dict[str, Probe] = {}
        self._failure: BaseException | None = None
        self._turned = time.monotonic()
        self.health = Health(settings.http_host, settings.http_port, metrics.registry, alive=self._alive, checks=self._checks)

    def check(self, name: str, probe: Probe) -> None:
        """Be ready only while this holds."""
        self._probes[name] = probe

    def fail(self, error: BaseException) -> None:
        """End with exit code 1 after the present turn (any thread; only the first error counts)."""
        if self._failure is None:
            self._failure = error

    @property
    def failed(self) -> bool:
        """Whether somebody called `fail`: long waits within a turn look at it."""
        return self._failure is not None

    @property
    def stopping(self) -> bool:
        """Whether the loop is about to end."""
        return self.signals.stop or self.failed

    def run(self, turn: Callable[[], None], close: Callable[[], None] = lambda: None) -> int:
        """Turn until a signal or an error; the exit code."""
        self.health.start()
        log.info("%s %s runs, pid %d, health at http://%s:%d", self.name, self.id, os.getpid(), *self.address())
        try:
            while not self.stopping:
                turn()
                self._turned = time.monotonic()
            if not self.failed:
                close()
            if self._failure is not None:
                raise self._failure
        except CityBrainError as error:
            log.error("%s %s ends: %s", self.name, self.id, error)
            return 1
        except Exception:
            log.exception("%s %s ends after an error that nobody foresaw", self.name, self.id)
            return 1
        finally:
            self.health.stop()
        log.info("%s %s ended as asked", self.name, self.id)
        return 0

    def address(self) -> tuple[str, int]:
        """Where the health server answers."""
        return self.settings.http_host, self.health.port

    def _alive(self) -> bool:
        return not self.failed and time.monotonic() - self._turned < STALLED_S

    def _checks(self) -> Sequence[Check]:
        found = [Check("loop", self._alive(), "the loop turns" if self._alive() else "the loop does not turn")]
        for name, probe in list(self._probes.items()):
            try:
                found.append(Check(name, *probe()))
            except Exception as error:  # a check that breaks is a check that failed
                found.append(Check(name, False, f"{type(error).__name__}: {error}"))
        return found


def log_to_stderr(settings: Settings, name: str) -> None:
    """Log lines of a service, in the form that the settings ask for."""
    logs.setup(name, level=settings.log_level, form=settings.log_format)


def exit_hard(code: int) -> None:
    """End now, whatever threads of clients still try to do: after an error they must not hold the restart up."""
    logging.shutdown()
    if code and threading.active_count() > 1:
        os._exit(code)
