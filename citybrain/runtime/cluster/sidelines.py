"""What a dispatch service does beside its alerts: the cycle and the publishing in threads, and the city kept up to date."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from citybrain.clock import Clock
from citybrain.kernel.errors import CityBrainError, UnavailableError
from citybrain.metrics import Metrics
from citybrain.runtime.city import RELOAD_S, City
from citybrain.runtime.cluster.publishing import Publishing
from citybrain.runtime.cluster.service import Service
from citybrain.runtime.cluster.watching import database_url
from citybrain.runtime.cycling import Cycling
from citybrain.store.db import Database
from citybrain.store.link import Link
from citybrain.topics.producer import Producer

log = logging.getLogger(__name__)
PUBLISH_S = 0.5
"""how often the register is looked at for what is to be published (real seconds)"""
AGAIN_S = 1.0
"""pause after a failure of the database or of Kafka (real seconds)"""
OPEN_S = 5.0
STOP_S = 10.0
"""longest wait for a thread at the end (real seconds)"""


class Sidelines:
    """Two threads and the upkeep of what they share with the loop. Any error but an outage ends the service."""

    def __init__(self, service: Service, city: City, clock: Clock, metrics: Metrics, producer: Producer) -> None:
        self._service, self._city, self._url = service, city, database_url(service.settings)
        self._cycling = Cycling(city, clock, metrics)
        self._link = Link(self._url, f"citybrain {service.id} register")
        source = f"citybrain/dispatch/{service.id}"
        self._publishing = Publishing(service.settings, city, clock, producer, self._link, source)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(name, work), name=name, daemon=True)
            for name, work in (("cycle", self._cycle), ("register", self._publish))
        ]
        self._next_look, self._seen = 0.0, self._file_state()

    def start(self) -> None:
        """Begin."""
        self._cycling.warn()
        self._service.check("cycle", self._cycling.probe)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after what is under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(STOP_S)

    def upkeep(self, link: Link) -> None:
        """Take over changes of the register and of the rulebook's file; in the thread of the loop."""
        if self._service.signals.take_reload():
            self._city.reload_rulebook()
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + RELOAD_S
        if (seen := self._file_state()) != self._seen:
            self._seen = seen
            self._city.reload_rulebook()
        try:
            with link.transaction() as tx:
                self._city.refresh_register(tx)
        except UnavailableError as error:
            log.debug("the register is not looked at: %s", error)

    def _file_state(self) -> tuple[int, int] | None:
        """What tells that the city's rulebook file was changed."""
        path = self._service.settings.rulebook
        try:
            found = path.stat() if path is not None else None
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size) if found is not None else None

    def _run(self, name: str, work: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                work()
            except UnavailableError as error:
                log.warning("the %s waits: %s", name, error)
                self._stop.wait(AGAIN_S)
            except Exception as error:  # the service ends and is started again: nothing goes on without its cycle
                self._service.fail(error if isinstance(error, CityBrainError) else RuntimeError(f"{name}: {error!r}"))
                log.exception("the %s ends", name)
                return

    def _cycle(self) -> None:
        db = Database(self._url, size=3, name=f"citybrain {self._service.id} cycle").open(OPEN_S)
        try:
            while not self._stop.is_set():
                self._cycling.turn(db)
        finally:
            self._cycling.close()
            db.close()

    def _publish(self) -> None:
        try:
            while not self._stop.is_set():
                if not self._publishing.turn():
                    self._stop.wait(PUBLISH_S)
        finally:
            self._link.close()
